"""The annotated video of an action detection, and its result.json."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slowfast_paddle.files import write_json
from slowfast_paddle.viz.boxes import draw_boxes
from slowfast_paddle.viz.video_file import VideoFile


@dataclass(frozen=True)
class Moment:
    """What was detected at one moment.

    Shapes: boxes [R, 4] fractions; labels: per box (name, score), best first.
    """

    second: float
    boxes: np.ndarray
    labels: Sequence[Sequence[tuple[str, float]]]


def best_labels(scores: np.ndarray, names: Sequence[str], threshold: float, most: int) -> list[list[tuple[str, float]]]:
    """Classes of every box at or above a threshold, at most `most`, best first. Shapes: scores [R, C]."""
    found = []
    for row in np.asarray(scores):
        order = np.argsort(-row, kind="stable")[:most]
        found.append([(names[column], float(row[column])) for column in order if row[column] >= threshold])
    return found


def write_detection_video(
    path: str | Path, frames: Iterable[tuple[float, np.ndarray]], fps: float, moments: Sequence[Moment]
) -> int:
    """Draw on every frame what was detected at the nearest moment, as long as that is nearer than the next gap.

    Args:
        frames: (second, uint8 [H, W, 3] RGB) in order.
        moments: in order of their seconds.

    Returns:
        Number of frames written.
    """
    seconds = np.array([moment.second for moment in moments])
    reach = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 1.0
    count = 0
    with VideoFile(path, fps) as video:
        for second, frame in frames:
            nearest = int(np.argmin(np.abs(seconds - second))) if len(seconds) else -1
            if nearest >= 0 and abs(seconds[nearest] - second) <= reach / 2 + 1e-6:
                frame = draw_boxes(frame, moments[nearest].boxes, moments[nearest].labels)
            video.add(frame)
            count += 1
    return count


def write_moments(path: str | Path, video: str, moments: Sequence[Moment]) -> None:
    """result.json: per moment the boxes as fractions, with class names and scores."""
    content = {
        "video": video,
        "moments": [
            {
                "second": moment.second,
                "boxes": [
                    {
                        "box": [round(float(value), 6) for value in box],
                        "labels": [{"name": n, "score": round(s, 6)} for n, s in labels],
                    }
                    for box, labels in zip(moment.boxes, moment.labels, strict=True)
                ],
            }
            for moment in moments
        ],
    }
    write_json(path, content)
