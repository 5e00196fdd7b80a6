"""List files: which videos belong to a set and what they show.

train.csv   videos/a b.mp4,3      or   videos/ab.mp4 3          path and class number, comma or blank separated
charades    videos/ab.mp4 1,5,7   or   videos/ab.mp4,1,5,7      several class numbers (multi_label)
infer.csv   videos/ab.mp4                                       paths only (labelled=False)
PySlowFast  original_vido_id video_id frame_id path labels      one line a frame, see frame_lists
"""

import io
import os
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slowfast_paddle.data.frame_lists import HEADER, SSV2, frame_videos, ssv2_labels
from slowfast_paddle.data.list_lines import class_number, form, has_labels, is_utf8, label_error, show, split_line, uses_comma
from slowfast_paddle.errors import DataError, DecodeError
from slowfast_paddle.files import not_utf8, read_user_file

SEPARATORS = ("auto", "comma", "blank")


@dataclass(frozen=True)
class Records:
    """The lines of one list, as flat arrays: forked readers share them instead of copying a million small objects.

    Shapes: text holds all paths in one string of bytes, path i is text[starts[i]:starts[i + 1]]; lines int32 [N] from 1;
    labels int32 [sum of labels], those of line i are labels[label_starts[i]:label_starts[i + 1]]. Of a frame list also spans int32
    [sum of labels, 2], first and last frame that has the label, and frames int32 [N], how many a video has; else empty and 0.
    """

    source: str
    text: bytes
    starts: np.ndarray
    lines: np.ndarray
    labels: np.ndarray
    label_starts: np.ndarray
    spans: np.ndarray
    frames: np.ndarray
    multi_label: bool = False

    def __len__(self) -> int:
        return len(self.lines)

    def path(self, index: int) -> str:
        """Path as listed, prefix included."""
        return self.text[self.starts[index] : self.starts[index + 1]].decode("utf-8", "surrogateescape")

    def label(self, index: int, clip: np.ndarray | None = None) -> int | tuple[int, ...] | None:
        """Class number, all class numbers of a multi-label line, or None where the list has no labels.

        Where the frames have labels and `clip` names some of a video's frames, those from the first to the last of them count.
        """
        place = slice(self.label_starts[index], self.label_starts[index + 1])
        own = self.labels[place]
        if clip is not None and len(self.spans):
            own = own[(self.spans[place, 0] <= clip.max()) & (self.spans[place, 1] >= clip.min())]
        if self.multi_label:
            return tuple(dict.fromkeys(own.tolist()))
        return int(own[0]) if len(own) else None

    def check_frames(self, index: int, count: int) -> None:
        """Raises DecodeError where a frame list promises another number of frames than the folder holds."""
        if self.frames[index] not in (0, count):
            raise DecodeError(
                f"{self.where(index)}: lists {self.frames[index]} frames of {self.path(index)}, which holds {count} images"
            )

    def where(self, index: int) -> str:
        """`file:line` of an entry, for messages."""
        return f"{self.source}:{self.lines[index]}"

    def select(self, indices: Iterable[int]) -> "Records":
        """The same list restricted to some entries."""
        selected = _Columns()
        for i in indices:
            own, path = slice(self.label_starts[i], self.label_starts[i + 1]), self.text[self.starts[i] : self.starts[i + 1]]
            spans = self.spans[own].ravel().tolist()
            selected.add(path, self.labels[own].tolist(), int(self.lines[i]), spans, int(self.frames[i]))
        return selected.records(self.source, self.multi_label)


def from_paths(paths: Iterable[str], source: str = "input") -> Records:
    """Records without labels, for prediction on given files."""
    columns = _Columns()
    for number, path in enumerate(paths, 1):
        columns.add(str(path).encode("utf-8", "surrogateescape"), [], number)
    return columns.records(source, False)


def read_records(
    path: str | Path,
    *,
    labelled: bool = True,
    multi_label: bool = False,
    num_classes: int | None = None,
    separator: str = "auto",
    prefix: str = "",
) -> Records:
    """Reads a list file.

    Blank lines are skipped, double quotes around a path or label are removed. With `auto` the first line decides: a comma
    followed by class numbers means comma, anything else blank. `prefix` is a folder put before every path that is not absolute.
    Without `labelled`, labels are skipped where the first line has some.

    Raises:
        DataError: missing or empty list, line without path or label, label that is no class number below `num_classes`, or a line
            that is not UTF-8 and names no file as it is.
    """
    if separator not in SEPARATORS:
        raise DataError(f"separator {separator!r} is unknown; expected one of {', '.join(SEPARATORS)}")
    text = read_user_file(Path(path), f"a text file with {'`path label`' if labelled else 'one path'} a line")
    if b"\0" in text:
        raise not_utf8(str(path))
    readable = is_utf8(text)
    comma = separator == "comma"
    folder = prefix.encode("utf-8", "surrogateescape").rstrip(b"/") + b"/" if prefix else b""
    columns = _Columns()
    if text.startswith(HEADER):
        return _frame_records(text, Path(path), folder, labelled, multi_label, num_classes)
    for number, padded in enumerate(io.BytesIO(text), 1):
        line = padded.strip()
        if not line:
            continue
        where, first = f"{path}:{number}", not len(columns.lines)
        if separator == "auto" and first:
            comma = uses_comma(line, multi_label or not labelled)
        if first:
            split = labelled or has_labels(line, comma) and not os.path.exists(_below(folder, line.strip(b'"')))
        name, texts = split_line(line, comma, multi_label or not labelled) if split else (line, [])
        name = name.strip().strip(b'"')
        labels = [label for label in map(class_number, texts) if label is not None] if labelled else []
        if labelled and (not labels or len(labels) < len(texts)):
            raise label_error(line, where, comma, first)
        if not name:
            raise DataError(f"{where}: no path in {show(line)}; expected {form(comma) if labelled else 'a path'}")
        _check_range(labels, where, num_classes)
        name = _below(folder, name)
        if not readable and not is_utf8(line) and not os.path.exists(name):
            raise not_utf8(where)
        columns.add(name, labels, number)
    if not len(columns.lines):
        raise DataError(f"{path}: the list is empty; expected {'`path label`' if labelled else 'one path'} a line")
    return columns.records(str(path), multi_label)


def _below(folder: bytes, name: bytes) -> bytes:
    return folder + name if folder and not name.startswith(b"/") else name


def _frame_records(text: bytes, path: Path, folder: bytes, labelled: bool, multi_label: bool, num_classes: int | None) -> Records:
    """One record for each video of a frame list; its path is the folder of the images."""
    columns, named = _Columns(), None
    for video in frame_videos(text, str(path)):
        labels = [label for label, _, _ in video.spans] if labelled else []
        spans = [place for _, *places in video.spans for place in places]
        where = f"{path}:{video.line}"
        if labelled and not multi_label:
            if not labels:
                named = ssv2_labels(path.parent) if named is None else named
                labels = [named[video.name]] if video.name in named else []
            if len(set(labels)) != 1:
                found = f"the labels {sorted(set(labels))}" if labels else f"no label, also not in {SSV2}-*.json beside the list"
                raise DataError(f"{where}: {video.name} has {found}; expected one, or set data.multi_label")
            labels, spans = labels[:1], []
        _check_range(labels, where, num_classes)
        columns.add(_below(folder, video.folder), labels, video.line, spans if labels else [], video.frames)
    if not len(columns.lines):
        raise DataError(f"{path}: the frame list is empty")
    return columns.records(str(path), multi_label)


def _check_range(numbers: list[int], where: str, num_classes: int | None) -> None:
    for number in numbers:
        if number < 0:
            raise DataError(f"{where}: label {number} is negative; class numbers count from 0")
        if num_classes is not None and number >= num_classes:
            raise DataError(
                f"{where}: label {number} is out of range; the network has {num_classes} classes, "
                f"0 to {num_classes - 1} (model.num_classes)"
            )


class _Columns:
    """Records under construction, without an object per line."""

    def __init__(self) -> None:
        self.text = bytearray()
        self.starts, self.lines = array("q", [0]), array("i")
        self.labels, self.label_starts = array("i"), array("q", [0])
        self.spans, self.frames = array("i"), array("i")

    def add(self, path: bytes, labels: list[int], line: int, spans: Iterable[int] = (), frames: int = 0) -> None:
        self.text += path
        self.starts.append(len(self.text))
        self.lines.append(line)
        self.labels.extend(labels)
        self.spans.extend(spans)
        self.frames.append(frames)
        self.label_starts.append(len(self.labels))

    def records(self, source: str, multi_label: bool) -> Records:
        return Records(
            source,
            bytes(self.text),
            starts=np.array(self.starts),
            lines=np.array(self.lines),
            labels=np.array(self.labels),
            label_starts=np.array(self.label_starts),
            spans=np.array(self.spans).reshape(-1, 2),
            frames=np.array(self.frames),
            multi_label=multi_label,
        )
