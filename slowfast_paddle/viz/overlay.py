"""Running labels drawn onto frames, legible from 240p to 4K."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

INK, SOFT, PANEL, BAR, TRACK = (245, 244, 240), (176, 182, 188), (16, 20, 23), (87, 181, 189), (58, 64, 70)
PANEL_OPACITY = 0.72
# Fonts with Chinese, Japanese and Korean letters, where the system has one; else the font matplotlib carries.
WIDE_FONTS = ("NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "wqy-zenhei.ttc", "msyh.ttc", "PingFang.ttc")


def draw_labels(frame: np.ndarray, labels: Sequence[tuple[str, float]], note: str = "") -> np.ndarray:
    """Draws a panel with one line per label: name, bar, per cent.

    Args:
        frame: uint8 [H, W, 3] RGB; not changed.
        labels: (name, score 0..1), best first.
        note: a last, quieter line, e.g. the time or the delay.

    Returns:
        uint8 [H, W, 3] RGB.
    """
    height, width = frame.shape[:2]
    if min(height, width) < 48:  # nothing legible fits
        return frame.copy()
    panel = _panel(tuple((name, round(float(score), 3)) for name, score in labels), note, height, width)
    margin = max(2, round(height * 0.02))
    rows, columns = min(panel.shape[0], height - margin), min(panel.shape[1], width - margin)
    if rows <= 0 or columns <= 0:
        return frame.copy()
    out = frame.copy()
    place = out[height - margin - rows : height - margin, margin : margin + columns]
    picture, opacity = panel[:rows, :columns, :3].astype(np.float32), panel[:rows, :columns, 3:].astype(np.float32) / 255
    place[:] = (picture * opacity + place * (1 - opacity) + 0.5).astype(np.uint8)
    return out


@lru_cache(maxsize=64)
def _panel(labels: tuple[tuple[str, float], ...], note: str, height: int, width: int) -> np.ndarray:
    """uint8 [h, w, 4] RGBA."""
    text_px = max(11, round(min(height * 0.036, width * 0.05)))
    pad, gap = round(text_px * 0.6), round(text_px * 0.55)
    line = text_px + gap
    font, small = label_font(text_px), label_font(max(10, round(text_px * 0.85)))
    columns = int(min(width * 0.96, max(text_px * 23, 150)))
    rows = 2 * pad + line * (len(labels) + bool(note)) - gap
    image = Image.new("RGBA", (columns, max(rows, 1)))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, columns - 1, rows - 1), radius=pad, fill=(*PANEL, round(255 * PANEL_OPACITY)))
    bar_left, bar_right = columns * 0.6, columns - pad - 3.2 * text_px
    y = pad
    for rank, (name, score) in enumerate(labels):
        ink = INK if rank == 0 else SOFT
        draw.text((pad, y + text_px / 2), fit_text(name, font, bar_left - 2 * pad), font=font, fill=(*ink, 255), anchor="lm")
        draw.text((columns - pad, y + text_px / 2), f"{100 * score:.0f} %", font=font, fill=(*ink, 255), anchor="rm")
        _bar(draw, bar_left, bar_right, y + text_px / 2, max(2, text_px * 0.22), score)
        y += line
    if note:
        draw.text((pad, y + text_px / 2), fit_text(note, small, columns - 2 * pad), font=small, fill=(*SOFT, 255), anchor="lm")
    return np.asarray(image)


def _bar(draw: ImageDraw.ImageDraw, left: float, right: float, middle: float, thick: float, score: float) -> None:
    if right - left < 4 * thick:  # a narrow picture keeps name and number
        return
    draw.rounded_rectangle((left, middle - thick, right, middle + thick), radius=thick, fill=(*TRACK, 255))
    if score > 0.02:
        end = left + max(2 * thick, (right - left) * min(score, 1.0))
        draw.rounded_rectangle((left, middle - thick, end, middle + thick), radius=thick, fill=(*BAR, 255))


def fit_text(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """The text, shortened with an ellipsis to the width in pixels."""
    text = " ".join(text.split())
    if len(text) <= width and font.getlength(text) <= width:
        return text
    text = text[: max(int(width), 0)]  # no letter is narrower than a pixel; measuring thousands of them takes seconds
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


@lru_cache(maxsize=16)
def label_font(size: int) -> ImageFont.FreeTypeFont:
    for name in WIDE_FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    import matplotlib  # a tenth of a second, in every prediction that draws nothing

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


def captioned(picture: np.ndarray, text: str) -> np.ndarray:
    """The picture under a line of text: uint8 [H + h, W, 3] from uint8 [H, W, 3]."""
    text_px = max(13, round(picture.shape[0] * 0.06))
    pad = round(text_px * 0.5)
    font = label_font(text_px)
    line = Image.new("RGB", (picture.shape[1], text_px + 2 * pad), PANEL)
    fitting = fit_text(text, font, line.width - 2 * pad)
    ImageDraw.Draw(line).text((pad, line.height / 2), fitting, font=font, fill=INK, anchor="lm")
    return np.concatenate([np.asarray(line), picture])


def enlarged(frame: np.ndarray, side_px: int) -> np.ndarray:
    """A frame [H, W, 3] whose shorter side has at least so many pixels."""
    factor = side_px / min(frame.shape[:2])
    if factor <= 1:
        return frame
    return cv2.resize(frame, (round(frame.shape[1] * factor), round(frame.shape[0] * factor)), interpolation=cv2.INTER_CUBIC)


def heat_overlay(frame: np.ndarray, heat: np.ndarray, strength: float = 0.55) -> np.ndarray:
    """Lays a heat map over a frame: cold places keep the picture, warm ones turn yellow and red.

    Args:
        frame: uint8 [H, W, 3] RGB.
        heat: float [h, w] in 0..1, any size.
        strength: share of the colour where the heat is 1.

    Returns:
        uint8 [H, W, 3] RGB.
    """
    large = np.clip(cv2.resize(heat.astype(np.float32), frame.shape[1::-1], interpolation=cv2.INTER_CUBIC), 0, 1)
    colour = cv2.applyColorMap((255 * large).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1].astype(np.float32)
    weight = (strength * np.sqrt(large))[..., None]
    return (colour * weight + frame * (1 - weight) + 0.5).astype(np.uint8)
