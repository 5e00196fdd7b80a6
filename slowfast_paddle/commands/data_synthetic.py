"""Generate small MP4 videos whose class is the order of their frames."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what to generate and where."""
    parser.add_argument("folder", help="where videos, list file and class names go")
    parser.add_argument("--split", default="train", help="name of the list file and of the folder of videos")
    parser.add_argument("--videos_per_class", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other scenes")
    parser.add_argument(
        "--order",
        default="time",
        choices=("time", "shuffled", "single"),
        help="'shuffled' and 'single' frames are controls: a network must stay at chance on them",
    )
    parser.add_argument("--processes", type=int, default=None, help="default: one for each processor")


def prepare(args: argparse.Namespace) -> int:
    """Generates one split."""
    from slowfast_paddle.data.synthetic import CLASS_NAMES, generate

    list_file = generate(
        args.folder,
        split=args.split,
        videos_per_class=args.videos_per_class,
        seed=args.seed,
        order=args.order,
        processes=args.processes,
    )
    print(f"{list_file}: {args.videos_per_class * len(CLASS_NAMES)} videos, {len(CLASS_NAMES)} classes")
    return 0
