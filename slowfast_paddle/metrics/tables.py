"""Tables of an evaluation as CSV: one line per class, and who is taken for whom."""

import csv
import math
from pathlib import Path

import numpy as np

from slowfast_paddle.metrics.confusion import confusion_matrix, per_class
from slowfast_paddle.metrics.mean_ap import average_precisions
from slowfast_paddle.metrics.scores_file import StoredScores
from slowfast_paddle.metrics.topk import top_classes


def write_per_class(path: str | Path, stored: StoredScores) -> None:
    """One line per class, in the classifier's order; a share that is not defined (no such video) stays empty.

    Single labels: index, class, videos, predicted, recall, precision. Several labels: index, class, videos, average_precision.

    Args:
        path: the .csv.
        stored: labelled scores.
    """
    names = stored.names()
    assert stored.labels is not None, "tables are made of labelled scores"
    if stored.multi_label:
        head = ["index", "class", "videos", "average_precision"]
        counts, values = stored.labels.sum(axis=0), average_precisions(stored.scores, stored.labels)
        rows = [[i, name, int(counts[i]), _share(values[i])] for i, name in enumerate(names)]
    else:
        head = ["index", "class", "videos", "predicted", "recall", "precision"]
        rows = [
            [row.index, names[row.index], row.support, row.predicted, _share(row.recall), _share(row.precision)]
            for row in per_class(_matrix(stored))
        ]
    _write(path, [head, *rows])


def write_confusion(path: str | Path, stored: StoredScores) -> None:
    """Counts of videos: a line per true class, a column per predicted one.

    Args:
        path: the .csv.
        stored: scores with single labels.
    """
    names = stored.names()
    _write(path, [["true \\ predicted", *names], *([name, *row] for name, row in zip(names, _matrix(stored).tolist()))])


def _matrix(stored: StoredScores) -> np.ndarray:
    assert stored.labels is not None, "tables are made of labelled scores"
    return confusion_matrix(stored.labels, top_classes(stored.scores, 1)[:, 0], stored.scores.shape[1])


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6f}"


def _write(path: str | Path, rows: list) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
