"""Turn stored scores into one HTML page: numbers, confusion, reliability, worst videos."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the scores and where to find the frames."""
    parser.add_argument("scores", help="score file of eval.py --out: .npz, .json or .pkl")
    parser.add_argument("--out", default=None, help="default: the score file's name with .html")
    parser.add_argument("--title", default=None, help="default: the score file's name")
    parser.add_argument("--examples", type=int, default=6, help="videos in each gallery")
    parser.add_argument(
        "--videos",
        default=None,
        metavar="FOLDER",
        help="folder the listed paths start from, to show frames; the current one by default",
    )


def run(args: argparse.Namespace) -> int:
    """Writes the page and prints its path."""
    from pathlib import Path

    from slowfast_paddle.app.reporting import report
    from slowfast_paddle.metrics.scores_file import load_scores

    out = Path(args.out) if args.out else Path(args.scores).with_suffix(".html")
    report(load_scores(args.scores), out, args.title or Path(args.scores).stem, args.videos or ".", args.examples)
    print(out)
    return 0
