"""How the frames of a training or validation clip become squares: short-side jitter and crop, or a resized crop of any shape."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from slowfast_paddle.data.source import Keep
from slowfast_paddle.data.transforms import RESIZERS, crop_offsets, draw_short_side, place_crop, resized_size
from slowfast_paddle.errors import DataError

ATTEMPTS = 10


@dataclass(frozen=True)
class ResizedCrop:
    """A crop of random area and aspect, resized to the square.

    Source: MMAction2 RandomResizedCrop; there frames are first brought to short side 256, here each frame is resampled once.

    Attributes:
        area: range of the crop's share of the frame.
        aspect: range of width / height, drawn evenly over its logarithm.
    """

    area: tuple[float, float] = (0.08, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)

    def box(self, height: int, width: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
        """top, left, height, width; the largest centred square when ten drawn shapes do not fit."""
        for _ in range(ATTEMPTS):
            area = rng.uniform(*self.area) * height * width
            aspect = math.exp(rng.uniform(math.log(self.aspect[0]), math.log(self.aspect[1])))
            box_width, box_height = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < box_width <= width and 0 < box_height <= height:
                left, top = int(rng.integers(width - box_width + 1)), int(rng.integers(height - box_height + 1))
                return top, left, box_height, box_width
        side = min(height, width)
        return (height - side) // 2, (width - side) // 2, side, side


@dataclass(frozen=True)
class Cropping:
    """Geometry of training and validation clips.

    Attributes:
        crop_px: side of the square.
        short_side_px: range of the short side before cropping; validation uses the lower end.
        flip: probability of mirroring a training clip.
        resized: crop a random shape instead of jittering the short side; None for the jitter.
        resize: method, a key of RESIZERS.
        inverse: draw the inverse of the short side evenly.
    """

    crop_px: int = 224
    short_side_px: tuple[int, int] = (256, 320)
    flip: float = 0.5
    resized: ResizedCrop | None = None
    resize: str = "bilinear"
    inverse: bool = False

    def __post_init__(self) -> None:
        if not self.crop_px <= self.short_side_px[0] <= self.short_side_px[1]:
            raise DataError(
                f"short side {self.short_side_px} must be low, high and not below the crop {self.crop_px} (data.short_side_px)"
            )

    def at(self, crop_px: int) -> "Cropping":
        """The same for another crop: the lower end of the short side follows it, so that small crops see as much of the frame.

        Source: PySlowFast datasets/kinetics.py (min_scale under multigrid).
        """
        low, high = self.short_side_px
        return replace(self, crop_px=crop_px, short_side_px=(max(round(low * crop_px / self.crop_px), crop_px), high))

    def centred(self) -> Keep:
        """The middle of the frame."""
        return lambda frame: self._cut(frame, self.short_side_px[0], None, False)

    def drawn(self, rng: np.random.Generator) -> Keep:
        """One random geometry for all frames of a clip."""
        short_side = draw_short_side(*self.short_side_px, rng, self.inverse)
        where, flip = tuple(rng.random(2)), rng.random() < self.flip
        if self.resized is None:
            return lambda frame: self._cut(frame, short_side, where, flip)
        seed = int(rng.integers(2**63))  # the box depends on the size of the frame, which is not known yet
        return lambda frame: self._cut_box(frame, self.resized.box(*frame.shape[:2], np.random.default_rng(seed)), flip)

    def _cut(self, frame: np.ndarray, short_side: int, where: tuple[float, float] | None, flip: bool) -> np.ndarray:
        height, width = resized_size(*frame.shape[:2], short_side)
        frame = RESIZERS[self.resize](frame, height, width)
        if where is None:
            y, x = crop_offsets(height, width, self.crop_px, 1)[0]
        else:
            y, x = place_crop(height, width, self.crop_px, where)
        frame = frame[y : y + self.crop_px, x : x + self.crop_px]
        return cv2.flip(frame, 1) if flip else frame  # a reversed view is five times slower to copy

    def _cut_box(self, frame: np.ndarray, box: tuple[int, int, int, int], flip: bool) -> np.ndarray:
        top, left, height, width = box
        frame = RESIZERS[self.resize](frame[top : top + height, left : left + width], self.crop_px, self.crop_px)
        return cv2.flip(frame, 1) if flip else frame  # a reversed view is five times slower to copy
