"""Boxes that follow their frame through resize, crop and flip. Pure functions on float64 [R, 4] corners x1, y1, x2, y2."""

import numpy as np


def to_pixels(fractions: np.ndarray, height: int, width: int) -> np.ndarray:
    """Corners of fractions 0..1 in px, cut off at the last pixel. Source: PySlowFast cv2_transform.clip_boxes_to_image."""
    return clip_boxes(fractions * np.array([width, height, width, height], dtype=np.float64), height, width)


def clip_boxes(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Corners inside 0..width-1 and 0..height-1."""
    return np.clip(boxes, 0.0, np.array([width - 1, height - 1, width - 1, height - 1], dtype=np.float64))


def scale_boxes(boxes: np.ndarray, size: tuple[int, int], new_size: tuple[int, int]) -> np.ndarray:
    """Boxes of a frame resized from size to new_size, both (height, width).

    # Parity: one factor for both axes, that of the long side, which was rounded down.
    Source: PySlowFast cv2_transform.scale_boxes.
    """
    long_side = int(size[1] >= size[0])
    return boxes * (new_size[long_side] / size[long_side])


def crop_boxes(boxes: np.ndarray, y: int, x: int) -> np.ndarray:
    """Boxes in the coordinates of a window that begins at (y, x)."""
    return boxes - np.array([x, y, x, y], dtype=np.float64)


def flip_boxes(boxes: np.ndarray, width: int) -> np.ndarray:
    """Boxes of the mirrored frame."""
    flipped = boxes.copy()
    flipped[:, [0, 2]] = width - boxes[:, [2, 0]] - 1
    return flipped


def visible(boxes: np.ndarray) -> np.ndarray:
    """Mask of boxes with at least one pixel of width and height left, bool [R]."""
    return ((boxes[:, 2:] - boxes[:, :2]) >= 1.0).all(axis=1)
