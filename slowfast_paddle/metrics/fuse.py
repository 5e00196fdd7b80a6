"""Late fusion: one score table out of the score tables of several networks on the same videos."""

from collections.abc import Sequence

import numpy as np

from slowfast_paddle.errors import DataError
from slowfast_paddle.metrics.scores_file import StoredScores


def fuse(
    parts: Sequence[StoredScores], weights: Sequence[float] | None = None, names: Sequence[str] | None = None
) -> StoredScores:
    """Weighted mean of the scores of several networks, matched by video name.

    Videos keep the order of the first table; the others may list them in any order but must hold the same ones.

    Args:
        parts: one table per network.
        weights: one non-negative weight per table; equal ones when None. Only their ratios matter.
        names: what to call each table in messages, e.g. its file name.

    Raises:
        DataError: videos, classes or labels differ between the tables, or a weight is wrong.
    """
    names = list(names or (f"table {i}" for i in range(len(parts))))
    shares = np.ones(len(parts)) if weights is None else np.asarray(weights, dtype=np.float64)
    if shares.shape != (len(parts),) or not np.isfinite(shares).all() or (shares < 0).any() or not shares.sum():
        raise DataError(
            f"--weights: got {list(weights or ())} for {len(parts)} score files; expected one number >= 0 per file, not all zero"
        )
    first = parts[0]
    total = np.zeros(first.scores.shape)
    for part, share, name in zip(parts, shares / shares.sum(), names, strict=True):
        total += share * part.scores[_rows_like(first, part, names[0], name)].astype(np.float64)
    stamp = {
        "fused": [
            {"file": name, "weight": float(share), "stamp": part.stamp}
            for part, share, name in zip(parts, shares / shares.sum(), names, strict=True)
        ]
    }
    return StoredScores(first.videos, total, first.labels, first.class_names, stamp)


def _rows_like(first: StoredScores, part: StoredScores, first_name: str, name: str) -> np.ndarray:
    """Row numbers of `part` in the video order of `first`."""
    if part.scores.shape[1] != first.scores.shape[1]:
        raise DataError(
            f"{name}: {part.scores.shape[1]} classes, {first_name} has {first.scores.shape[1]}; fuse networks of one task"
        )
    if part.class_names and first.class_names and part.class_names != first.class_names:
        at = next(i for i, (a, b) in enumerate(zip(first.class_names, part.class_names, strict=True)) if a != b)
        raise DataError(
            f"{name}: class {at} is '{part.class_names[at]}', in {first_name} '{first.class_names[at]}'; the class orders differ"
        )
    row_of = {video: row for row, video in enumerate(part.videos)}
    missing = [video for video in first.videos if video not in row_of]
    if missing or len(part.videos) != len(first.videos):
        example = missing[0] if missing else next(v for v in part.videos if v not in set(first.videos))
        raise DataError(f"{name} and {first_name} hold different videos, for example '{example}'; evaluate the same list")
    rows = np.asarray([row_of[video] for video in first.videos], dtype=np.int64)
    if part.labels is not None and first.labels is not None and not np.array_equal(part.labels[rows], first.labels):
        raise DataError(f"{name} and {first_name} disagree on the labels; were they evaluated on the same list?")
    return rows
