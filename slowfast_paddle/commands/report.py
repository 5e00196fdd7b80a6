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

    from slowfast_paddle.metrics.scores_file import load_scores
    from slowfast_paddle.viz.evaluation import report_content, uncertain_videos, worst_videos
    from slowfast_paddle.viz.report import write_report

    stored = load_scores(args.scores)
    rows = sorted({*worst_videos(stored, args.examples), *uncertain_videos(stored, args.examples)})
    strips = _strips(stored, rows, Path(args.videos or "."))
    out = Path(args.out) if args.out else Path(args.scores).with_suffix(".html")
    title = args.title or Path(args.scores).stem
    write_report(out, report_content(stored, title, subtitle(stored), strips, args.examples))
    print(out)
    return 0


def subtitle(stored) -> str:
    """One line on what was evaluated, from the settings stamped on the scores."""
    stamp = stored.stamp
    parts = [f"{len(stored.videos)} videos"]
    for key, text in (("weights", "weights {}"), ("views", "{} views"), ("protocol", "protocol {}")):
        if isinstance(stamp.get(key), (str, int)):
            parts.append(text.format(stamp[key]))
    return " · ".join(parts)


def _strips(stored, rows: list[int], folder) -> dict:
    """Frames of the middle view of each row's video, where the video is at hand and readable."""
    from slowfast_paddle.data.strips import middle_view
    from slowfast_paddle.errors import DataError

    strips = {}
    for row in rows:
        path = folder / stored.videos[row]
        if path.exists():
            try:
                strips[row] = middle_view(path, stored.stamp.get("reading") or {})
            except DataError:  # the page is about scores; a video that has gone bad since only lacks its picture
                continue
    return strips
