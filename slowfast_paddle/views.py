"""Views of one test video, cut on demand from frames stored once: what readers make and the engine scores.

An item is a plain dict, as a loader yields it:
    index int, label int | tuple | None, path str, error str ("" when fine)
    frames uint8 [U, H, W, 3]  the needed frames, resized    frame_index int32 [V, T] into frames
    offset_yx int32 [V, 2]     crop int or (height, width)   flip bool [V]
    decoded, expected int      frame counts                  fps float, 1/s
View v is clip v // num_crops under crop v % num_crops.
"""

from collections.abc import Iterator

import cv2
import numpy as np


def num_views(item: dict) -> int:
    """Views of an item; 0 when it carries an error."""
    return len(item["frame_index"])


def cut_view(item: dict, view: int) -> np.ndarray:
    """uint8 [T, height, width, 3] of one view."""
    return cut_views(item, view, view + 1)[0]


def cut_views(item: dict, first: int, last: int) -> np.ndarray:
    """uint8 [last - first, T, height, width, 3] of consecutive views."""
    frames, crop = item["frames"], item["crop"]
    height, width = crop if isinstance(crop, (tuple, list)) else (crop, crop)
    views = np.empty((last - first, item["frame_index"].shape[1], height, width, 3), np.uint8)
    for view, row in zip(views, range(first, last)):
        y, x = item["offset_yx"][row]
        for place, number in enumerate(item["frame_index"][row]):  # window by window: whole frames are never copied
            window = frames[number, y : y + height, x : x + width]
            view[place] = cv2.flip(window, 1) if item["flip"][row] else window
    return views


def chunks(item: dict, views_per_forward: int) -> Iterator[np.ndarray]:
    """All views of an item in order, in groups of `views_per_forward`; the last group may be smaller."""
    total = num_views(item)
    for first in range(0, total, views_per_forward):
        yield cut_views(item, first, min(first + views_per_forward, total))
