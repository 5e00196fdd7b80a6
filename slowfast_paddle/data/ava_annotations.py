"""Boxes with actions from annotation tools, on their way to the AVA layout and back.

Every format meets in `Annotation`: one action of one person at one moment, corners as fractions of the frame.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slowfast_paddle.data.ava_csv import PIXELS_ABOVE, format_second, read_labels, write_labels
from slowfast_paddle.data.ava_labels import read_label_map, write_label_map
from slowfast_paddle.errors import DataError

PLAIN_COLUMNS = ("video", "second", "x1", "y1", "x2", "y2", "action", "person")
_IMAGE = re.compile(r"^(?P<video>.*?)[_\-/]*(?P<number>\d+)\.[A-Za-z]+$")


@dataclass(frozen=True)
class Annotation:
    """One action of one person at one moment."""

    video: str
    second: float
    box: tuple[float, float, float, float]
    action: str
    person: int = 0


@dataclass(frozen=True)
class Clock:
    """Frame numbers and seconds. `first_frame` is the number of the frame shown at `start_sec`."""

    fps: float = 30.0
    start_sec: float = 0.0
    first_frame: int = 0

    def second(self, frame: float) -> float:
        """Moment of a frame."""
        return round(self.start_sec + (frame - self.first_frame) / self.fps, 6)

    def frame(self, second: float) -> int:
        """Frame nearest to a moment."""
        return round((second - self.start_sec) * self.fps) + self.first_frame

    def place(self, image: str, where: str) -> tuple[str, float]:
        """Video and second of an image name: VIDEO_000031.jpg or VIDEO/000031.jpg.

        Raises:
            DataError: for a name without a number or a video.
        """
        match = _IMAGE.match(image.replace("\\", "/"))
        video = match["video"].rsplit("/", 1)[-1] if match else ""
        if not video:
            raise DataError(
                f"{where}: image name {image!r} does not say its video and frame; expected VIDEO_000031.jpg or VIDEO/000031.jpg"
            )
        return video, self.second(int(match["number"]))

    def image(self, video: str, second: float) -> str:
        """Image name that `place` reads back."""
        return f"{video}_{self.frame(second):06d}.jpg"


def fractions(corners: Sequence[float], width: float, height: float, where: str) -> tuple[float, float, float, float]:
    """Corners in px as fractions, checked.

    Raises:
        DataError: for a box without area, or far outside the frame.
    """
    x1, y1, x2, y2 = (float(value) for value in corners)
    if not (x1 < x2 and y1 < y2):
        raise DataError(f"{where}: box {x1:g}, {y1:g}, {x2:g}, {y2:g} has no area; expected x1 < x2 and y1 < y2")
    box = (x1 / width, y1 / height, x2 / width, y2 / height)
    if max(box) > PIXELS_ABOVE:
        raise DataError(
            f"{where}: box {x1:g}, {y1:g}, {x2:g}, {y2:g} does not fit a frame of {width:g} x {height:g} px; check the frame size"
        )
    return tuple(round(value, 6) for value in box)


def write_ava(folder: str | Path, annotations: Sequence[Annotation]) -> dict[str, int]:
    """Write labels.csv and label_map.pbtxt; classes are numbered from 1 in the order of their names.

    Returns:
        Rows per action.

    Raises:
        DataError: when there is nothing to write.
    """
    if not annotations:
        raise DataError(f"{folder}: no boxes with an action were found, so there is nothing to convert")
    actions = sorted({item.action for item in annotations})
    numbers = {action: number for number, action in enumerate(actions, start=1)}
    ordered = sorted(annotations, key=lambda item: (item.video, item.second, item.person, numbers[item.action]))
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_labels(
        folder / "labels.csv",
        [item.video for item in ordered],
        [item.second for item in ordered],
        np.array([item.box for item in ordered]),
        [numbers[item.action] for item in ordered],
        [str(item.person) for item in ordered],
    )
    write_label_map(folder / "label_map.pbtxt", {number: action for action, number in numbers.items()})
    return {action: sum(item.action == action for item in ordered) for action in actions}


def read_ava(labels: str | Path, label_map: str | Path) -> list[Annotation]:
    """Ground truth with the names of its classes.

    Raises:
        DataError: for a class number without a name.
    """
    table, names = read_labels(labels), read_label_map(label_map)
    annotations = []
    for row, label in enumerate(table.labels.tolist()):
        if label not in names:
            raise DataError(f"{table.where(row)}: class {label} is not in {label_map}; add it there")
        person = int(table.persons[row] or 0) if table.persons else 0
        box = tuple(table.boxes[row].tolist())
        annotations.append(Annotation(table.videos[row], float(table.seconds[row]), box, names[label], person))
    return annotations


def read_plain(path: str | Path, clock: Clock, size: tuple[int, int] | None = None) -> list[Annotation]:
    """Read a csv with a header: video, second or frame, x1, y1, x2, y2, action, and optionally person, width, height.

    Corners are fractions, or px where the row or `size` (width, height) tells the size of the frame.

    Raises:
        DataError: with file:line.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            header = set(reader.fieldnames or ())
            missing = [name for name in ("video", "x1", "y1", "x2", "y2", "action") if name not in header]
            if missing or not header & {"second", "frame"}:
                raise DataError(
                    f"{path}:1: the header lacks {', '.join(missing) or 'second (or frame)'}; expected {','.join(PLAIN_COLUMNS)}"
                )
            return [_plain_row(row, f"{path}:{reader.line_num}", clock, size) for row in reader]
    except OSError as err:
        raise DataError(f"{path}: cannot be read ({err.strerror}); expected a csv file with a header") from err


def _plain_row(row: dict[str, str], where: str, clock: Clock, size: tuple[int, int] | None) -> Annotation:
    try:
        corners = [float(row[name]) for name in ("x1", "y1", "x2", "y2")]
        second = float(row["second"]) if row.get("second") else clock.second(float(row["frame"]))
        person = int(row.get("person") or 0)
        width, height = (float(row["width"]), float(row["height"])) if row.get("width") else size or (1.0, 1.0)
    except (ValueError, TypeError, KeyError) as err:
        raise DataError(f"{where}: a number is missing or malformed ({err}); expected {','.join(PLAIN_COLUMNS)}") from err
    if not row["video"] or not row["action"]:
        raise DataError(f"{where}: the video or the action is empty")
    return Annotation(row["video"], second, fractions(corners, width, height, where), row["action"], person)


def write_plain(path: str | Path, annotations: Sequence[Annotation]) -> None:
    """Write the csv that read_plain reads."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(PLAIN_COLUMNS)
        for item in annotations:
            writer.writerow([item.video, format_second(item.second), *item.box, item.action, item.person])
