"""Per-video results of all ranks, put together by video number."""

from dataclasses import dataclass

import numpy as np

from slowfast_paddle import distributed
from slowfast_paddle.errors import DataError
from slowfast_paddle.metrics.scores import Scores


@dataclass(frozen=True)
class Row:
    """Result of one video: scores [C], or None and the reason why there are none."""

    scores: np.ndarray | None
    label: int | np.ndarray | None
    views: int = 0
    decoded: int = 0
    expected: int = 0
    error: str = ""


def gather_rows(rows: dict[int, Row], num_classes: int, num_videos: int | None = None) -> Scores:
    """Join the rows of all ranks; every rank gets the whole.

    Args:
        rows: this rank's results by video number.
        num_classes: length of a score vector.
        num_videos: how many there must be; None takes the highest number seen.

    Raises:
        DataError: a video is missing or came from two ranks.
    """
    together: dict[int, Row] = {}
    for part in distributed.all_gather_object(rows):
        if twice := sorted(set(part) & set(together)):
            raise DataError(f"video {twice[0]}: evaluated by two processes; expected every video once")
        together.update(part)
    total = max(together, default=-1) + 1 if num_videos is None else num_videos
    if missing := sorted(set(range(total)) - set(together)):
        raise DataError(f"video {missing[0]}: no result ({len(missing)} of {total} missing); expected every video once")
    ordered = [together[i] for i in range(total)]
    nothing = np.full(num_classes, np.nan)
    return Scores(
        scores=np.array([nothing if row.scores is None else row.scores for row in ordered], dtype=np.float32).reshape(
            total, num_classes
        ),
        labels=_labels(ordered),
        views=np.array([row.views for row in ordered], dtype=np.int32),
        decoded=np.array([row.decoded for row in ordered], dtype=np.int32),
        expected=np.array([row.expected for row in ordered], dtype=np.int32),
        errors=[row.error for row in ordered],
    )


def _labels(rows: list[Row]) -> np.ndarray | None:
    if any(row.label is None for row in rows):
        return None
    multi_hot = any(np.ndim(row.label) for row in rows)
    return np.array([row.label for row in rows], dtype=np.float32 if multi_hot else np.int64)
