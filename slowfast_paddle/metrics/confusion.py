"""Who is taken for whom: confusion matrix, per-class table, mean class accuracy."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ClassRow:
    """One class of the per-class table; precision is nan when the class was never predicted, recall when it never occurs."""

    index: int
    support: int
    predicted: int
    recall: float
    precision: float


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts, int64 [C, C]: rows are true classes, columns predicted ones."""
    flat = np.asarray(labels, dtype=np.int64) * num_classes + np.asarray(predictions, dtype=np.int64)
    return np.bincount(flat, minlength=num_classes * num_classes).reshape(num_classes, num_classes)


def per_class(matrix: np.ndarray) -> list[ClassRow]:
    """Recall and precision of every class, from a confusion matrix."""
    support, predicted, right = matrix.sum(axis=1), matrix.sum(axis=0), np.diag(matrix)
    return [
        ClassRow(
            index=i,
            support=int(support[i]),
            predicted=int(predicted[i]),
            recall=float(right[i] / support[i]) if support[i] else float("nan"),
            precision=float(right[i] / predicted[i]) if predicted[i] else float("nan"),
        )
        for i in range(len(matrix))
    ]


def mean_class_accuracy(matrix: np.ndarray) -> float:
    """Mean recall over the classes that occur (balanced accuracy); nan when none does."""
    recalls = [row.recall for row in per_class(matrix) if row.support]
    return float(np.mean(recalls)) if recalls else float("nan")


def most_confused(matrix: np.ndarray, count: int) -> list[tuple[int, int, int]]:
    """The largest entries off the diagonal: (true, predicted, videos), largest first, no zeros."""
    off = matrix.copy()
    np.fill_diagonal(off, 0)
    order = np.argsort(-off, axis=None, kind="stable")[:count]
    pairs = [(int(i // len(off)), int(i % len(off))) for i in order]
    return [(true, pred, int(off[true, pred])) for true, pred in pairs if off[true, pred]]
