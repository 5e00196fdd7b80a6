"""Recompute metrics from stored scores, and fuse several networks, without running one."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the score files and what to do with them."""
    parser.add_argument("scores", help="score file of eval.py --out: .npz, .json or .pkl")
    parser.add_argument("--fuse", nargs="+", default=[], metavar="FILE", help="score files of other networks on the same videos")
    parser.add_argument(
        "--weights",
        nargs="+",
        type=float,
        default=None,
        metavar="W",
        help="one number per file, in order; default: equal",
    )
    parser.add_argument("--topk", nargs="+", type=int, default=[1, 5], metavar="K")
    parser.add_argument("--out", default=None, metavar="FILE", help="store the (fused) scores: .npz, .json or .pkl")
    parser.add_argument("--json", default=None, metavar="FILE", help="write the metrics as JSON")
    parser.add_argument("--csv", default=None, metavar="FILE", help="write one line per class")


def run(args: argparse.Namespace) -> int:
    """Prints one line of metrics per file, and one for their fusion."""
    from slowfast_paddle.errors import DataError
    from slowfast_paddle.metrics.fuse import fuse
    from slowfast_paddle.metrics.scores_file import load_scores, save_scores
    from slowfast_paddle.metrics.tables import write_per_class

    if min(args.topk) < 1:
        raise DataError(f"--topk: {min(args.topk)} is not a number of classes; expected 1 or more")
    paths = [args.scores, *args.fuse]
    if args.weights is not None and not args.fuse:
        raise DataError("--weights: there is nothing to weigh; name the other score files with --fuse")
    tables = [load_scores(path) for path in paths]
    for path, table in zip(paths, tables):
        print(f"{path}: {_line(table, args.topk)}")
    stored = tables[0]
    if args.fuse:
        stored = fuse(tables, args.weights, paths)
        print(f"fused: {_line(stored, args.topk)}")
    if args.out:
        save_scores(args.out, stored)
    if args.json:
        _write_json(args.json, stored, args.topk)
    if args.csv:
        if stored.labels is None:
            raise DataError("--csv: the scores come without labels; expected those of eval.py --out")
        write_per_class(args.csv, stored)
    return 0


def _metrics(stored, ks: list[int]) -> dict[str, float]:
    from slowfast_paddle.metrics.scores import metrics_of

    return metrics_of(stored.scores, stored.labels, tuple(ks)) if len(stored.videos) else {}


def _line(stored, ks: list[int]) -> str:
    values = _metrics(stored, ks)
    count = f"({len(stored.videos)} videos)"
    if not values:
        return f"no labels {count}"
    names = {"mean_class": "mean class", "map": "mAP", "ece": "calibration error"}
    shown = (f"{names.get(key, key.replace('top', 'top-'))} {100 * value:.2f}" for key, value in values.items())
    return " ".join([*shown, count])


def _write_json(path: str, stored, ks: list[int]) -> None:
    import json
    from pathlib import Path

    content = {"metrics": _metrics(stored, ks), "videos": len(stored.videos), "stamp": stored.stamp}
    Path(path).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
