"""From logits to scores, on the host and in float64, so that every device and runtime ends in the same numbers."""

import numpy as np


def activate(logits: np.ndarray, activation: str) -> np.ndarray:
    """Softmax or sigmoid over the last axis, or the logits themselves ("none"); float64 of the same shape."""
    logits = np.asarray(logits, dtype=np.float64)
    if activation == "none":
        return logits
    if activation == "sigmoid":
        return 1.0 / (1.0 + np.exp(-logits))
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)
