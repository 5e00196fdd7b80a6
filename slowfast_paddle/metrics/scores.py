"""What an evaluation leaves behind: one row of scores per video, and how it came about."""

from dataclasses import dataclass

import numpy as np

from slowfast_paddle.metrics.activation import probabilities
from slowfast_paddle.metrics.calibration import expected_calibration_error
from slowfast_paddle.metrics.confusion import confusion_matrix, mean_class_accuracy
from slowfast_paddle.metrics.mean_ap import mean_average_precision
from slowfast_paddle.metrics.topk import top_classes, topk_accuracy


def metrics_of(scores: np.ndarray, labels: np.ndarray | None, ks: tuple[int, ...] = (1, 5)) -> dict[str, float]:
    """Every metric the labels allow, as shares of 1; nan without rows.

    Args:
        scores: [N, C], probabilities or logits.
        labels: [N] or multi-hot [N, C].
        ks: top-k accuracies to compute; each is named by the k asked for ("top5" with three classes is always 1).

    Returns:
        top1, top5, ..., mean_class, ece for single labels; map for multi-hot ones; empty without labels.
    """
    if labels is None:
        return {}
    if labels.ndim == 2:
        return {"map": mean_average_precision(scores, labels)}
    matrix = confusion_matrix(labels, top_classes(scores, 1)[:, 0], scores.shape[1])
    accuracies = {f"top{k}": topk_accuracy(scores, labels, k) for k in ks}
    calibration = expected_calibration_error(probabilities(scores), labels)
    return {**accuracies, "mean_class": mean_class_accuracy(matrix), "ece": calibration}


@dataclass(frozen=True)
class Scores:
    """Per-video results in list order.

    Attributes:
        scores: float32 [N, C]; rows of failed videos are nan.
        labels: int64 [N] or multi-hot float32 [N, C]; None when unknown.
        views: int32 [N], views behind each row.
        decoded: int32 [N], frames decoded.
        expected: int32 [N], frames the file promised.
        errors: [N], why a video failed; empty when it did not.
    """

    scores: np.ndarray
    labels: np.ndarray | None
    views: np.ndarray
    decoded: np.ndarray
    expected: np.ndarray
    errors: list[str]

    @property
    def failed(self) -> list[int]:
        """Indices of the videos without a score."""
        return [i for i, error in enumerate(self.errors) if error]

    def metrics(self, ks: tuple[int, ...] = (1, 5)) -> dict[str, float]:
        """Metrics of the videos that did not fail; see `metrics_of`."""
        good = np.array([not error for error in self.errors], dtype=bool)
        return metrics_of(self.scores[good], None if self.labels is None else self.labels[good], ks)
