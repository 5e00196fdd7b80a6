"""Small SVG charts for the HTML report. Colours are CSS variables of the page, so they follow light and dark mode."""

from collections.abc import Sequence
from html import escape

import numpy as np

CELL_LIMIT = 40  # more classes than this and a cell gets too small to read or to point at


def confusion_svg(matrix: np.ndarray, names: Sequence[str]) -> str:
    """Draws a confusion matrix with rows scaled to the number of videos of the true class.

    Args:
        matrix: [K, K] counts, row = true class, column = predicted class.
        names: K class names; escaped here.
    """
    count = len(names)
    cell = max(14, min(44, 760 // max(count, 1)))
    left = min(190, 12 + 7 * max(len(_short(n)) for n in names))
    top = min(150, 14 + int(5 * max(len(_short(n)) for n in names)))
    size = cell * count
    rows = matrix.sum(axis=1, keepdims=True)
    share = matrix / np.maximum(rows, 1)
    parts = [
        f'<svg class="confusion" viewBox="0 0 {left + size + top // 2} {top + size + 8}" role="img" '
        f'style="max-width:{left + size + top // 2}px" aria-label="Confusion matrix">'
    ]
    for i, name in enumerate(names):
        middle = i * cell + cell / 2
        parts.append(
            f'<text class="axis" x="{left - 8}" y="{top + middle + 4:.1f}" text-anchor="end">{escape(_short(name))}</text>'
        )
        x, y = left + middle + 3, top - 8
        parts.append(f'<text class="axis" transform="translate({x:.1f} {y}) rotate(-45)">{escape(_short(name))}</text>')
    for row in range(count):
        for column in range(count):
            parts.append(_cell(matrix, share, row, column, names, (left, top, cell)))
    parts.append("</svg>")
    return "".join(parts)


def _cell(matrix: np.ndarray, share: np.ndarray, row: int, column: int, names: Sequence[str], place: tuple[int, int, int]) -> str:
    left, top, cell = place
    number, part = int(matrix[row, column]), float(share[row, column])
    x, y = left + column * cell, top + row * cell
    kind = "none" if not number else "hit" if row == column else "miss"
    # A square root lifts the rare confusions, which are what one looks for, out of the background.
    fill = f'<rect class="{kind}" x="{x + 1}" y="{y + 1}" width="{cell - 2}" height="{cell - 2}" rx="3" '
    fill += f'fill-opacity="{1 if not number else 0.18 + 0.82 * part**0.5:.2f}">'
    hint = f"{names[row]} → {names[column]}: {number} ({100 * part:.0f} %)"
    text = ""
    if number and cell >= 20:
        shade = "on" if part > 0.3 else "off"
        text = f'<text class="count {shade}" x="{x + cell / 2}" y="{y + cell / 2 + 4}">{number}</text>'
    return f"{fill}<title>{escape(hint)}</title></rect>{text}"


def reliability_svg(confidence: np.ndarray, accuracy: np.ndarray, count: np.ndarray) -> str:
    """Draws a reliability diagram: accuracy of the videos in each confidence bin against the diagonal.

    Args:
        confidence: [bins] mean top-1 probability of the bin, 0..1 (any number where the bin is empty).
        accuracy: [bins] share of right top-1 answers, 0..1.
        count: [bins] videos in the bin.
    """
    left, top, size = 46, 12, 300
    bins, total = len(count), max(int(count.sum()), 1)
    step = size / bins
    parts = [
        f'<svg class="reliability" viewBox="0 0 {left + size + 16} {top + size + 44}" role="img" '
        'aria-label="Reliability diagram">'
    ]
    for tick in range(0, 101, 25):
        y, x = top + size * (1 - tick / 100), left + size * tick / 100
        parts.append(f'<line class="grid" x1="{left}" x2="{left + size}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="axis" x="{left - 7}" y="{y + 4}" text-anchor="end">{tick}</text>')
        parts.append(f'<text class="axis" x="{x}" y="{top + size + 18}" text-anchor="middle">{tick}</text>')
    for i in range(bins):
        if not count[i]:
            continue
        height, x = size * float(accuracy[i]), left + i * step
        hint = f"{int(count[i])} videos: said {100 * float(confidence[i]):.0f} %, right {100 * float(accuracy[i]):.0f} %"
        strength = 0.35 + 0.65 * (int(count[i]) / total) ** 0.5
        parts.append(
            f'<rect class="bar" x="{x + 1.5:.1f}" y="{top + size - height:.1f}" width="{step - 3:.1f}" '
            f'height="{max(height, 1.5):.1f}" rx="2" fill-opacity="{strength:.2f}"><title>{hint}</title></rect>'
        )
        parts.append(
            f'<circle class="dot" cx="{left + size * float(confidence[i]):.1f}" '
            f'cy="{top + size - height:.1f}" r="3.5"><title>{hint}</title></circle>'
        )
    parts.append(f'<line class="ideal" x1="{left}" y1="{top + size}" x2="{left + size}" y2="{top}"/>')
    parts.append(
        f'<text class="axis" x="{left + size / 2}" y="{top + size + 38}" text-anchor="middle">confidence, %</text>'
        f'<text class="axis" transform="translate(12 {top + size / 2}) rotate(-90)" text-anchor="middle">right, %</text>'
    )
    return "".join([*parts, "</svg>"])


def _short(name: str, limit: int = 24) -> str:
    return name if len(name) <= limit else name[: limit - 1] + "…"
