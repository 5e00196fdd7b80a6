"""Resize, crop and flip of uint8 RGB frames. Pure functions; random ones take their generator.

A resizer takes one frame [H, W, 3] and the wanted size and returns uint8 [h, w, 3]. `RESIZERS` names the protocols' methods.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

MAX_ASPECT = 16  # a 1 x 4000 image resized to short side 256 would be a million pixels long: the long side is cut off here

Resizer = Callable[[np.ndarray, int, int], np.ndarray]


def resize_bilinear(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear without antialias in float32, rounded once: at most half a level from torch interpolate(align_corners=False).

    # Parity: OpenCV's uint8 form works in fixed point and is up to 0.75 of a level off.
    """
    if frame.shape[:2] == (height, width):
        return frame
    exact = cv2.resize(frame.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.convertScaleAbs(exact)


def resize_bilinear_uint8(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """OpenCV's fixed-point bilinear, as MMAction2 resizes."""
    if frame.shape[:2] == (height, width):
        return frame
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR)


def resize_antialias(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear with a kernel that widens when shrinking, rounded between columns and rows: Pillow's method, within a level."""
    source_height, source_width = frame.shape[:2]
    if (source_height, source_width) == (height, width):
        return frame
    columns = _antialias_weights(source_width, width) @ frame.astype(np.float32)  # [H, width, 3]
    columns = np.clip(np.floor(columns + 0.5), 0, 255).reshape(source_height, width * 3)
    rows = _antialias_weights(source_height, height) @ columns
    return np.clip(np.floor(rows + 0.5), 0, 255).astype(np.uint8).reshape(height, width, 3)


@lru_cache(maxsize=64)
def _antialias_weights(source: int, target: int) -> np.ndarray:
    """float32 [target, source] triangle weights. Source: Pillow Resample.c (precompute_coeffs, bilinear filter)."""
    scale = source / target
    support = max(scale, 1.0)
    weights = np.zeros((target, source))
    for place in range(target):
        centre = (place + 0.5) * scale
        low, high = max(int(centre - support + 0.5), 0), min(int(centre + support + 0.5), source)
        distance = np.abs(np.arange(low, high) + 0.5 - centre) / support
        weights[place, low:high] = np.maximum(1.0 - distance, 0.0)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


RESIZERS: dict[str, Resizer] = {
    "bilinear": resize_bilinear,
    "bilinear_uint8": resize_bilinear_uint8,
    "antialias": resize_antialias,
}


def resized_size(height: int, width: int, short_side: int, rounding: str = "down") -> tuple[int, int]:
    """Height and width after the short side became `short_side`, aspect kept up to MAX_ASPECT.

    Args:
        rounding: of the long side: "down" (PySlowFast transform.random_short_side_scale_jitter) or "nearest" (mmcv.rescale_size).
    """
    if min(height, width) == short_side:
        return min(height, short_side * MAX_ASPECT), min(width, short_side * MAX_ASPECT)
    # Parity: the order of division and multiplication decides the last pixel.
    if rounding == "nearest":
        long_side = int(max(height, width) * (short_side / min(height, width)) + 0.5)
    else:
        long_side = math.floor((max(height, width) / min(height, width)) * short_side)
    long_side = min(long_side, short_side * MAX_ASPECT)
    return (short_side, long_side) if height < width else (long_side, short_side)


def crop_offsets(height: int, width: int, crop: int, num_crops: int, rounding: str = "up") -> np.ndarray:
    """int32 [num_crops, 2] y, x of the test crops: the centre, or left/centre/right (top/centre/bottom of a tall frame).

    Args:
        rounding: of an odd margin: "up" (PySlowFast transform.uniform_crop) or "down" (MMAction2 ThreeCrop, CenterCrop).
    """
    assert crop <= min(height, width) and num_crops in (1, 3)
    spare = np.array([height - crop, width - crop])
    middle = -(-spare // 2) if rounding == "up" else spare // 2
    if num_crops == 1:
        return middle[None].astype(np.int32)
    long_axis = 0 if height > width else 1
    offsets = np.tile(middle, (3, 1))
    offsets[0, long_axis] = 0
    # Parity: MMAction2 places the last crop two rounded-down half margins from the first.
    offsets[2, long_axis] = spare[long_axis] if rounding == "up" else 2 * middle[long_axis]
    return offsets.astype(np.int32)


def draw_short_side(low: int, high: int, rng: np.random.Generator, inverse: bool = False) -> int:
    """Training short side in px, uniform, or with a uniform inverse, which makes small sizes a little likelier.

    Source: PySlowFast transform.random_short_side_scale_jitter; cv2_transform.random_short_side_scale_jitter_list (inverse).
    """
    return round(1.0 / rng.uniform(1.0 / high, 1.0 / low) if inverse else rng.uniform(low, high))


def place_crop(height: int, width: int, crop: int, where: tuple[float, float]) -> tuple[int, int]:
    """y, x of a training crop, from two numbers in [0, 1) drawn before the size of the frame is known."""
    assert crop <= min(height, width)
    return int(where[0] * (height - crop + 1)), int(where[1] * (width - crop + 1))
