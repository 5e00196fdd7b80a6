"""Average precision of multi-label classification."""

import numpy as np


def average_precision(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the precision-recall steps, equal scores taken together; nan without a positive.

    Args:
        scores: [N].
        positive: bool or 0/1, [N].

    Source: the definition of sklearn.metrics.average_precision_score: sum of (R_n - R_{n-1}) * P_n over thresholds.
    """
    positive = np.asarray(positive, dtype=bool)
    if not positive.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    sorted_scores = scores[order]
    last_of_tie = np.append(sorted_scores[1:] != sorted_scores[:-1], True)
    found = np.cumsum(positive[order])[last_of_tie]
    taken = np.flatnonzero(last_of_tie) + 1
    gained = np.diff(found, prepend=0)
    return float((gained * found / taken).sum() / positive.sum())


def average_precisions(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Average precision of every class, float64 [C]; nan for classes without a positive.

    Args:
        scores: [N, C].
        labels: multi-hot, [N, C].
    """
    return np.array([average_precision(scores[:, c], labels[:, c]) for c in range(scores.shape[1])])


def mean_average_precision(scores: np.ndarray, labels: np.ndarray) -> float:
    """Mean over the classes that have a positive; nan when none has."""
    values = average_precisions(scores, labels)
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")
