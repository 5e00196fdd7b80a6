"""Frames of AVA-style videos on disk: frame lists, and folders VIDEO/VIDEO_000001.jpg without a list."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from slowfast_paddle.errors import DataError

LIST_HEADER = "original_vido_id video_id frame_id path labels"  # the reference's own spelling
SUFFIXES = (".jpg", ".jpeg", ".png")
_NUMBER = re.compile(r"(\d+)(?=\.[A-Za-z]+$)")


@dataclass(frozen=True)
class FrameSequence:
    """The frames of one video in order. Numbered names are kept as a pattern: AVA has eight million of them."""

    template: str  # holds {number:06d}; empty when the names follow no pattern
    first: int
    count: int
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.count

    def path(self, index: int) -> str:
        """Path of frame `index`, counted from 0."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        return self.names[index] if self.names else self.template.format(number=self.first + index)


def frame_sequence(names: Sequence[str]) -> FrameSequence:
    """Compress file names that count upwards into a pattern."""
    match = _NUMBER.search(names[0])
    if match:
        head, tail = names[0][: match.start()], names[0][match.end() :]
        template = f"{_escape(head)}{{number:0{len(match[1])}d}}{_escape(tail)}"
        first = int(match[1])
        if all(name == template.format(number=first + place) for place, name in enumerate(names)):
            return FrameSequence(template, first, len(names))
    return FrameSequence("", 0, len(names), tuple(names))


def read_frame_list(path: str | Path, folder: str | Path = "") -> dict[str, FrameSequence]:
    """Read `original_vido_id video_id frame_id path labels` lines; frames of a video must follow each other.

    Args:
        folder: put before every path.

    Raises:
        DataError: with file:line, for a malformed line or a frame number that does not follow the one before.
    """
    prefix = f"{folder}/" if str(folder) else ""
    videos: dict[str, list[str]] = {}
    for line, cells in _list_rows(Path(path)):
        name, number = cells[0], cells[2]
        names = videos.setdefault(name, [])
        if not number.isdigit() or int(number) != len(names):
            raise DataError(
                f"{path}:{line}: frame_id of {name} is {number!r}; expected {len(names)}, the next frame (numbers count from 0)"
            )
        names.append(prefix + cells[3].strip('"'))
    if not videos:
        raise DataError(f"{path}: lists no frames; expected the header `{LIST_HEADER}` and one line a frame")
    return {name: frame_sequence(names) for name, names in videos.items()}


def _list_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            for line, text in enumerate(file, start=1):
                cells = text.split()
                if not cells or (line == 1 and cells[0].startswith("original_vid")):
                    continue
                if len(cells) < 4:
                    raise DataError(f"{path}:{line}: {len(cells)} fields; expected `{LIST_HEADER}`")
                yield line, cells
    except OSError as err:
        raise DataError(f"{path}: cannot be read ({err.strerror}); expected a frame list") from err
    except UnicodeDecodeError as err:
        raise DataError(f"{path}: not a text file ({err})") from err


def write_frame_list(path: str | Path, videos: dict[str, FrameSequence]) -> None:
    """Write a frame list with paths as the sequences hold them."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(LIST_HEADER + "\n")
        for place, (name, frames) in enumerate(videos.items()):
            for index in range(len(frames)):
                file.write(f'{name} {place} {index} {frames.path(index)} ""\n')


def scan_frames(folder: str | Path, video: str) -> FrameSequence:
    """List the images of `folder/video` in the order of their numbers.

    Raises:
        DataError: when the folder is absent, holds no images, or leaves out a number.
    """
    place = Path(folder) / video
    if not place.is_dir():
        raise DataError(f"{place}: no such frame folder; expected images {video}_000001.jpg ... in it")
    found = []
    for entry in place.iterdir():
        match = _NUMBER.search(entry.name) if entry.suffix.lower() in SUFFIXES else None
        if match:
            found.append((int(match[1]), str(entry)))
    if not found:
        raise DataError(f"{place}: holds no numbered images; expected {video}_000001.jpg ...")
    found.sort()
    for (before, _), (number, name) in zip(found, found[1:], strict=False):
        if number != before + 1:
            raise DataError(f"{name}: frame {before + 1} is missing before it; extract the video again")
    return frame_sequence([name for _, name in found])


def read_frame(path: str) -> np.ndarray:
    """Decode one image.

    Shapes: uint8 [H, W, 3], RGB.

    Raises:
        DataError: when the image is missing or damaged.
    """
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as err:
        raise DataError(f"{path}: frame cannot be read ({err.strerror})") from err
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise DataError(f"{path}: not a readable image; extract the video again")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _escape(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
