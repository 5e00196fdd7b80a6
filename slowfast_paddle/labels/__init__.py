"""Class names: shipped lists by name, and text files of the user.

A shipped list is a text file beside this module: one name a line, in the order of the classifier's outputs, or
`number: name` where only some outputs have a name (AVA names 60 of 80).
"""

import re
from pathlib import Path

from slowfast_paddle.errors import DataError
from slowfast_paddle.files import read_text

_ALIASES = {"k400": "kinetics400", "k600": "kinetics600", "k700": "kinetics700", "something-something-v2": "ssv2"}
_NUMBERED = re.compile(r"(\d+)\s*:\s*(\S.*)")
# Outputs of the published classifiers whose list names fewer classes than there are outputs.
_OUTPUTS = {"ava": 80}


def shipped() -> dict[str, Path]:
    """The shipped lists: name -> file."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob("*.txt"))}


def is_shipped(source: str | Path) -> bool:
    """Whether this names a shipped list."""
    return _ALIASES.get(str(source).lower(), str(source).lower()) in shipped()


def class_names(source: str | Path, num_classes: int | None = None) -> list[str | None]:
    """One entry per output of the classifier; None where no name is known.

    Args:
        source: a shipped list (kinetics400, k400, ava, ...) or a text file.
        num_classes: outputs of the network, checked where given.

    Raises:
        DataError: with file:line, for a list that is missing, malformed or does not fit.
    """
    name = _ALIASES.get(str(source).lower(), str(source).lower())
    path = shipped().get(name) or Path(source)
    if not path.is_file():
        raise DataError(f"{source}: neither a file nor a shipped list of class names ({', '.join(shipped())})")
    lines = [line.strip() for line in read_text(path, "class names, one a line").splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    if all(_NUMBERED.fullmatch(line) for line in lines if line) and lines:
        names = _numbered(path, lines, num_classes or _OUTPUTS.get(path.stem, 0))
    else:
        names = [line or None for line in lines]
        if None in names:
            raise DataError(f"{path}:{names.index(None) + 1}: an empty line among the class names; expected one name a line")
    for row, name in enumerate(names):
        if name is not None and names.index(name) < row:
            raise DataError(
                f"{path}: class {row} is called {name!r} like class {names.index(name)}; give every class its own name"
            )
    if num_classes is not None and len(names) != num_classes:
        raise DataError(f"{path}: {len(names)} class names for {num_classes} classes; give the list the network was trained with")
    return names


def _numbered(path: Path, lines: list[str], outputs: int) -> list[str | None]:
    """Class n of a numbered list is output n - 1, as the published AVA classifiers have it."""
    found: dict[int, str] = {}
    for number, line in enumerate(lines, 1):
        if line:
            label, name = _NUMBERED.fullmatch(line).groups()  # type: ignore[union-attr]
            if not 1 <= int(label) <= (outputs or int(label)) or int(label) in found:
                raise DataError(f"{path}:{number}: class {label} comes twice or lies outside 1..{outputs}")
            found[int(label)] = name
    return [found.get(label) for label in range(1, (outputs or max(found)) + 1)]


def known_for(num_classes: int, detection: bool = False) -> str | None:
    """The shipped list that published weights with this many outputs belong to, if there is exactly one.

    Only counts that no common data set shares with another are trusted: 400, 600 and 700 (Kinetics), 174 (SSv2) and
    AVA's 80 outputs of a box classifier.
    """
    if detection:
        return "ava" if num_classes == 80 else None
    return {400: "kinetics400", 600: "kinetics600", 700: "kinetics700", 174: "ssv2"}.get(num_classes)
