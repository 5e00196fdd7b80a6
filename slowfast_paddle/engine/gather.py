"""Per-video results of all ranks, put together by video number."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from slowfast_paddle import distributed
from slowfast_paddle.errors import DataError
from slowfast_paddle.metrics.scores import Scores

Result = TypeVar("Result")


@dataclass(frozen=True)
class Row:
    """Result of one video: scores [C], or None and the reason why there are none."""

    scores: np.ndarray | None
    label: int | np.ndarray | None
    views: int = 0
    decoded: int = 0
    expected: int = 0
    error: str = ""


def gather_results(results: dict[int, Result], what: str, count: int | None = None) -> list[Result]:
    """Join the results of all ranks in the order of their numbers; every rank gets the whole.

    Args:
        results: of this rank, by number.
        what: they are results of, such as "video".
        count: how many there must be; None takes the highest number seen.

    Raises:
        DataError: one is missing or came from two ranks.
    """
    together: dict[int, Result] = {}
    for part in distributed.all_gather_object(results):
        if twice := sorted(set(part) & set(together)):
            raise DataError(f"{what} {twice[0]}: evaluated by two processes; expected every {what} once")
        together.update(part)
    total = max(together, default=-1) + 1 if count is None else count
    if missing := sorted(set(range(total)) - set(together)):
        raise DataError(f"{what} {missing[0]}: no result ({len(missing)} of {total} missing); expected every {what} once")
    return [together[i] for i in range(total)]


def gather_rows(rows: dict[int, Row], num_classes: int, num_videos: int | None = None) -> Scores:
    """Join the rows of all ranks; every rank gets the whole.

    Args:
        rows: this rank's results by video number.
        num_classes: length of a score vector.
        num_videos: how many there must be; None takes the highest number seen.

    Raises:
        DataError: a video is missing or came from two ranks.
    """
    ordered = gather_results(rows, "video", num_videos)
    nothing = np.full(num_classes, np.nan)
    return Scores(
        scores=np.array([nothing if row.scores is None else row.scores for row in ordered], dtype=np.float32).reshape(
            len(ordered), num_classes
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
