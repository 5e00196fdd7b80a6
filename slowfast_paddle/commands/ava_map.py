"""Score an AVA detection csv against ground truth: mean average precision at IoU 0.5.

Rules: `official` sorts the detections of an image by score, `official50` also keeps the 50 best labelled boxes of an image,
`pyslowfast` matches them in the order of the file. Only classes of the label map count.
"""

import argparse
import json
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--groundtruth", required=True, metavar="CSV", help="video,second,x1,y1,x2,y2,class[,person]")
    parser.add_argument("--detections", required=True, metavar="CSV", help="video,second,x1,y1,x2,y2,class,score")
    parser.add_argument("--labelmap", required=True, metavar="FILE", help="classes that count: .pbtxt or `1: name` lines")
    parser.add_argument("--excluded", metavar="CSV", help="video,second of keyframes left out of both sides")
    parser.add_argument("--rule", choices=("official", "official50", "pyslowfast"), default="official")
    parser.add_argument("--json", metavar="FILE", help="write the result, the rule and the counts here")


def run(args: argparse.Namespace) -> int:
    """Print what was left out, the table per class and the mAP line."""
    from slowfast_paddle.data.ava_csv import read_detections, read_excluded, read_labels
    from slowfast_paddle.data.ava_labels import read_label_map
    from slowfast_paddle.errors import DataError
    from slowfast_paddle.metrics.ava_map import evaluate_ava
    from slowfast_paddle.metrics.ava_report import class_table, left_out, map_line, result_json

    names = read_label_map(args.labelmap)
    groundtruth = read_labels(args.groundtruth)
    detections = read_detections(args.detections)
    for table in (groundtruth, detections):
        if not len(table):
            raise DataError(f"{table.path}: holds no boxes, so there is nothing to score")
    excluded = read_excluded(args.excluded) if args.excluded else set()
    result = evaluate_ava(groundtruth, detections, names, excluded, args.rule)
    for sentence in left_out(result):
        print(sentence)
    if not set(groundtruth.images) & set(detections.images):
        print(
            f"no keyframe has both ground truth ({groundtruth.images[0]}, ...) and detections ({detections.images[0]}, ...);"
            " run check-ava to see why"
        )
    print(class_table(result, names))
    print(map_line(result))
    if args.json:
        Path(args.json).write_text(json.dumps(result_json(result, names), indent=2) + "\n", encoding="utf-8")
    return 0
