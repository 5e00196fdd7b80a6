"""The HTML report of stored scores, with the frames the network saw."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from slowfast_paddle.data.strips import middle_view
from slowfast_paddle.errors import DataError
from slowfast_paddle.metrics.scores_file import StoredScores
from slowfast_paddle.viz.evaluation import report_content, uncertain_videos, worst_videos
from slowfast_paddle.viz.report import write_report


def report(stored: StoredScores, out: str | Path, title: str, folder: str | Path = ".", examples: int = 6) -> None:
    """Writes the page.

    Args:
        stored: scores; `stamp["reading"]` says how videos were read.
        out: the .html file.
        title: of the page.
        folder: where relative paths of videos start.
        examples: videos in each gallery.
    """
    rows = sorted({*worst_videos(stored, examples), *uncertain_videos(stored, examples)})
    write_report(out, report_content(stored, title, _subtitle(stored), _strips(stored, rows, Path(folder)), examples))


def _subtitle(stored: StoredScores) -> str:
    """One line on what was evaluated."""
    parts = [f"{len(stored.videos)} videos"]
    for key, text in (("views", "{} views"), ("protocol", "protocol {}"), ("weights", "weights {}")):
        if isinstance(stored.stamp.get(key), (str, int)):
            parts.append(text.format(stored.stamp[key]))
    return " · ".join(parts)


def _strips(stored: StoredScores, rows: Sequence[int], folder: Path) -> dict[int, np.ndarray]:
    """Frames of the middle view of each row's video, where the video is at hand and readable."""
    strips = {}
    for row in rows:
        path = folder / stored.videos[row]
        if path.exists():
            try:
                strips[row] = middle_view(path, stored.stamp.get("reading") or {})
            except DataError:  # the page is about scores; a video that has gone bad since only lacks its picture
                continue
    return strips
