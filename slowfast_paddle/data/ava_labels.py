"""Action lists: class numbers and names of an AVA-style data set, in the spellings found in the wild."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slowfast_paddle.errors import DataError

_NUMBERED = re.compile(r"^(\d+)\s*[:,\t ]\s*(\S.*)$")
_FIELD = re.compile(r"^(name|id|label_id)\s*:\s*(.+?)\s*,?$")


@dataclass(frozen=True)
class ActionList:
    """Class numbers and the column of the network's output each belongs to; more classes may have a column than a name."""

    names: dict[int, str]  # class number -> name, in the order of the file
    num_columns: int
    columns: dict[int, int]  # class number -> column

    def label_of_column(self) -> np.ndarray:
        """int64 [num_columns]: class number of every column."""
        labels = np.empty(self.num_columns, dtype=np.int64)
        for label, column in self.columns.items():
            labels[column] = label
        return labels


def action_list(names: dict[int, str], num_classes: int | None = None) -> ActionList:
    """Give every class its column.

    With num_classes None or equal to the number of classes, columns follow the file. With more columns than classes (AVA: 80
    columns, of which 60 are evaluated) the published weights put class n in column n - 1.

    Raises:
        DataError: when the classes do not fit.
    """
    count = num_classes or len(names)
    if count == len(names):
        columns = {label: column for column, label in enumerate(names)}
    elif count > len(names) and min(names) >= 1 and max(names) <= count:
        columns = {label: label - 1 for label in range(1, count + 1)}
    else:
        raise DataError(
            f"{len(names)} classes numbered {min(names)} to {max(names)} do not fit {count} outputs;"
            f" set model.num_classes to {len(names)}, or to at least {max(names)} to put class n in output n - 1"
        )
    return ActionList(dict(names), count, columns)


def read_label_map(path: str | Path) -> dict[int, str]:
    """Read class numbers and names.

    Reads .pbtxt blocks as `item { name: "..." id: 1 }` and `label { name: "..." label_id: 1 label_type: ... }`, and plain lines
    `1: name`.

    Raises:
        DataError: with file:line, for an unreadable block, a class without number or name, or a number used twice.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as err:
        raise DataError(f"{path}: cannot be read ({err.strerror}); expected a label map (.pbtxt or `1: name` lines)") from err
    except UnicodeDecodeError as err:
        raise DataError(f"{path}: not a text file ({err})") from err
    pairs = _blocks(path, text) if "{" in text else _numbered(path, text)
    names: dict[int, str] = {}
    for line, label, name in pairs:
        if label in names:
            raise DataError(f"{path}:{line}: class {label} is named twice ({names[label]!r} and {name!r})")
        names[label] = name
    if not names:
        raise DataError(f'{path}: holds no classes; expected blocks like item {{ name: "run" id: 1 }} or lines like `1: run`')
    return names


def write_label_map(path: str | Path, names: dict[int, str]) -> None:
    """Write a .pbtxt in the `item` spelling."""
    blocks = []
    for label, name in names.items():
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        blocks.append(f'item {{\n  name: "{escaped}"\n  id: {label}\n}}\n')
    Path(path).write_text("".join(blocks), encoding="utf-8")


def _numbered(path: Path, text: str) -> list[tuple[int, int, str]]:
    pairs = []
    for line, content in enumerate(text.splitlines(), start=1):
        if not content.strip():
            continue
        match = _NUMBERED.match(content.strip())
        if not match:
            raise DataError(f"{path}:{line}: {content.strip()!r} is not a class; expected `1: name`")
        pairs.append((line, int(match[1]), _unquote(match[2])))
    return pairs


def _blocks(path: Path, text: str) -> list[tuple[int, int, str]]:
    """Walk the file token line by token line, so that one-line and many-line blocks read alike."""
    pairs, fields, opened = [], {}, 0
    for line, content in enumerate(text.splitlines(), start=1):
        for part in _split_outside_quotes(content):
            if part in ("item", "label"):
                continue
            if part == "{":
                if opened:
                    raise DataError(f"{path}:{line}: a block begins inside the one of line {opened}; a }} is missing")
                fields, opened = {}, line
            elif part == "}":
                pairs.append((opened, *_class_of(path, opened or line, fields)))
                opened = 0
            elif match := _FIELD.match(part):
                fields[match[1].removeprefix("label_")] = match[2]
            elif not re.match(r"^[A-Za-z_]\w*\s*:", part):
                raise DataError(f'{path}:{line}: {part!r} is not part of a label map; expected name: "..." and id: N')
    if opened:
        raise DataError(f"{path}:{opened}: the block is never closed; a }} is missing")
    return pairs


def _split_outside_quotes(content: str) -> list[str]:
    """`item { name: "a" id: 1 }` -> item, {, name: "a", id: 1, }."""
    tokens = re.findall(r'[{}]|[A-Za-z_]\w*\s*:\s*(?:"(?:[^"\\]|\\.)*"|[^\s{}]+)|#.*$|[^\s{}]+', content)
    return [token for token in tokens if not token.startswith("#")]


def _class_of(path: Path, line: int, fields: dict[str, str]) -> tuple[int, str]:
    if "id" not in fields or "name" not in fields:
        missing = "id" if "id" not in fields else "name"
        raise DataError(f'{path}:{line}: the block has no {missing}; expected name: "..." and id: N (or label_id: N)')
    if not fields["id"].isdigit():
        raise DataError(f"{path}:{line}: the id is {fields['id']!r}; expected a whole number")
    return int(fields["id"]), _unquote(fields["name"])


def _unquote(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    return text.replace('\\"', '"').replace("\\'", "'").replace("\\\\", "\\")
