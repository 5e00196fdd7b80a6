"""RandAugment for clips: every frame of a clip gets the same operations with the same strength.

Operations that look at the picture (auto contrast, equalize, contrast) look at each frame by itself, as the references do.
Source: Cubuk et al. 2020; the operations, ranges and "increasing" strengths of PySlowFast rand_augment.py (after timm).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

MAX_LEVEL = 10.0
APPLY = 0.5  # probability of each chosen operation
FILL = (128, 128, 128)  # of what geometric operations uncover
_LUMA = np.array([[19595, 38470, 7471]], np.float32) / 2**16  # as Pillow converts to grey
_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13

Clip = np.ndarray  # uint8 [T, H, W, 3]
_RAMP = np.arange(256)


@dataclass(frozen=True)
class RandAugment:
    """Applies `layers` operations drawn with replacement, each with probability 0.5.

    Attributes:
        layers: operations a clip (N of the paper).
        magnitude: their strength, 0..10 (M of the paper).
        noise: standard deviation of the strength.
    """

    layers: int = 2
    magnitude: float = 9.0
    noise: float = 0.5

    def __call__(self, clip: Clip, rng: np.random.Generator) -> Clip:
        """The augmented clip, of the same shape."""
        for place in rng.integers(len(OPERATIONS), size=self.layers):
            if rng.random() >= APPLY:
                continue
            level = min(max(rng.normal(self.magnitude, self.noise), 0.0), MAX_LEVEL) / MAX_LEVEL
            sign = 1.0 if rng.random() < 0.5 else -1.0
            clip = list(OPERATIONS.values())[place](clip, level, sign)
        return clip


def auto_contrast(clip: Clip, level: float, sign: float) -> Clip:
    """Stretch every channel of every frame to 0..255."""
    return _each_channel(clip, _stretch)


def equalize(clip: Clip, level: float, sign: float) -> Clip:
    """Flatten the histogram of every channel of every frame."""
    return _each_channel(clip, _flatten)


def invert(clip: Clip, level: float, sign: float) -> Clip:
    """Negative."""
    return 255 - clip


def posterize(clip: Clip, level: float, sign: float) -> Clip:
    """Keep 4 (level 0) down to 0 (level 1) bits."""
    dropped = 4 + int(level * 4)
    return clip & np.uint8(256 - 2**dropped & 255)


def solarize(clip: Clip, level: float, sign: float) -> Clip:
    """Invert what is brighter than 256 (level 0) down to 0 (level 1)."""
    threshold = 256 - int(level * 256)
    return _table(clip, np.where(threshold > _RAMP, _RAMP, 255 - _RAMP))


def solarize_add(clip: Clip, level: float, sign: float) -> Clip:
    """Add up to 110 to the darker half."""
    return _table(clip, np.where(_RAMP < 128, np.minimum(_RAMP + int(level * 110), 255), _RAMP))


def color(clip: Clip, level: float, sign: float) -> Clip:
    """Less (down to 0.1) or more (up to 1.9) saturation."""
    return _blend(np.repeat(_grey(clip)[..., None], 3, axis=-1), clip, 1 + sign * 0.9 * level)


def contrast(clip: Clip, level: float, sign: float) -> Clip:
    """Towards or away from the mean grey of each frame."""
    mean = np.floor(_grey(clip).mean((1, 2)) + 0.5).astype(np.uint8)
    return _blend(np.broadcast_to(mean[:, None, None, None], clip.shape), clip, 1 + sign * 0.9 * level)


def brightness(clip: Clip, level: float, sign: float) -> Clip:
    """Darker or brighter."""
    return _table(clip, np.clip(_RAMP * np.float32(1 + sign * 0.9 * level), 0, 255).astype(np.uint8))


def sharpness(clip: Clip, level: float, sign: float) -> Clip:
    """Towards or away from a smoothed picture; the outermost pixels stay."""
    smooth = np.array(clip)
    for frame, out in zip(clip, smooth):
        out[1:-1, 1:-1] = cv2.filter2D(frame, -1, _SMOOTH)[1:-1, 1:-1]
    return _blend(smooth, clip, 1 + sign * 0.9 * level)


def rotate(clip: Clip, level: float, sign: float) -> Clip:
    """Up to 30 degrees around the centre."""
    angle = math.radians(30 * level * sign)
    cos, sin = math.cos(angle), math.sin(angle)
    height, width = clip.shape[1:3]
    x, y = width / 2, height / 2
    return _warp(clip, [[cos, -sin, x - cos * x + sin * y], [sin, cos, y - sin * x - cos * y]])


def shear_x(clip: Clip, level: float, sign: float) -> Clip:
    """Shift rows by up to 0.3 of their distance from the top."""
    return _warp(clip, [[1, 0.3 * level * sign, 0], [0, 1, 0]])


def shear_y(clip: Clip, level: float, sign: float) -> Clip:
    """Shift columns by up to 0.3 of their distance from the left."""
    return _warp(clip, [[1, 0, 0], [0.3 * level * sign, 1, 0]])


def translate_x(clip: Clip, level: float, sign: float) -> Clip:
    """Up to 0.45 of the width."""
    return _warp(clip, [[1, 0, 0.45 * level * sign * clip.shape[2]], [0, 1, 0]])


def translate_y(clip: Clip, level: float, sign: float) -> Clip:
    """Up to 0.45 of the height."""
    return _warp(clip, [[1, 0, 0], [0, 1, 0.45 * level * sign * clip.shape[1]]])


# level: strength 0..1; sign: direction of operations that have two.
OPERATIONS: dict[str, Callable[[Clip, float, float], Clip]] = {
    "auto_contrast": auto_contrast,
    "equalize": equalize,
    "invert": invert,
    "rotate": rotate,
    "posterize": posterize,
    "solarize": solarize,
    "solarize_add": solarize_add,
    "color": color,
    "contrast": contrast,
    "brightness": brightness,
    "sharpness": sharpness,
    "shear_x": shear_x,
    "shear_y": shear_y,
    "translate_x": translate_x,
    "translate_y": translate_y,
}


def _flat(clip: np.ndarray) -> np.ndarray:
    """The frames of a clip one below the other, a picture for OpenCV."""
    return clip.reshape(-1, *clip.shape[2:])


def _table(clip: Clip, values: np.ndarray) -> Clip:
    """Replace every level by values[level]."""
    return cv2.LUT(_flat(clip), values.astype(np.uint8)).reshape(clip.shape)


def _each_channel(clip: Clip, table: Callable[[np.ndarray], np.ndarray]) -> Clip:
    """Apply a table made of the histogram of each channel of each frame."""
    return np.stack([cv2.LUT(frame, np.stack([table(h) for h in _histograms(frame)], axis=-1)[None]) for frame in clip])


def _histograms(frame: np.ndarray) -> np.ndarray:
    """int64 [3, 256]."""
    return np.stack([cv2.calcHist([frame], [channel], None, [256], [0, 256]).ravel() for channel in range(3)]).astype(np.int64)


def _stretch(histogram: np.ndarray) -> np.ndarray:
    low, high = np.flatnonzero(histogram)[[0, -1]]
    if high <= low:
        return _RAMP.astype(np.uint8)
    scale = 255.0 / (high - low)
    return np.clip(_RAMP * scale - low * scale, 0, 255).astype(np.uint8)


def _flatten(histogram: np.ndarray) -> np.ndarray:
    step = int(histogram.sum() - histogram[histogram > 0][-1]) // 255
    if step == 0:
        return _RAMP.astype(np.uint8)
    before = np.cumsum(histogram) - histogram
    return np.minimum((step // 2 + before) // step, 255).astype(np.uint8)


def _grey(clip: Clip) -> np.ndarray:
    """Luma, uint8 [T, H, W]."""
    return cv2.transform(_flat(clip), _LUMA).reshape(clip.shape[:3])


def _blend(start: Clip, end: Clip, share: float) -> Clip:
    """start + share * (end - start); a share above 1 goes beyond `end`."""
    return cv2.addWeighted(_flat(end), share, _flat(start), 1 - share, 0).reshape(end.shape)


def _warp(clip: Clip, matrix: list[list[float]]) -> Clip:
    """Bilinear; `matrix` [2, 3] takes a place of the result to its place in the source, both counted from the corner in px."""
    inverse = np.array(matrix, np.float64)
    inverse[:, 2] += inverse[:, :2].sum(1) / 2 - 0.5  # OpenCV counts from the centre of the first pixel
    size = (clip.shape[2], clip.shape[1])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.stack([cv2.warpAffine(frame, inverse, size, flags=flags, borderValue=FILL) for frame in clip])
