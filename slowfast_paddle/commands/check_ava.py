"""Examine an AVA-style data set, and say why its mAP would be 0, before anything is trained.

Compares class numbers, keyframes, box ranges, seconds and files. Exit code 2 when something cannot work.
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--labels", required=True, metavar="CSV", help="ground truth: video,second,x1,y1,x2,y2,class[,person]")
    parser.add_argument("--labelmap", required=True, metavar="FILE", help="classes: .pbtxt or `1: name` lines")
    parser.add_argument(
        "--other-labels", nargs="*", default=[], metavar="CSV", help="further ground truth, such as the validation set's"
    )
    parser.add_argument("--boxes", nargs="*", default=[], metavar="FILE", help="predicted people: csv or proposal .pkl")
    parser.add_argument("--detections", default="", metavar="CSV", help="labelled detections to be scored against --labels")
    parser.add_argument("--frames", default="", metavar="DIR", help="folder of frame folders")
    parser.add_argument(
        "--frame-lists", nargs="*", default=[], metavar="CSV", help="frame lists; without them every folder counts"
    )
    parser.add_argument("--frame-fps", type=float, default=30.0, help="rate of the extracted frames, 1/s")
    parser.add_argument("--videos", default="", metavar="DIR", help="folder of videos, instead of --frames")
    parser.add_argument(
        "--start-sec", type=float, default=900.0, help="second of the first frame: 900 as cut by AVA, 0 for a full film"
    )
    parser.add_argument("--num-classes", type=int, help="outputs of the network (AVA: 80)")


def run(args: argparse.Namespace) -> int:
    """Print one line per finding, errors last."""
    from slowfast_paddle.data.ava_check import check_set
    from slowfast_paddle.data.ava_set import AvaFiles
    from slowfast_paddle.data.findings import told

    files = AvaFiles(
        label_map=args.labelmap,
        labels=args.labels,
        boxes=tuple(args.boxes),
        frames=args.frames,
        frame_lists=tuple(args.frame_lists),
        frame_fps=args.frame_fps,
        videos=args.videos,
        start_sec=args.start_sec,
    )
    lines, code = told(check_set(files, args.other_labels, args.detections, args.num_classes))
    print("\n".join(lines))
    return code
