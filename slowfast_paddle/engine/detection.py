"""Action detection: several classes per box, any number of boxes per clip, none included."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F

from slowfast_paddle.engine.gather import gather_results
from slowfast_paddle.engine.task import Batch, Pack, activate
from slowfast_paddle.metrics.ava_map import AvaResult, Boxes, evaluate_ava

Network = Callable[..., paddle.Tensor]

IGNORED = -1.0  # target of a row that must not count


class DetectionTask:
    """Scores every class of every box; the counterpart of ClassificationTask for Trainer.

    A batch holds clip uint8 [B, T, H, W, 3], boxes float32 [R, 4] px grouped by clip, boxes_num int32 [B], label float32 [R, C].
    """

    best_metric = "map"

    def __init__(self, pack: Pack, num_classes: int, activation: str = "sigmoid") -> None:
        """Choose the loss.

        Args:
            pack: uint8 clips to one float32 tensor [B, 3, T_p, H, W] per pathway.
            num_classes: columns of the network's output.
            activation: sigmoid (binary cross entropy per class) or softmax (cross entropy, a box's classes share the weight).
        """
        if activation not in ("sigmoid", "softmax"):
            raise ValueError(f"unknown activation {activation!r}; expected sigmoid or softmax")
        self.pack, self.num_classes, self.activation = pack, num_classes, activation

    def size(self, batch: Batch) -> int:
        """Clips in a batch."""
        return len(batch["boxes_num"])

    def split(self, batch: Batch, parts: int) -> Iterator[Batch]:
        """Cut a batch between clips into up to `parts` pieces; every piece keeps the boxes of its clips."""
        total = self.size(batch)
        clips = np.linspace(0, total, min(parts, total) + 1).astype(int)
        rows = np.concatenate([[0], np.cumsum(batch["boxes_num"])])[clips]
        for clip, row in zip(zip(clips, clips[1:]), zip(rows, rows[1:])):
            piece = {name: batch[name][slice(*clip)] for name in ("clip", "boxes_num", "index") if name in batch}
            yield piece | {name: batch[name][slice(*row)] for name in ("boxes", "label")}

    def forward(
        self, network: Callable[..., paddle.Tensor], batch: Batch, rng: np.random.Generator | None = None
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Logits [R, C] and targets [R, C].

        A batch without boxes gets one over the whole frame whose target is ignored: every parameter then has a gradient (zero),
        and no rank waits for the exchange of gradients that another never starts.
        """
        boxes, number, label = batch["boxes"], batch["boxes_num"], batch["label"]
        if not len(boxes):
            height, width = batch["clip"].shape[2:4]
            boxes = np.array([[0, 0, width - 1, height - 1]], dtype=np.float32)
            number = np.concatenate([[1], np.zeros(len(number) - 1)]).astype(np.int32)
            label = np.full((1, self.num_classes), IGNORED, dtype=np.float32)
        pathways = self.pack(batch["clip"])
        return network(pathways, paddle.to_tensor(boxes), paddle.to_tensor(number)), paddle.to_tensor(label)

    def loss(self, logits: paddle.Tensor, target: paddle.Tensor) -> paddle.Tensor:
        """Mean over boxes (and classes, for sigmoid) of the rows that count; zero, but attached to the graph, when none does."""
        logits = logits.astype("float32")
        counted = (target >= 0).astype("float32")
        target = target.clip(min=0.0)
        if self.activation == "sigmoid":
            return F.binary_cross_entropy_with_logits(logits, target, weight=counted, reduction="sum") / counted.sum().clip(
                min=1.0
            )
        share = target / target.sum(axis=1, keepdim=True).clip(min=1.0)
        rows = -(share * F.log_softmax(logits, axis=1)).sum(axis=1) * counted[:, 0]
        return rows.sum() / counted[:, 0].sum().clip(min=1.0)

    def sums(self, logits: paddle.Tensor, target: paddle.Tensor) -> dict[str, float]:
        """Nothing beside the loss: average precision needs the whole set."""
        return {}


@dataclass(frozen=True)
class Detections:
    """Scores of all keyframes of a set, in the order of the set, equal on every rank.

    Shapes: images, errors: K texts; boxes: K arrays [R, 4] fractions; scores: K arrays float64 [R, C].
    """

    images: list[str]
    boxes: list[np.ndarray]
    scores: list[np.ndarray]
    errors: list[str]

    @property
    def failed(self) -> list[tuple[str, str]]:
        """Keyframes that could not be scored, and why."""
        return [(image, error) for image, error in zip(self.images, self.errors) if error]

    def rows(self, labels: np.ndarray) -> Boxes:
        """One row per box and class.

        Args:
            labels: int64 [C], class number of every column.
        """
        counts = [len(boxes) for boxes in self.boxes]
        columns = len(labels)
        images = [image for image, count in zip(self.images, counts) for _ in range(count * columns)]
        return Boxes(
            images=images,
            boxes=np.repeat(np.concatenate([np.zeros((0, 4)), *self.boxes]), columns, axis=0),
            labels=np.tile(labels, sum(counts)),
            scores=np.concatenate([np.zeros(0), *(scores.reshape(-1) for scores in self.scores)]),
        )


def detect(network: Network, task: DetectionTask, items: Iterable[Mapping[str, Any]]) -> Detections:
    """Score this rank's keyframes and gather those of all ranks.

    Args:
        network: (pathways, boxes, boxes_num) to logits [R, C]; in eval mode, or compiled.
        items: keyframes with index, image, boxes, error and views; the scores of the views are averaged.

    Raises:
        DataError: a keyframe is missing or came from two ranks.
    """
    found: dict[int, tuple] = {}
    with paddle.no_grad():
        for item in items:
            scores = np.zeros((0, task.num_classes))
            if item["views"] and len(item["boxes"]):
                scores = np.mean([_view_scores(network, task, view) for view in item["views"]], axis=0)
            boxes = np.zeros((0, 4)) if item["error"] else np.asarray(item["boxes"], dtype=np.float64)
            found[int(item["index"])] = (item["image"], boxes, scores, item["error"])
    rows = gather_results(found, "keyframe")
    images, boxes, scores, errors = (list(column) for column in zip(*rows)) if rows else ([], [], [], [])
    return Detections(images, boxes, scores, errors)


def _view_scores(network: Network, task: DetectionTask, view: Mapping[str, np.ndarray]) -> np.ndarray:
    boxes = paddle.to_tensor(view["boxes"])
    number = paddle.to_tensor(np.array([len(view["boxes"])], dtype=np.int32))
    logits = network(task.pack(view["clip"][None]), boxes, number)
    return activate(logits.astype("float32").numpy(), task.activation)


@dataclass(frozen=True)
class DetectionScoring:
    """What turns detections into AVA mAP: the answers, and the rules of the comparison."""

    groundtruth: Boxes
    labels: np.ndarray  # int64 [C], class number of every column
    class_ids: tuple[int, ...]
    excluded: frozenset[str] = frozenset()
    rule: str = "official"

    def score(self, detections: Detections) -> AvaResult:
        """AVA mAP over the keyframes that have ground truth."""
        return evaluate_ava(self.groundtruth, detections.rows(self.labels), self.class_ids, self.excluded, self.rule)


def validate_detection(
    network: nn.Layer, task: DetectionTask, items: Iterable[Mapping[str, Any]], scoring: DetectionScoring
) -> dict[str, float]:
    """Metrics for the training curves, the same on every rank and for every number of ranks."""
    network.eval()
    detections = detect(network, task, items)
    return {"map": scoring.score(detections).mean_ap, "failed": float(len(detections.failed))}
