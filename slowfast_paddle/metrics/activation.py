"""From logits to scores, on the host and in float64, so that every device and runtime ends in the same numbers."""

import numpy as np


def probabilities(scores: np.ndarray) -> np.ndarray:
    """Scores of exclusive classes [N, C] as rows of sum 1, whatever test.average made of the views.

    Means of logits ("score") pass through the softmax; the largest probabilities of the views ("max") are shares of their sum.
    """
    if not len(scores):
        return scores
    sums = scores.sum(axis=1, keepdims=True)
    if np.allclose(sums, 1.0, atol=1e-3) and scores.min() >= 0:
        return scores
    if scores.min() < 0 or scores.max() > 1 + 1e-6 or sums.min() < 1 - 1e-3:
        return activate(scores, "softmax")
    return scores / sums


def activate(logits: np.ndarray, activation: str) -> np.ndarray:
    """Softmax or sigmoid over the last axis, or the logits themselves ("none"); float64 of the same shape."""
    logits = np.asarray(logits, dtype=np.float64)
    if activation == "none":
        return logits
    if activation == "sigmoid":
        return 1.0 / (1.0 + np.exp(-logits))
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)
