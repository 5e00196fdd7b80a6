"""What the loop does not know: how a batch becomes a loss and numbers. One small object per kind of problem."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import paddle
from paddle.nn import functional as F

from slowfast_paddle.engine.mixing import Mixing
from slowfast_paddle.metrics.activation import activate
from slowfast_paddle.metrics.scores import Scores
from slowfast_paddle.metrics.topk import top_classes

Batch = Mapping[str, Any]
SHOWN_KS = (1, 5)
Pack = Callable[[np.ndarray], tuple[paddle.Tensor, ...]]


class Task(Protocol):
    """What Trainer needs to know about a problem."""

    best_metric: str

    def size(self, batch: Batch) -> int:
        """Clips in a batch."""

    def split(self, batch: Batch, parts: int) -> Iterator[Batch]:
        """The batch cut into `parts` micro-batches (fewer when it is smaller)."""

    def forward(
        self, network: Callable[..., paddle.Tensor], batch: Batch, rng: np.random.Generator | None = None
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Logits and targets of a training batch; `rng` switches on what is random on the device."""

    def loss(self, logits: paddle.Tensor, target: paddle.Tensor) -> paddle.Tensor:
        """Mean loss over the batch, a float32 scalar."""

    def sums(self, logits: paddle.Tensor, target: paddle.Tensor) -> dict[str, float]:
        """Quantities to show, summed over the batch; always the same names."""


class ClassificationTask:
    """One label per clip (cross entropy) or several (binary cross entropy per class)."""

    def __init__(
        self,
        pack: Pack,
        num_classes: int,
        multi_label: bool = False,
        label_smoothing: float = 0.0,
        mixing: Mixing | None = None,
    ) -> None:
        """Choose the loss.

        Args:
            pack: uint8 clips [B, T, H, W, 3] to one float32 tensor [B, 3, T_p, H, W] per pathway.
            num_classes: length of a logit vector.
            multi_label: labels are multi-hot vectors.
            label_smoothing: share of the target spread evenly over all classes (single label only).
            mixing: mixup and cutmix.
        """
        self.pack = pack
        self.num_classes = num_classes
        self.multi_label = multi_label
        self.best_metric = "map" if multi_label else "top1"
        self._label_smoothing = label_smoothing
        self._mixing = mixing

    def size(self, batch: Batch) -> int:
        """Clips in a batch."""
        return len(batch["label"])

    def split(self, batch: Batch, parts: int) -> Iterator[Batch]:
        """Cut clip, label and index of a batch into up to `parts` pieces of nearly equal size."""
        total = self.size(batch)
        bounds = np.linspace(0, total, min(parts, total) + 1).astype(int)
        for start, stop in zip(bounds[:-1], bounds[1:]):
            yield {name: batch[name][start:stop] for name in ("clip", "label", "index") if name in batch}

    def forward(
        self, network: Callable[..., paddle.Tensor], batch: Batch, rng: np.random.Generator | None = None
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Logits [B, C] and targets: class numbers [B], or shares [B, C] where labels are soft."""
        pathways = self.pack(batch["clip"])
        target = paddle.to_tensor(batch["label"])
        if not self.multi_label and (self._label_smoothing or self._mixing):
            target = F.label_smooth(F.one_hot(target, self.num_classes), epsilon=self._label_smoothing)
        if self._mixing and rng is not None:
            pathways, target = self._mixing(pathways, target.astype("float32"), rng)
        return network(pathways), target

    def loss(self, logits: paddle.Tensor, target: paddle.Tensor) -> paddle.Tensor:
        """Mean loss over the batch; float32 whatever the network computed in."""
        logits = logits.astype("float32")
        if self.multi_label:
            return F.binary_cross_entropy_with_logits(logits, target.astype("float32"))
        return F.cross_entropy(logits, target, soft_label=target.ndim == 2)

    def sums(self, logits: paddle.Tensor, target: paddle.Tensor) -> dict[str, float]:
        """Clips whose label is the best class, and among the best five; nothing for multi-hot labels."""
        if self.multi_label:
            return {}
        best = top_classes(logits.detach().astype("float32").numpy(), max(SHOWN_KS))
        labels = (target.argmax(axis=1) if target.ndim == 2 else target).numpy()
        return {f"top{k}": float((best[:, :k] == labels[:, None]).any(axis=1).sum()) for k in SHOWN_KS}

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Scores [B, C] from logits [B, positions, C]: activation at each position, then the mean over positions."""
        return activate(logits, "sigmoid" if self.multi_label else "softmax").mean(axis=1)

    def validation_metrics(self, scores: Scores) -> dict[str, float]:
        """Loss of the averaged probabilities beside the accuracies."""
        good = np.array([not error for error in scores.errors], dtype=bool)
        probs = np.clip(scores.scores[good].astype(np.float64), 1e-12, 1.0)
        labels = scores.labels[good]
        if self.multi_label:
            loss = -(labels * np.log(probs) + (1 - labels) * np.log(np.clip(1 - probs, 1e-12, 1.0))).mean()
        else:
            loss = -np.log(probs[np.arange(len(probs)), labels]).mean()
        return {"loss": float(loss), **scores.metrics(SHOWN_KS)}
