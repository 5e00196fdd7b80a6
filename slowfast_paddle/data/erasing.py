"""Random erasing for clips: the same boxes in every frame."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

AREA = (0.02, 1 / 3)  # of all boxes together, as a share of the frame
ASPECT = (0.3, 1 / 0.3)
ATTEMPTS = 100


@dataclass(frozen=True)
class RandomErasing:
    """Overwrites boxes.

    Source: Zhong et al. 2020; PySlowFast random_erasing.py (cube), which overwrites normalised values: noise of mean 0 and
    deviation 1 there is noise around `mean` with deviation `std` here, cut off at black and white.

    Attributes:
        probability: that a clip is changed at all.
        mode: "pixel" (noise), "rand" (one random colour a box and frame) or "const" (the mean colour).
        boxes: at most so many; between 1 and this number are drawn.
        mean, std: of R, G and B in 0..1, as the network's input is normalised.
    """

    probability: float
    mode: str = "pixel"
    boxes: int = 1
    mean: Sequence[float] = (0.45, 0.45, 0.45)
    std: Sequence[float] = (0.225, 0.225, 0.225)

    def __call__(self, clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """uint8 [T, H, W, 3] to the same shape."""
        if rng.random() >= self.probability:
            return clip
        clip = np.array(clip)
        count = int(rng.integers(1, self.boxes + 1))
        for _ in range(count):
            box = self._box(*clip.shape[1:3], count, rng)
            if box is not None:
                top, left, height, width = box
                part = clip[:, top : top + height, left : left + width]
                part[:] = self._filling(part.shape, rng)
        return clip

    @staticmethod
    def _box(height: int, width: int, count: int, rng: np.random.Generator) -> tuple[int, int, int, int] | None:
        """top, left, height, width of one of `count` boxes; None when no drawn shape fits."""
        for _ in range(ATTEMPTS):
            area = rng.uniform(*AREA) * height * width / count
            aspect = math.exp(rng.uniform(math.log(ASPECT[0]), math.log(ASPECT[1])))
            box_height, box_width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < box_height < height and 0 < box_width < width:
                top, left = rng.integers(height - box_height + 1), rng.integers(width - box_width + 1)
                return int(top), int(left), box_height, box_width
        return None

    def _filling(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """uint8, broadcastable to `shape` [T, h, w, 3]."""
        if self.mode == "const":
            noise: np.ndarray | float = 0.0
        else:
            noise = rng.standard_normal(shape if self.mode == "pixel" else (shape[0], 1, 1, 3), dtype=np.float32)
        return np.clip(255 * (np.asarray(self.mean) + np.asarray(self.std) * noise) + 0.5, 0, 255).astype(np.uint8)
