"""AVA mean average precision at IoU 0.5, vectorised over all images and classes.

The rules differ only in which detections of an image are looked at, and in what order:
    official     sorted by descending score inside each image (the default)
    official50   as official, but only the 50 best labelled boxes of each image count
    pyslowfast   in the order of the file
Equal scores keep the order of the file: images by their first row, then rows. A detection is compared only with the ground truth
box of its class and image that it overlaps most; the first one to reach it takes it, the others are false positives.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

RULES = ("official", "official50", "pyslowfast")
BEST_PER_IMAGE = 50
IOU_THRESHOLD = 0.5


@dataclass(frozen=True)
class Boxes:
    """Labelled boxes of many images, one row per (box, class).

    Shapes: images N hashable keys, boxes [N, 4] as x1, y1, x2, y2 in any one unit, labels [N], scores [N] or None.
    """

    images: Sequence[Hashable]
    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def falling(self) -> np.ndarray:
        """Sort key that puts the highest score first."""
        assert self.scores is not None, "ground truth has no scores to sort by"
        return -self.scores

    def keep(self, mask: np.ndarray) -> "Boxes":
        """The rows where mask is true, in the same order."""
        scores = None if self.scores is None else self.scores[mask]
        return Boxes(list(compress(self.images, mask)), self.boxes[mask], self.labels[mask], scores)


@dataclass(frozen=True)
class AvaResult:
    """Outcome of one evaluation.

    mean_ap is NaN when no counted class has ground truth; average_precision holds NaN for such classes. counts says what was
    left out and why.
    """

    mean_ap: float
    average_precision: dict[int, float]
    rule: str
    counts: dict[str, int]


def evaluate_ava(
    groundtruth: Boxes,
    detections: Boxes,
    class_ids: Iterable[int],
    excluded: Iterable[Hashable] = (),
    rule: str = "official",
) -> AvaResult:
    """Score detections against ground truth.

    Args:
        groundtruth, detections: Boxes, or any table with the same fields.
        class_ids: classes that count; rows of other classes are left out and counted.
        excluded: image keys left out of both sides.
        rule: one of RULES.

    Source: ActivityNet Evaluation/get_ava_performance.py; PySlowFast slowfast/utils/ava_eval_helper.py.
    """
    if rule not in RULES:
        raise ValueError(f"unknown rule {rule!r}; expected one of {', '.join(RULES)}")
    classes = np.array(sorted(set(class_ids)), dtype=np.int64)
    excluded = set(excluded)
    counts: dict[str, int] = {}
    groundtruth = _counted_rows(groundtruth, classes, excluded, "groundtruth", counts)
    detections = _counted_rows(detections, classes, excluded, "detections", counts)
    if rule == "official50":
        best = _best_per_image(detections)
        counts["detections_beyond_50_best"] = len(detections) - int(best.sum())
        detections = detections.keep(best)
    proper = (detections.boxes[:, 2] > detections.boxes[:, 0]) & (detections.boxes[:, 3] > detections.boxes[:, 1])
    counts["detections_without_area"] = len(detections) - int(proper.sum())
    if not proper.all():
        detections = detections.keep(proper)

    order, hits = _match(groundtruth, detections, rule)
    precision = _precision_per_class(classes, groundtruth, detections, order, hits)
    valid = [value for value in precision.values() if not np.isnan(value)]
    counts["classes"] = len(classes)
    counts["classes_with_groundtruth"] = len(valid)
    return AvaResult(float(np.mean(valid)) if valid else float("nan"), precision, rule, counts)


def average_precision(hits: np.ndarray, num_positives: int) -> float:
    """Area under the precision envelope of ranked detections.

    Args:
        hits: bool [N], best score first.
        num_positives: ground truth boxes, at least one.
    """
    if not len(hits):
        return 0.0
    found = np.cumsum(hits)
    precision = found / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    # Recall rises by one positive at each hit, and only there.
    return float(envelope[hits].sum() / num_positives)


def _counted_rows(rows: Boxes, classes: np.ndarray, excluded: set, name: str, counts: dict[str, int]) -> Boxes:
    known = np.isin(rows.labels, classes)
    counts[f"{name}_rows"] = len(rows)
    counts[f"{name}_of_uncounted_classes"] = len(rows) - int(known.sum())
    inside = np.array([image not in excluded for image in rows.images], dtype=bool) if excluded else np.ones(len(rows), bool)
    counts[f"{name}_of_excluded_images"] = int((known & ~inside).sum())
    return Boxes(rows.images, rows.boxes, rows.labels, rows.scores).keep(known & inside)


def _codes(images: Sequence[Hashable], table: dict[Hashable, int]) -> np.ndarray:
    """Number image keys by first appearance; the table grows."""
    return np.fromiter((table.setdefault(image, len(table)) for image in images), dtype=np.int64, count=len(images))


def _best_per_image(detections: Boxes) -> np.ndarray:
    """Mask of the BEST_PER_IMAGE highest scores of each image, first in the file first among equals."""
    image = _codes(detections.images, {})
    order = np.lexsort((detections.falling, image))  # stable
    first = np.flatnonzero(np.diff(image[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    mask = np.zeros(len(order), dtype=bool)
    mask[order[rank < BEST_PER_IMAGE]] = True
    return mask


def _match(groundtruth: Boxes, detections: Boxes, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """Greedy matching of all groups (image, class) at once.

    Returns:
        order: int [N], detections ranked by class, then falling score, then first appearance.
        hits: bool [N], whether the detection (in file order) took a ground truth box.
    """
    table: dict[Hashable, int] = {}
    det_image = _codes(detections.images, table)
    gt_image = _codes(groundtruth.images, table)
    order = np.lexsort((det_image, detections.falling, detections.labels))
    hits = np.zeros(len(detections), dtype=bool)
    det_group = detections.labels * len(table) + det_image
    gt_group = groundtruth.labels * len(table) + gt_image

    gt_order = np.argsort(gt_group, kind="stable")
    gt_group, gt_boxes = gt_group[gt_order], groundtruth.boxes[gt_order]
    visit = np.arange(len(detections)) if rule == "pyslowfast" else np.lexsort((detections.falling, det_group))
    start = np.searchsorted(gt_group, det_group[visit], side="left")
    number = np.searchsorted(gt_group, det_group[visit], side="right") - start
    visit, start, number = visit[number > 0], start[number > 0], number[number > 0]
    if not len(visit):
        return order, hits

    # One row per (detection, ground truth box of its group).
    first = np.concatenate([[0], np.cumsum(number)[:-1]])
    gt = np.repeat(start - first, number) + np.arange(number.sum())
    iou = _iou(np.repeat(detections.boxes[visit], number, axis=0), gt_boxes[gt])
    best = np.maximum.reduceat(iou, first)
    at_best = np.where(iou == np.repeat(best, number), gt, len(gt_boxes))
    target = np.minimum.reduceat(at_best, first)  # the first of equal overlaps
    reached = np.flatnonzero(best >= IOU_THRESHOLD)
    _, earliest = np.unique(target[reached], return_index=True)
    hits[visit[reached[earliest]]] = True
    return order, hits


def _iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    size = np.maximum(0.0, np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]))
    shared = size[:, 1] * size[:, 0]
    # Parity: height times width, and this order of the sum, decide overlaps of exactly one half.
    area_a = (a[:, 3] - a[:, 1]) * (a[:, 2] - a[:, 0])
    area_b = (b[:, 3] - b[:, 1]) * (b[:, 2] - b[:, 0])
    union = area_a + area_b - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union != 0)


def _precision_per_class(
    classes: np.ndarray, groundtruth: Boxes, detections: Boxes, order: np.ndarray, hits: np.ndarray
) -> dict[int, float]:
    ranked_labels, ranked_hits = detections.labels[order], hits[order]
    begin = np.searchsorted(ranked_labels, classes, side="left")
    end = np.searchsorted(ranked_labels, classes, side="right")
    result = {}
    for label, lo, hi in zip(classes.tolist(), begin, end, strict=True):
        positives = int((groundtruth.labels == label).sum())
        result[label] = average_precision(ranked_hits[lo:hi], positives) if positives else float("nan")
    return result
