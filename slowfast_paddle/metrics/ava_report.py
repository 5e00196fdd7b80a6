"""Text and JSON of an AVA evaluation: the mAP line, the table per class, and what was left out."""

import math

from slowfast_paddle.metrics.ava_map import IOU_THRESHOLD, AvaResult


def map_line(result: AvaResult) -> str:
    """One line that carries the number and the rule behind it."""
    counted, total = result.counts["classes_with_groundtruth"], result.counts["classes"]
    value = "undefined (no counted class has ground truth)" if math.isnan(result.mean_ap) else f"{result.mean_ap:.6f}"
    return f"mAP@0.5IoU {value} rule={result.rule} classes={counted}/{total}"


def class_table(result: AvaResult, names: dict[int, str]) -> str:
    """One line per class, in the order of their numbers."""
    lines = ["class\tAP\tname"]
    for label, value in sorted(result.average_precision.items()):
        text = "no ground truth" if math.isnan(value) else f"{value:.6f}"
        lines.append(f"{label}\t{text}\t{names.get(label, '')}")
    return "\n".join(lines)


def left_out(result: AvaResult) -> list[str]:
    """Sentences for every kind of row that did not count."""
    skip = ("groundtruth_rows", "detections_rows", "classes", "classes_with_groundtruth")
    return [f"{name.replace('_', ' ')}: {count}" for name, count in result.counts.items() if name not in skip and count]


def result_json(result: AvaResult, names: dict[int, str]) -> dict:
    """Plain data for a JSON file; classes without ground truth hold null."""
    return {
        "mAP": None if math.isnan(result.mean_ap) else result.mean_ap,
        "iou_threshold": IOU_THRESHOLD,
        "rule": result.rule,
        "ap_per_class_id": {
            str(label): None if math.isnan(value) else value for label, value in sorted(result.average_precision.items())
        },
        "class_names": {str(label): name for label, name in sorted(names.items())},
        "counts": result.counts,
    }
