"""Folders of numbered images and arrays in memory, read as if they were videos."""

import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from slowfast_paddle.data.source import Frames, Keep, Timeline
from slowfast_paddle.errors import DataError, DecodeError

IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


class FolderSource:
    """A folder with one image a frame, in the order of the numbers in their names.

    Args:
        template: a name with one field for the number, as img_{:05d}.jpg or img_%05d.jpg.
        fps: rate at which the images were taken, 1/s.
    """

    def __init__(self, folder: str, template: str, fps: float):
        self.name = folder
        self.template = template
        self.fps = fps

    @cached_property
    def _files(self) -> list[Path]:
        images = [path for path in self._entries() if path.suffix.lower() in IMAGES]
        pattern = _pattern(self.template)
        numbered = [(int(match[1]), path) for path in images if (match := pattern.fullmatch(path.name))]
        if not numbered:  # another naming: the last number in the name counts
            numbered = [(int(match[1]), path) for path in images if (match := re.search(r"(\d+)\D*$", path.stem))]
        if not numbered:
            raise DecodeError(f"{self.name}: no numbered images in this folder; expected {self.template} (data.frame_template)")
        return [path for _, path in sorted(numbered)]

    def _entries(self) -> list[Path]:
        try:
            return [Path(entry) for entry in os.scandir(self.name) if entry.is_file()]
        except OSError as err:
            raise DecodeError(f"{self.name}: the folder cannot be read ({err.strerror})") from err

    @property
    def expected(self) -> int:
        return len(self._files)

    @cached_property
    def timeline(self) -> Timeline:
        return Timeline(len(self._files), self.fps, np.arange(len(self._files)) / self.fps)

    def read(self, wanted: np.ndarray, keep: Keep, whole: bool) -> Frames:
        return Frames({place: keep(_read_image(self._files[place])) for place in wanted.tolist()}, None)

    def stream(self) -> Iterator[np.ndarray]:
        return map(_read_image, self._files)


class ArraySource:
    """Frames already in memory, uint8 [T, H, W, 3] in RGB.

    Raises:
        DataError: another type or shape.
    """

    def __init__(self, frames: np.ndarray, fps: float):
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or not frames.size:
            raise DataError(f"frames are {frames.dtype} {list(frames.shape)}; expected uint8 [T, H, W, 3] in RGB")
        self.name = f"array of {len(frames)} frames"
        self.frames = frames
        self.expected = len(frames)
        self.timeline = Timeline(len(frames), fps, np.arange(len(frames)) / fps)

    def read(self, wanted: np.ndarray, keep: Keep, whole: bool) -> Frames:
        return Frames({place: keep(self.frames[place]) for place in wanted.tolist()}, None)

    def stream(self) -> Iterator[np.ndarray]:
        return iter(self.frames)


def _read_image(path: Path) -> np.ndarray:
    try:  # cv2.imread takes no names that are not UTF-8
        pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error) as err:
        raise DecodeError(f"{path}: not a readable image ({getattr(err, 'err', None) or err})") from err
    if pixels is None:
        raise DecodeError(f"{path}: not a readable image")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def _pattern(template: str) -> re.Pattern:
    """Expression for the names a template writes; its group is the number.

    Raises:
        DataError: the template has no field for a number.
    """
    parts = re.split(r"\{:?0?\d*d?\}|%0?\d*d", template)
    if len(parts) != 2:
        raise DataError(f"frame template {template!r} needs exactly one number field, as img_{{:05d}}.jpg (data.frame_template)")
    return re.compile(rf"{re.escape(parts[0])}(\d+){re.escape(parts[1])}")
