"""YAML with line numbers: every key remembers the file and line that set it, for error messages."""

from pathlib import Path
from typing import Any

import yaml

from slowfast_paddle.errors import ConfigError

KeyPath = tuple[str, ...]
Origins = dict[KeyPath, str]  # key path -> "file:line"
_DEEPEST = 20  # lists and mappings inside one another; no configuration comes near
_DATE = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """Dates stay text, and what would make a short file long is refused: aliases, and endless nesting."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in rows if tag != _DATE]
        for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """As the base class, which takes its turn for every value."""
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem=f"alias *{event.anchor}; write the value out", problem_mark=event.start_mark)
        if self._depth > _DEEPEST:
            raise yaml.MarkedYAMLError(problem=f"more than {_DEEPEST} values inside one another", problem_mark=event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """As the base class; a number of thousands of digits is an error with a line too."""
        try:
            return super().construct_object(node, deep)
        except ValueError as err:
            raise yaml.MarkedYAMLError(problem=str(err), problem_mark=node.start_mark) from err


def _parse(text: str) -> tuple[yaml.Node | None, Any]:
    """The tree and its value.

    Raises:
        yaml.YAMLError: not YAML, or refused.
    """
    loader = _Loader(text)
    node = loader.get_single_node()
    return node, None if node is None else loader.construct_document(node)


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
        node, data = _parse(text)
    except yaml.YAMLError as err:
        mark = getattr(err, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: not valid YAML: {_problem(err)}") from err
    if node is None or data is None:
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
        return _parse(text)[1]
    except yaml.YAMLError as err:
        raise ConfigError(f"override value {text[:80]!r} is not valid YAML: {_problem(err)}") from err


def _problem(err: yaml.YAMLError) -> str:
    return getattr(err, "problem", None) or str(err).splitlines()[0]


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`: mappings merge key by key, everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
