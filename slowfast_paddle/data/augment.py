"""Augmentations of a clip's pixels, one after the other."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Step = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class ClipAugment:
    """Applies `steps` in order to uint8 [T, H, W, 3]; each keeps the shape and draws from the sample's generator alone."""

    steps: tuple[Step, ...] = ()

    def __call__(self, clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The augmented clip."""
        for step in self.steps:
            clip = step(clip, rng)
        return clip
