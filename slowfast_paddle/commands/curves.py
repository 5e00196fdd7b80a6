"""Draw the curves of a training run as a PNG."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the run and the picture."""
    parser.add_argument("run", help="metrics.jsonl, or the folder that holds it")
    parser.add_argument("--out", default=None, help="default: curves.png beside the metrics")


def run(args: argparse.Namespace) -> int:
    """Draws the picture."""
    from pathlib import Path

    from slowfast_paddle.metrics.curve_file import JSONL_NAME
    from slowfast_paddle.viz.curves import draw_curves

    metrics = Path(args.run)
    if metrics.is_dir():
        metrics = metrics / JSONL_NAME
    out = Path(args.out) if args.out else metrics.with_name("curves.png")
    draw_curves(metrics, out)
    print(out)
    return 0
