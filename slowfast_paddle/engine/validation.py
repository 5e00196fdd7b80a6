"""Validation during training: one clip per video, exact over the ranks."""

from typing import Any

import numpy as np
import paddle
from paddle import nn

from slowfast_paddle import log
from slowfast_paddle.engine.gather import Row, gather_rows
from slowfast_paddle.engine.task import ClassificationTask

_logger = log.get(__name__)


def validate(network: nn.Layer, task: ClassificationTask, loader: Any) -> dict[str, float]:
    """Metrics that are the same on every rank and for every number of ranks.

    Args:
        network: put into eval mode; logits [B, positions, C].
        task: packs clips and names the metrics.
        loader: this rank's batches, without padding: clip, label, index, and "failed": (index, label, reason)
            of each video that has no clip in the batch.

    Returns:
        loss, the task's metrics and the number of failed videos.
    """
    network.eval()
    rows: dict[int, Row] = {}
    with paddle.no_grad():
        for batch in log.progress(loader, len(loader), "validating", "batch"):
            for index, label, reason in batch.get("failed", ()):
                log.warn_once(_logger, f"validation leaves out {reason}")
                rows[int(index)] = Row(None, label, error=reason)
            if len(batch["index"]) == 0:
                continue
            logits = network(task.pack(batch["clip"]))
            scores = task.probabilities(logits.astype("float32").numpy())
            for index, row, label in zip(np.asarray(batch["index"]), scores, np.asarray(batch["label"])):
                rows[int(index)] = Row(row, label, views=1)
    gathered = gather_rows(rows, task.num_classes)
    return {**task.validation_metrics(gathered), "failed": float(len(gathered.failed))}
