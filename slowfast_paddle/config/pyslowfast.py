"""Reads PySlowFast YAML files (upper-case sections and keys)."""

from collections.abc import Mapping
from typing import Any

from slowfast_paddle.config.yaml_file import Origins
from slowfast_paddle.errors import ConfigError


def is_pyslowfast(data: Mapping[str, Any]) -> bool:
    """Whether the sections and their keys are upper-case, as PySlowFast writes them."""
    sections = [value for value in data.values() if isinstance(value, Mapping)]
    return bool(sections) and all(str(key).isupper() for section in sections for key in section)


def to_config(data: Mapping[str, Any], overrides: list[str], origins: Origins) -> tuple[dict[str, Any], list[str]]:
    """Translates sections and `KEY VALUE` overrides into this package's keys."""
    raise ConfigError(f"{next(iter(origins.values()), 'configuration')}: PySlowFast sections {', '.join(data)} cannot be read yet")
