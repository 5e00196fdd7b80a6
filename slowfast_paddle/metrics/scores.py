"""What an evaluation leaves behind: one row of scores per video, and how it came about."""

from dataclasses import dataclass

import numpy as np

from slowfast_paddle.metrics.calibration import expected_calibration_error
from slowfast_paddle.metrics.confusion import confusion_matrix, mean_class_accuracy
from slowfast_paddle.metrics.mean_ap import mean_average_precision
from slowfast_paddle.metrics.topk import topk_accuracy


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
        """Metrics of the videos that did not fail, as shares of 1.

        Args:
            ks: top-k accuracies to compute; each is named by the k asked for ("top5" with three classes is always 1).

        Returns:
            top1, top5, ..., mean_class, ece for single labels; map for multi-hot ones; empty without labels.
        """
        if self.labels is None:
            return {}
        good = np.array([not error for error in self.errors], dtype=bool)
        scores, labels = self.scores[good], self.labels[good]
        if labels.ndim == 2:
            return {"map": mean_average_precision(scores, labels)}
        matrix = confusion_matrix(labels, scores.argmax(axis=1), scores.shape[1])
        accuracies = {f"top{k}": topk_accuracy(scores, labels, k) for k in ks}
        return {**accuracies, "mean_class": mean_class_accuracy(matrix), "ece": expected_calibration_error(scores, labels)}
