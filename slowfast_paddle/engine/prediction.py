"""What a network says about one video: a small typed result that prints well, and the files made of many."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from slowfast_paddle.engine.evaluator import Answer
from slowfast_paddle.errors import DataError
from slowfast_paddle.files import write_text
from slowfast_paddle.metrics.topk import top_classes

ORIGINAL_TOP = 5  # classes listed in result.json, as in the original project


@dataclass(frozen=True)
class Guess:
    """One class a video may show."""

    index: int
    name: str
    score: float


@dataclass(frozen=True, eq=False)
class Prediction:
    """The answer for one video.

    Attributes:
        video: as given.
        top: listed classes, best first; empty when the video failed or none reaches the threshold.
        scores: float32 [K], or None when the video failed.
        views: clips times crops behind the scores.
        decoded, expected: frames that came out of the file, and that it promised.
        error: why there is no answer; "" when there is one.
    """

    video: str
    top: tuple[Guess, ...] = ()
    scores: np.ndarray | None = None
    views: int = 0
    decoded: int = 0
    expected: int = 0
    error: str = ""

    def __bool__(self) -> bool:
        """False for a video that failed."""
        return not self.error

    @property
    def label(self) -> str:
        """Name of the best listed class; "" when there is none."""
        return self.top[0].name if self.top else ""

    @property
    def score(self) -> float:
        """Score of the best listed class; nan when there is none."""
        return self.top[0].score if self.top else float("nan")

    def __repr__(self) -> str:
        if self.error:
            return f"Prediction({self.video!r}, failed: {self.error})"
        guesses = ", ".join(f"{guess.name} {100 * guess.score:.1f} %" for guess in self.top)
        return f"Prediction({self.video!r}, {guesses})"

    def _repr_html_(self) -> str:
        """A small table of bars for notebooks."""
        title = f"<b>{escape(self.video)}</b>"
        if self.error:
            return f'<div>{title}<br><span style="color:#c8502f">{escape(self.error)}</span></div>'
        rows = "".join(
            f'<tr><td style="text-align:left">{escape(guess.name)}</td><td style="width:160px">'
            f'<div style="background:#1f6f78;border-radius:4px;height:10px;width:{100 * guess.score:.0f}%"></div></td>'
            f"<td>{100 * guess.score:.1f} %</td></tr>"
            for guess in self.top
        )
        return f'<div>{title} <span style="opacity:.6">{self.views} views</span><table>{rows}</table></div>'

    def record(self) -> dict[str, Any]:
        """The entry of result.json: the fields of the original project, then class names and how the score came about.

        The original fields list five classes (fewer where the network has fewer); `top` lists as many as were asked for.
        """
        if self.error:
            return {"video_id": self.video, "error": self.error}
        best = top_classes(self.scores[None], ORIGINAL_TOP)[0]
        values = [float(self.scores[i]) for i in best]
        return {
            "video_id": self.video,
            "top1_values": values[0],
            "top1_indices": int(best[0]),
            "top5_values": values,
            "top5_indices": [int(i) for i in best],
            "top": [vars(guess) for guess in self.top],
            "views": self.views,
            "decoded_frames": self.decoded,
            "expected_frames": self.expected,
        }


def prediction_of(video: str, answer: Answer, names: Sequence[str], top_k: int, threshold: float = 0.0) -> Prediction:
    """A prediction from the answer for a video.

    Args:
        video: as given.
        answer: with scores.
        names: one per class.
        top_k: classes listed at most.
        threshold: classes that score less are not listed.

    Raises:
        DataError: a score is not a finite number.
    """
    scores = answer.scores
    if not np.isfinite(scores).all():
        raise DataError(f"{video}: the network gives a score that is not a finite number; check its weights and test.precision")
    best = [int(i) for i in top_classes(scores[None], max(top_k, 1))[0] if scores[i] >= threshold]
    top = tuple(Guess(i, str(names[i]), float(scores[i])) for i in best)
    return Prediction(video, top, scores, answer.views, answer.decoded, answer.expected)


def write_csv(path: str | Path, predictions: Sequence[Prediction]) -> None:
    """One line per video and listed class; a failed video has one line with its error."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["video", "rank", "class_index", "class_name", "score", "views", "error"])
    for prediction in predictions:
        if prediction.error:
            writer.writerow([prediction.video, "", "", "", "", "", prediction.error])
        for rank, guess in enumerate(prediction.top, start=1):
            writer.writerow([prediction.video, rank, guess.index, guess.name, f"{guess.score:.6f}", prediction.views, ""])
    write_text(path, table.getvalue())
