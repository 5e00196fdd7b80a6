"""Reads PySlowFast YAML files (upper-case sections and keys): the same network, reader, schedule and test protocol."""

import difflib
import logging
from collections.abc import Mapping
from typing import Any

from slowfast_paddle.config.pyslowfast_keys import ADVICE, COPIED, DEFAULTS, FIXED, FIXED_TRAINING
from slowfast_paddle.config.pyslowfast_translate import likeness, translate
from slowfast_paddle.config.yaml_file import Origins, parse_scalar
from slowfast_paddle.errors import ConfigError

_logger = logging.getLogger(__name__)


def is_pyslowfast(data: Mapping[str, Any]) -> bool:
    """Whether the sections and their keys are upper-case, as PySlowFast writes them."""
    sections = [value for value in data.values() if isinstance(value, Mapping)]
    return bool(sections) and all(str(key)[:1].isupper() for section in [data, *sections] for key in section)


def to_config(data: Mapping[str, Any], overrides: list[str], origins: Origins) -> tuple[dict[str, Any], list[str], Origins]:
    """Translates sections and `KEY VALUE` overrides into this package's keys.

    Returns:
        Our sections, the overrides that were not PySlowFast's, and where each of our keys was set.

    Raises:
        ConfigError: a key that is unknown, or that changes the network, its training or its scores and has no counterpart.
    """
    given, places, rest = _with_overrides(flat(data), overrides)
    result = translate(given)

    def where(key: str) -> str:
        return places.get(key) or origins.get(tuple(key.split(".")), f"PySlowFast key {key}")

    for key in result.unknown:
        near = difflib.get_close_matches(key, {*DEFAULTS, *COPIED, *FIXED, *FIXED_TRAINING}, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "; remove it"
        raise ConfigError(f"{where(key)}: '{key}' is not a PySlowFast key{hint}")
    for key in result.wrong:
        raise ConfigError(f"{where(key)}: {key}: expected a value such as {likeness(key)!r}, found {given[key]!r}")
    for keys, changed in ((result.lost, "the network or its scores"), (result.training, "training")):
        if keys:
            listed = ", ".join(f"{key}: {given.get(key, DEFAULTS.get(key))!r}" for key in dict.fromkeys(keys))
            raise ConfigError(f"{where(keys[0])}: {listed} changes {changed} and has no counterpart here; {_advice(keys[0])}")
    for note in result.notes:
        _logger.warning("PySlowFast configuration: %s", note)
    if result.harmless:
        _logger.info("PySlowFast configuration: keys that decide nothing here: %s", ", ".join(result.harmless))
    set_at = {tuple(target.split(".")): f"{where(key)} ({key})" for target, key in result.sources.items() if key in given}
    return result.config, rest, set_at


def _advice(key: str) -> str:
    if key in ADVICE:
        return ADVICE[key]
    allowed = {**FIXED, **FIXED_TRAINING}.get(key)
    return f"expected {' or '.join(map(repr, allowed))}" if allowed else "remove it"


def flat(data: Mapping[str, Any]) -> dict[str, Any]:
    """Nested sections as `SECTION.KEY: value`, two levels deep."""
    pairs: dict[str, Any] = {}
    for section, value in data.items():
        if isinstance(value, Mapping):
            pairs |= {f"{section}.{key}": inner for key, inner in value.items()}
        else:
            pairs[section] = value
    return pairs


def _with_overrides(given: dict[str, Any], overrides: list[str]) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Takes `KEY VALUE` pairs with upper-case keys out of the overrides; also says which keys they set."""
    given, places, rest, words = dict(given), {}, [], iter(overrides)
    for word in words:
        key, equals, value = word.partition("=")
        if not key[:1].isupper():
            rest.append(word)
            continue
        if not equals:
            value = next(words, None)  # type: ignore[assignment]
            if value is None:
                raise ConfigError(f"override '{word}' has no value; PySlowFast overrides are pairs such as MODEL.NUM_CLASSES 10")
        given[key], places[key] = _parsed(value), f"override '{key} {value}'"
    return given, places, rest


def _parsed(text: str) -> Any:
    try:
        return parse_scalar(text)
    except ConfigError:  # as PySlowFast: what is no value is text, such as a separator
        return text
