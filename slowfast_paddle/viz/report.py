"""The HTML report of an evaluation: one self-contained file that opens anywhere and needs no network."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from slowfast_paddle.files import write_text
from slowfast_paddle.viz.charts import CELL_LIMIT, confusion_svg, reliability_svg

CLASS_ROWS = 24  # classes shown at once; the rest unfolds


@dataclass(frozen=True)
class Headline:
    """One big number: what it is called, how it reads, and one line that explains it."""

    label: str
    value: str
    unit: str
    hint: str


@dataclass(frozen=True)
class ClassRow:
    """One class: how many videos it has, how good the network is at it (0..1), and what it takes it for."""

    name: str
    videos: int
    score: float | None
    confused_with: str


@dataclass(frozen=True)
class Confusion:
    """One pair that is mixed up: `count` of the `total` videos of `truth` were called `predicted`."""

    truth: str
    predicted: str
    count: int
    total: int


@dataclass(frozen=True)
class VideoCard:
    """One video: its name, its class, the best guesses with probabilities, and the frames the network saw.

    Attributes:
        strip: uint8 [frames, H, W, 3] RGB, or None when the video is not at hand.
    """

    video: str
    truth: str
    guesses: tuple[tuple[str, float], ...]
    right: bool | None
    note: str
    strip: np.ndarray | None = None


@dataclass(frozen=True)
class Reliability:
    """Bins of a reliability diagram, each array of length bins: mean confidence, accuracy, videos."""

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray


@dataclass(frozen=True)
class ReportContent:
    """Everything the page shows, already computed."""

    title: str
    subtitle: str
    headlines: Sequence[Headline]
    class_measure: str
    classes: Sequence[ClassRow]
    class_names: Sequence[str]
    confusion: np.ndarray | None
    pairs: Sequence[Confusion]
    reliability: Reliability | None
    worst: Sequence[VideoCard]
    uncertain: Sequence[VideoCard]
    failed: Sequence[tuple[str, str]]
    settings: Mapping[str, object]


def write_report(path: str | Path, content: ReportContent) -> None:
    """Writes the page.

    Raises:
        DataError: the file cannot be written.
    """
    write_text(path, render_report(content))


def render_report(content: ReportContent) -> str:
    """Renders the page; every name that comes from outside is escaped by the template engine."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(strip=strip_image, percent=lambda share: f"{100 * share:.1f}")
    template = environment.from_string(Path(__file__).with_name("report.html").read_text(encoding="utf-8"))
    ordered = sorted(content.classes, key=lambda row: (row.score is None, row.score or 0.0))
    return template.render(
        page=content,
        classes=ordered[:CLASS_ROWS],
        more_classes=ordered[CLASS_ROWS:],
        confusion=_confusion(content),
        reliability=Markup("") if content.reliability is None else _reliability(content.reliability),
        bins=[] if content.reliability is None else _bin_rows(content.reliability),
        settings=list(flatten(content.settings)),
    )


def flatten(settings: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Turns nested settings into rows ("a.b", "value")."""
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            rows += flatten(value, f"{prefix}{key}.")
        elif isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
            for number, item in enumerate(value):
                rows += flatten(item if isinstance(item, Mapping) else {"value": item}, f"{prefix}{key}.{number}.")
        elif isinstance(value, (list, tuple)):
            rows.append((prefix + key, ", ".join(str(item) for item in value)))
        else:
            rows.append((prefix + key, "not set" if value is None else str(value)))
    return rows


def strip_image(frames: np.ndarray, height: int = 132) -> str:
    """Puts frames side by side as one JPEG data address.

    Args:
        frames: uint8 [n, H, W, 3] RGB.
        height: of the picture in pixels.
    """
    width = max(1, round(frames.shape[2] * height / frames.shape[1]))
    small = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames]
    gap = np.full((height, 3, 3), 255, np.uint8)
    row = [part for frame in small for part in (frame, gap)][:-1]
    return _data_address(np.concatenate(row, axis=1), ".jpg", [cv2.IMWRITE_JPEG_QUALITY, 82])


def _confusion(content: ReportContent) -> Markup:
    if content.confusion is None:
        return Markup("")
    if len(content.class_names) <= CELL_LIMIT:
        return Markup(confusion_svg(content.confusion, content.class_names))
    matrix = content.confusion / np.maximum(content.confusion.sum(axis=1, keepdims=True), 1)
    grey = (255 * (1 - np.sqrt(matrix))).astype(np.uint8)
    side = max(1, 900 // len(grey))
    large = np.kron(grey, np.ones((side, side), np.uint8))
    picture = cv2.applyColorMap(255 - large, cv2.COLORMAP_BONE)[..., ::-1]
    return Markup('<img class="heat" alt="Confusion matrix, rows true class, columns predicted" src="{}">').format(
        _data_address(picture, ".png", [])
    )


def _reliability(bins: Reliability) -> Markup:
    return Markup(reliability_svg(bins.confidence, bins.accuracy, bins.count))


def _bin_rows(bins: Reliability) -> list[tuple[int, int, float, float, int]]:
    """Rows (low %, high %, mean confidence, accuracy, videos) for the bins that hold videos."""
    total = len(bins.count)
    return [
        (100 * i // total, 100 * (i + 1) // total, float(bins.confidence[i]), float(bins.accuracy[i]), int(n))
        for i, n in enumerate(bins.count)
        if n
    ]


def _data_address(image: np.ndarray, suffix: str, options: list[int]) -> str:
    encoded = cv2.imencode(suffix, np.ascontiguousarray(image[..., ::-1]), options)[1]  # cv2 wants BGR
    kind = {".jpg": "jpeg", ".png": "png"}[suffix]
    return f"data:image/{kind};base64,{base64.b64encode(encoded.tobytes()).decode()}"
