"""Generate a small AVA-style set whose classes are motions, to try training and evaluation on."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("folder")
    parser.add_argument("--split", default="train", help="name of the list and of the folder of videos")
    parser.add_argument("--videos", type=int, default=40)
    parser.add_argument("--scenes", type=int, default=8, help="scenes of two seconds a video, each with one keyframe")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other scenes")


def prepare(args: argparse.Namespace) -> int:
    """Generate one split."""
    from slowfast_paddle.data.ava_synthetic import CLASS_NAMES, generate

    labels = generate(args.folder, split=args.split, videos=args.videos, scenes=args.scenes, seed=args.seed)
    print(f"{labels}: {args.videos} videos, {args.videos * args.scenes} keyframes, {len(CLASS_NAMES)} classes")
    return 0
