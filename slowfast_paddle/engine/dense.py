"""Scores of a video from blocks of time, each run through the network once."""

from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
import paddle

from slowfast_paddle.engine.evaluator import activation_of
from slowfast_paddle.metrics.activation import activate


class Block(Protocol):
    """Frames uint8 [n, h, w, 3]; which of them the slow pathway takes; rows of logits in time to keep."""

    frames: np.ndarray
    slow: np.ndarray
    first: int
    end: int


def score_blocks(
    network: Callable,
    normalise: Callable,
    blocks: Iterable[Block],
    *,
    pathways: int,
    window: int,
    step: int,
    average: str,
    multi_label: bool,
    mean_logits: bool,
) -> tuple[np.ndarray, int]:
    """Scores float32 [C] of one video, and how many places in time (of every crop) are behind them.

    Args:
        network: pathways [1, 3, T_p, h, w] to logits [1, places, C], places in time first.
        normalise: uint8 [1, n, h, w, 3] to float32 [1, 3, n, h, w].
        blocks: all blocks of the video.
        pathways: 1 or 2.
        window, step: a row of logits belongs to `window` places of `step` frames.
        average, multi_label: as in score_video, with places in time for views.
        mean_logits: over the frame, logits are averaged before the activation, not scores after it.
    """
    activation = activation_of(average, multi_label)
    total: np.ndarray | None = None
    count = 0
    for block in blocks:
        clip = normalise(np.ascontiguousarray(block.frames[None]))
        slow = (paddle.index_select(clip, paddle.to_tensor(block.slow, "int32"), axis=2),) if pathways == 2 else ()
        logits = network((*slow, clip))
        if isinstance(logits, paddle.Tensor):
            logits = logits.astype("float32").numpy()
        rows = len(block.frames) // step - window + 1
        logits = logits[0].reshape(rows, -1, logits.shape[-1])[block.first : block.end].astype(np.float64)
        if mean_logits:
            logits = logits.mean(axis=1, keepdims=True)
        scores = activate(logits, activation).mean(axis=1)  # [rows, C]
        together = scores.max(axis=0) if average == "max" else scores.sum(axis=0)
        total = together if total is None else np.maximum(total, together) if average == "max" else total + together
        count += len(scores)
    assert total is not None, "a video has a block"
    return (total if average == "max" else total / count).astype(np.float32), count
