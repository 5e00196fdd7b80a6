"""Top-k accuracy with one rule for ties: among equal scores the lower class comes first, everywhere."""

import numpy as np


def top_classes(scores: np.ndarray, k: int) -> np.ndarray:
    """The best classes of each row, best first.

    Args:
        scores: [N, C].
        k: how many; never more than there are classes.

    Returns:
        int64 [N, min(k, C)].
    """
    return np.argsort(-scores, axis=1, kind="stable")[:, : min(k, scores.shape[1])]


def hits(scores: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Whether each label is among the best k classes: bool [N] from scores [N, C] and labels [N]."""
    return (top_classes(scores, k) == np.asarray(labels)[:, None]).any(axis=1)


def topk_accuracy(scores: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Share of rows whose label is among the best k classes; nan without rows."""
    return float(hits(scores, labels, k).mean()) if len(scores) else float("nan")
