"""One line of a list: its path, the texts of its labels, and what is wrong with it."""

import re

from slowfast_paddle.errors import DataError


def class_number(text: bytes) -> int | None:
    """The number a label text is, also as a table of floats writes it (3.0); None for anything else."""
    text = text.strip().strip(b'"')
    try:
        return int(text)
    except ValueError:
        return int(text.partition(b".")[0]) if re.fullmatch(rb"-?\d+\.0*", text) else None


def is_utf8(text: bytes) -> bool:
    """Whether it can be decoded."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def split_line(line: bytes, comma: bool, multi_label: bool) -> tuple[bytes, list[bytes]]:
    """Path and the texts of its labels; no label text when the separator is missing."""
    if not comma:
        name, *labels = line.rsplit(None, 1)
        return name, labels[0].split(b",") if multi_label and labels else labels
    if not multi_label:
        name, found, label = line.rpartition(b",")
        return (name, [label]) if found else (line, [])
    fields = line.split(b",")
    first = len(fields)
    while first > 1 and class_number(fields[first - 1]) is not None:
        first -= 1
    return b",".join(fields[:first]), fields[first:]


def has_labels(line: bytes, comma: bool) -> bool:
    """Whether the line ends with class numbers."""
    texts = split_line(line, comma, True)[1]
    return bool(texts) and all(class_number(text) is not None for text in texts)


def uses_comma(line: bytes, multi_label: bool) -> bool:
    """Whether a comma stands between path and labels."""
    if multi_label and has_labels(line, False):  # `path 1,5` and `path,1,5`: only the second has a comma right after the path
        return False
    return b"," in line and all(class_number(text) is not None for text in split_line(line, True, multi_label)[1])


def label_error(line: bytes, where: str, comma: bool, first: bool) -> DataError:
    """Says which of the usual mistakes a line without a class number is."""
    text = line.decode("utf-8", "replace")
    if first and not re.search(r"[./\\]", text) and re.search(r"(?i)path|file|video|name|label|class", text):
        return DataError(f"{where}: {show(line)} looks like a header; remove this line, a list begins with its first video")
    for mark in ";\uff0c":
        if class_number(text.rpartition(mark)[2].encode()) is not None and mark in text:
            return DataError(f"{where}: {mark!r} separates path and label in {show(line)}; expected `path,label`")
    tails = [text.rpartition(",")[2].strip().strip('"')] if "," in text else []
    tails += [text.rsplit(None, 1)[1]] if len(text.split()) > 1 else []
    named = [tail for tail in tails if not re.search(r"[./\\]", tail) and class_number(tail.encode()) is None]
    if not named:
        return DataError(f"{where}: no label in {show(line)}; expected {form(comma)}")
    return DataError(
        f"{where}: label {named[0]!r} is not a class number; expected {form(comma or ',' in text)} with numbers from 0, "
        f"as `python -m slowfast_paddle data lists` writes them for class names"
    )


def form(comma: bool) -> str:
    """What a line should look like."""
    return f"`path{',' if comma else ' '}label`"


def show(line: bytes) -> str:
    """A line as messages quote it."""
    text = line.decode("utf-8", "replace")
    return repr(text if len(text) <= 80 else text[:77] + "...")
