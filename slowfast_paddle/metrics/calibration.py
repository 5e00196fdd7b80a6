"""Do 80 % confident predictions come true in 80 % of the cases?"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CalibrationBin:
    """Predictions whose confidence lies in (low, high]: how many, their mean confidence and their accuracy."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def reliability(probs: np.ndarray, labels: np.ndarray, bins: int = 15) -> list[CalibrationBin]:
    """Bins of equal width over the confidence of the best class; confidence and accuracy of an empty bin are nan.

    Args:
        probs: probabilities [N, C].
        labels: [N].
        bins: number of bins.
    """
    confidence = probs.max(axis=1)
    right = probs.argmax(axis=1) == np.asarray(labels)
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    result = []
    for i in range(bins):
        inside = place == i
        count = int(inside.sum())
        means = (float(confidence[inside].mean()), float(right[inside].mean())) if count else (float("nan"), float("nan"))
        result.append(CalibrationBin(i / bins, (i + 1) / bins, count, *means))
    return result


def expected_calibration_error(probs: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Mean distance between confidence and accuracy, weighted by the size of each bin; nan without rows.

    Source: Guo et al., On Calibration of Modern Neural Networks, equation 3.
    """
    if not len(probs):
        return float("nan")
    filled = [b for b in reliability(probs, labels, bins) if b.count]
    return sum(b.count * abs(b.confidence - b.accuracy) for b in filled) / len(probs)
