"""YAML with line numbers: every key remembers the file and line that set it, for error messages."""

from pathlib import Path
from typing import Any

import yaml

from slowfast_paddle.errors import ConfigError

KeyPath = tuple[str, ...]
Origins = dict[KeyPath, str]  # key path -> "file:line"


def read_yaml(path: Path) -> tuple[dict[str, Any], Origins]:
    """Reads one YAML mapping.

    Returns:
        The mapping and the origin of each of its keys.

    Raises:
        ConfigError: the file is missing, is not YAML, repeats a key or is not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"{path}: cannot read the configuration: {err}") from err
    tab = next((i for i, line in enumerate(text.splitlines(), 1) if line[: len(line) - len(line.lstrip())].count("\t")), None)
    if tab is not None:
        raise ConfigError(f"{path}:{tab}: a tab in the indentation; YAML takes spaces only")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as err:
        mark = getattr(err, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: not valid YAML: {getattr(err, 'problem', None) or err}") from err
    if data is None:
        return {}, {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected sections such as `model:` and `data:`, found a {type(data).__name__}")
    origins: Origins = {}
    _collect(node, (), path, origins)
    return data, origins


def _collect(node: yaml.Node, prefix: KeyPath, path: Path, origins: Origins) -> None:
    """Walks the node tree; a repeated key is an error because YAML would silently keep the last."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key_node, value_node in node.value:
        key = (*prefix, str(key_node.value))
        where = f"{path}:{key_node.start_mark.line + 1}"
        if origins.get(key, "").startswith(f"{path}:"):
            raise ConfigError(f"{where}: key '{'.'.join(key)}' repeats the one at {origins[key]}; keep one of them")
        origins[key] = where
        _collect(value_node, key, path, origins)


def parse_scalar(text: str) -> Any:
    """The value of a command-line override, read as YAML: `1e-4`, `[0, 10]`, `true`, `text`."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as err:
        raise ConfigError(f"override value {text!r} is not valid YAML: {getattr(err, 'problem', None) or err}") from err


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`: mappings merge key by key, everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
