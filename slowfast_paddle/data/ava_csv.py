"""AVA box files: `video,second,x1,y1,x2,y2,...` with corners as fractions of the frame, no header.

    labels       video,second,x1,y1,x2,y2,class[,person]
    detections   video,second,x1,y1,x2,y2,class,score
    boxes        video,second,x1,y1,x2,y2,,score        people found by a detector: the class column is empty or ignored
    excluded     video,second
Seconds may be any number; 902, 0902 and 902.0 are the same second.
"""

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from slowfast_paddle.errors import DataError

NO_LABEL = -1
CHUNK_ROWS = 1000  # larger chunks keep more lists alive, and the garbage collector walks them again and again
PIXELS_ABOVE = 1.5  # a fraction of the frame may slip over 1, but not this far


@dataclass(frozen=True)
class BoxTable:
    """Rows of one box file.

    Shapes: videos, persons: N strings; images: N keys `video,second`; seconds float64 [N]; boxes float64 [N, 4] as x1, y1, x2, y2
    fractions; labels int64 [N] (NO_LABEL where empty); scores float64 [N] or None; lines int64 [N], from 1.
    """

    path: str
    videos: list[str]
    images: list[str]
    seconds: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray | None
    persons: list[str] | None
    lines: np.ndarray

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, row: int) -> str:
        """`file:line` of a row, for messages."""
        return f"{self.path}:{self.lines[row]}"


def format_second(second: float) -> str:
    """Text of a second as AVA writes it: four digits, decimals only where needed."""
    return f"{int(second):04d}" if float(second).is_integer() else f"{second:.6f}".rstrip("0")


def image_key(video: str, second: float) -> str:
    """Key of a keyframe, equal for every spelling of the second."""
    return f"{video},{format_second(second)}"


def read_labels(path: str | Path) -> BoxTable:
    """Read ground truth, with or without the person column.

    Raises:
        DataError: with file:line, for a malformed row or a box without area.
    """
    table = _read(path, columns=(7, 8), expected="video,second,x1,y1,x2,y2,class[,person]", scored=False)
    if (table.labels == NO_LABEL).any():
        row = int(np.argmax(table.labels == NO_LABEL))
        raise DataError(f"{table.where(row)}: the class (column 7) is empty; every ground truth row needs a class number")
    check_boxes(table)
    return table


def read_detections(path: str | Path) -> BoxTable:
    """Read labelled, scored boxes. Boxes without area are kept: the evaluation counts and ignores them."""
    table = _read(path, columns=(8,), expected="video,second,x1,y1,x2,y2,class,score", scored=True)
    if (table.labels == NO_LABEL).any():
        row = int(np.argmax(table.labels == NO_LABEL))
        raise DataError(f"{table.where(row)}: the class (column 7) is empty; detections need a class number in every row")
    return table


def read_boxes(path: str | Path) -> BoxTable:
    """Read scored person boxes of a detector; labels are NO_LABEL where the column is empty."""
    table = _read(path, columns=(8,), expected="video,second,x1,y1,x2,y2,,score", scored=True)
    check_boxes(table)
    return table


def read_excluded(path: str | Path) -> set[str]:
    """Read image keys of excluded timestamps."""
    keys = set()
    for number, cells in _rows(Path(path)):
        if len(cells) != 2:
            raise DataError(f"{path}:{number}: {len(cells)} columns; expected video,second")
        keys.add(image_key(cells[0].strip(), _number(cells[1], path, number, "second")))
    return keys


def check_boxes(table: BoxTable) -> None:
    """Refuse boxes without area and boxes in pixels.

    Raises:
        DataError: naming the first such row.
    """
    x1, y1, x2, y2 = table.boxes.T
    flat = (x2 <= x1) | (y2 <= y1)
    if flat.any():
        row = int(np.argmax(flat))
        raise DataError(
            f"{table.where(row)}: box {_text(table.boxes[row])} has no area; expected x1 < x2 and y1 < y2"
            f" ({int(flat.sum())} such rows)"
        )
    pixels = (table.boxes > PIXELS_ABOVE).any(axis=1)
    if pixels.any():
        row = int(np.argmax(pixels))
        raise DataError(
            f"{table.where(row)}: box {_text(table.boxes[row])} is in pixels; expected fractions of the frame from 0 to 1:"
            f" divide x by the width and y by the height ({int(pixels.sum())} such rows)"
        )


def write_labels(
    path: str | Path,
    videos: Sequence[str],
    seconds: Iterable[float],
    boxes: np.ndarray,
    labels: Iterable[int],
    persons: Sequence[str] | None = None,
) -> None:
    """Write a ground truth file that read_labels reads back equal (shapes as in BoxTable)."""
    ends = [""] * len(videos) if persons is None else [f",{person}" for person in persons]
    rows = zip(videos, seconds, boxes.tolist(), labels, ends, strict=True)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{v},{format_second(s)},{_corners(b)},{label}{end}\n" for v, s, b, label, end in rows)


def write_detections(
    path: str | Path,
    videos: Sequence[str],
    seconds: Iterable[float],
    boxes: np.ndarray,
    labels: Iterable[int],
    scores: np.ndarray,
) -> None:
    """Write a detection file; NO_LABEL leaves the class empty (shapes as in BoxTable)."""
    rows = zip(videos, seconds, boxes.tolist(), labels, scores.tolist(), strict=True)
    with open(path, "w", encoding="utf-8") as file:
        for video, second, box, label, score in rows:
            text = "" if label == NO_LABEL else str(label)
            file.write(f"{video},{format_second(second)},{_corners(box)},{text},{_decimal(score)}\n")


def _read(path: str | Path, columns: tuple[int, ...], expected: str, scored: bool) -> BoxTable:
    path = Path(path)
    names: dict[tuple[str, str], tuple[str, float, str]] = {}
    places, boxes, labels, last, lines = [], [], [], [], []
    rows = _rows(path)
    width = None
    while chunk := list(islice(rows, CHUNK_ROWS)):
        width = width or len(chunk[0][1])
        numbers, rows_of_cells = zip(*chunk, strict=True)
        if width not in columns or set(map(len, rows_of_cells)) != {width}:
            number, cells = next((n, cells) for n, cells in chunk if len(cells) != width or width not in columns)
            like_above = f" and {width} columns as in the rows above" if width in columns else ""
            raise DataError(f"{path}:{number}: {len(cells)} columns; expected {expected}{like_above}")
        lines.append(np.array(numbers, dtype=np.int64))
        cells = list(zip(*rows_of_cells, strict=True))
        for video, second, number in zip(cells[0], cells[1], lines[-1], strict=True):
            if (video, second) not in names:
                value = _number(second, path, int(number), "second (column 2)")
                name = video.strip()
                if not name:
                    raise DataError(f"{path}:{number}: the video (column 1) is empty")
                names[video, second] = (name, value, image_key(name, value))
            places.append(names[video, second])
        corners = [_numbers(cells[2 + i], path, lines[-1], f"{['x1', 'y1', 'x2', 'y2'][i]} (column {3 + i})") for i in range(4)]
        boxes.append(np.stack(corners, axis=1))
        labels.append(_labels(cells[6], path, lines[-1]))
        if scored:
            last.append(_numbers(cells[7], path, lines[-1], "score (column 8)"))
        elif width == 8:
            last.extend(cell.strip() for cell in cells[7])
            _labels(cells[7], path, lines[-1], "person (column 8)")
    return BoxTable(
        path=str(path),
        videos=[place[0] for place in places],
        images=[place[2] for place in places],
        seconds=np.array([place[1] for place in places], dtype=np.float64),
        boxes=np.concatenate(boxes) if boxes else np.zeros((0, 4)),
        labels=np.concatenate(labels) if labels else np.zeros(0, dtype=np.int64),
        scores=(np.concatenate(last) if last else np.zeros(0)) if scored else None,
        persons=last if not scored and width == 8 else None,
        lines=np.concatenate(lines) if lines else np.zeros(0, dtype=np.int64),
    )


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every row that is not blank."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
    except OSError as err:
        raise DataError(f"{path}: cannot be read ({err.strerror}); expected an AVA csv file") from err
    except (UnicodeDecodeError, csv.Error) as err:
        raise DataError(f"{path}: not a text csv file ({err})") from err


def _numbers(cells: Sequence[str], path: Path, lines: np.ndarray, name: str) -> np.ndarray:
    """Column of finite numbers; the slow search for the culprit runs only when there is one."""
    try:
        values = np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
    except ValueError:
        values = np.array([_number(cell, path, int(line), name) for cell, line in zip(cells, lines, strict=True)])
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values)))
        raise DataError(f"{path}:{lines[row]}: {name} is {cells[row].strip()!r}; expected a finite number")
    return values


def _number(cell: str, path: str | Path, line: int, name: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{path}:{line}: {name} is {cell.strip()!r}; expected a finite number")
    return value


def _labels(cells: Sequence[str], path: Path, lines: np.ndarray, name: str = "class (column 7)") -> np.ndarray:
    try:
        return np.fromiter(map(int, cells), dtype=np.int64, count=len(cells))
    except ValueError:
        values = np.empty(len(cells), dtype=np.int64)
    for row, cell in enumerate(cells):
        try:
            values[row] = int(cell)
        except ValueError:
            if cell.strip():
                raise DataError(f"{path}:{lines[row]}: {name} is {cell.strip()!r}; expected a whole number") from None
            values[row] = NO_LABEL
    return values


def _corners(box: Sequence[float]) -> str:
    return ",".join(_decimal(value) for value in box)


def _decimal(value: float) -> str:
    """Three decimals as AVA writes them, or as many as it takes to read the same number back."""
    text = f"{value:.3f}"
    return text if float(text) == value else repr(value)


def _text(box: np.ndarray) -> str:
    return ", ".join(f"{value:g}" for value in box)
