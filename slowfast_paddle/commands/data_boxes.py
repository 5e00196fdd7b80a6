"""Turn boxes of an annotation tool into the AVA layout, and back.

Into AVA: OUT is a folder that gets labels.csv and label_map.pbtxt. Back: INPUT is labels.csv, --labelmap names its classes.
Formats: cvat (xml for video or images 1.1), coco (json), via (VIA 2 json), csv (video,second,x1,y1,x2,y2,action[,person]), ava.
"""

import argparse
from pathlib import Path

FORMATS = ("cvat", "coco", "via", "csv", "ava")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("input", help="file to read")
    parser.add_argument("out", help="folder (to ava) or file (to the others)")
    parser.add_argument("--from", dest="source", required=True, choices=FORMATS)
    parser.add_argument("--to", dest="target", default="ava", choices=FORMATS)
    parser.add_argument("--labelmap", metavar="FILE", help="names of the classes, from ava")
    parser.add_argument("--video", default="", help="name of the video (CVAT keeps one a file)")
    parser.add_argument("--fps", type=float, default=30.0, help="frame rate behind frame numbers, 1/s")
    parser.add_argument("--start-sec", type=float, default=0.0, help="second of the first frame")
    parser.add_argument(
        "--first-frame", type=int, default=0, help="number of the first frame: 0 in CVAT videos, 1 for VIDEO_000001.jpg"
    )
    parser.add_argument("--width", type=int, help="frame width in px, where the format does not store it")
    parser.add_argument("--height", type=int, help="frame height in px")


def prepare(args: argparse.Namespace) -> int:
    """Read, write, and say how much there was."""
    from slowfast_paddle.data import ava_annotations as boxes
    from slowfast_paddle.errors import DataError

    clock = boxes.Clock(args.fps, args.start_sec, args.first_frame)
    size = (args.width, args.height) if args.width and args.height else None
    annotations = _read(args, clock, size)
    if args.video and args.source != "cvat":
        annotations = [item for item in annotations if item.video == args.video]
    if not annotations:
        raise DataError(f"{args.input}: no boxes with an action were found{f' for video {args.video}' if args.video else ''}")
    if args.target == "ava":
        for action, count in boxes.write_ava(args.out, annotations).items():
            print(f"{action}: {count} rows")
    else:
        _write(args, annotations, clock, size)
    people = len({(item.video, item.second, item.box) for item in annotations})
    print(f"{args.out}: {len(annotations)} rows, {people} boxes, {len({item.video for item in annotations})} videos")
    return 0


def _read(args: argparse.Namespace, clock, size) -> list:
    from slowfast_paddle.data.ava_annotations import read_ava, read_plain
    from slowfast_paddle.data.ava_cvat import read_cvat
    from slowfast_paddle.data.ava_json import read_coco, read_via
    from slowfast_paddle.errors import DataError

    if args.source == "ava":
        if not args.labelmap:
            raise DataError(f"{args.input}: AVA labels hold class numbers; name the classes with --labelmap FILE")
        return read_ava(args.input, args.labelmap)
    if args.source == "cvat":
        return read_cvat(args.input, clock, args.video)
    if args.source == "coco":
        return read_coco(args.input, clock)
    return read_via(args.input, clock, size) if args.source == "via" else read_plain(args.input, clock, size)


def _write(args: argparse.Namespace, annotations: list, clock, size) -> None:
    from slowfast_paddle.data.ava_annotations import write_plain
    from slowfast_paddle.data.ava_cvat import write_cvat
    from slowfast_paddle.data.ava_json import write_coco, write_via
    from slowfast_paddle.errors import DataError

    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    if args.target == "csv":
        write_plain(args.out, annotations)
        return
    if size is None:
        raise DataError(f"{args.target} keeps boxes in px: give --width and --height of the frames")
    {"cvat": write_cvat, "coco": write_coco, "via": write_via}[args.target](args.out, annotations, clock, size)
