"""Boxes and their best classes drawn onto frames, legible from 240p to 4K."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw

from slowfast_paddle.viz.overlay import fit_text, label_font

# Far apart in hue, light enough to carry dark text.
COLOURS = ((87, 181, 189), (240, 170, 70), (170, 205, 90), (235, 130, 150), (150, 160, 240), (225, 205, 95), (190, 140, 215))
TEXT = (16, 20, 23)
PANEL_OPACITY = 0.85

Labels = Sequence[tuple[str, float]]


def draw_boxes(frame: np.ndarray, boxes: np.ndarray, labels: Sequence[Labels]) -> np.ndarray:
    """Draw every box in its colour, with one line per class beside its upper edge.

    Args:
        frame: uint8 [H, W, 3] RGB; not changed.
        boxes: [R, 4] fractions x1, y1, x2, y2.
        labels: per box (name, score 0..1), best first; may be empty.

    Returns:
        uint8 [H, W, 3] RGB.
    """
    height, width = frame.shape[:2]
    out = np.ascontiguousarray(frame).copy()
    thick = max(2, round(min(height, width) / 200))
    last = np.array([width - 1, height - 1, width - 1, height - 1])
    # Inside the frame by the width of the line, so that boxes that touch the border keep all four sides.
    corners = np.clip(np.asarray(boxes, dtype=np.float64).reshape(-1, 4) * last, thick, last - thick).round().astype(int)
    for number, (x1, y1, x2, y2) in enumerate(corners.tolist()):
        colour = COLOURS[number % len(COLOURS)]
        cv2.rectangle(out, (x1, y1), (x2, y2), TEXT, thick + 2)
        cv2.rectangle(out, (x1, y1), (x2, y2), colour, thick)
    if min(height, width) < 48:  # nothing legible fits
        return out
    image = Image.fromarray(out)
    draw = ImageDraw.Draw(image, "RGBA")
    taken: list[tuple[int, int, int, int]] = []
    for number, (corner, lines) in enumerate(zip(corners.tolist(), labels, strict=True)):
        if lines:
            taken.append(_draw_panel(draw, corner, lines, COLOURS[number % len(COLOURS)], (width, height), taken))
    return np.asarray(image).copy()


def text_size(height: int, width: int) -> int:
    """Letter height in px: 11 on a 240p frame, 32 on 1080p."""
    return max(11, round(min(height * 0.03, width * 0.04)))


def _draw_panel(
    draw: ImageDraw.ImageDraw,
    corner: Sequence[int],
    lines: Labels,
    colour: tuple[int, int, int],
    size: tuple[int, int],
    taken: Sequence[tuple[int, int, int, int]],
) -> tuple[int, int, int, int]:
    width, height = size
    text_px = text_size(height, width)
    font, pad = label_font(text_px), max(2, text_px // 4)
    longest = max(width * 0.45, min(corner[2] - corner[0], width * 0.6)) - font.getlength(" 100%")
    texts = [f"{fit_text(name, font, longest)} {100 * score:.0f}%" for name, score in lines]
    panel_width = int(max(font.getlength(text) for text in texts)) + 2 * pad
    step = text_px + pad
    panel_height = step * len(texts) + pad
    x, y = _place(corner, panel_width, panel_height, size, taken)
    draw.rectangle((x, y, x + panel_width, y + panel_height), fill=(*colour, round(255 * PANEL_OPACITY)))
    for row, text in enumerate(texts):
        draw.text((x + pad, y + pad + step * row + text_px / 2), text, font=font, fill=(*TEXT, 255), anchor="lm")
    return x, y, x + panel_width, y + panel_height


def _place(
    corner: Sequence[int], width: int, height: int, size: tuple[int, int], taken: Sequence[tuple[int, int, int, int]]
) -> tuple[int, int]:
    """Upper left corner of a panel: above its box, else inside, else below; then the first place that covers no other panel."""
    x1, y1, _, y2 = corner
    x = min(max(x1, 0), max(size[0] - width, 0))
    places = [y1 - height, y1, y2 - height, y2]
    places += range(0, max(size[1] - height, 1), max(height // 2, 1))
    inside = [y for y in places if 0 <= y <= size[1] - height] or [0]
    for y in inside:
        if not any(x < right and left < x + width and y < bottom and top < y + height for left, top, right, bottom in taken):
            return x, y
    return x, inside[0]
