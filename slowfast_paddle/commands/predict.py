"""Predict the action of videos or of a camera: python -m slowfast_paddle predict --weights FILE --input VIDEO [VIDEO ...]"""

import dataclasses

from slowfast_paddle import cli

KEYS = {**cli.TEST_KEYS, "--top_k": ("test.top_k", int, "classes listed for a video")}


def main(argv: list[str] | None = None, prog: str | None = None) -> int:
    """Parses, predicts, returns the exit code: 0 done, 2 bad input, 3 some videos failed."""
    parser = cli.parser(__doc__, KEYS)
    parser.prog = prog or parser.prog
    parser.add_argument(
        "--input",
        nargs="+",
        metavar="PATH",
        help="videos, folders, globs, list files, http addresses, or one camera (0, rtsp://...), instead of data.infer_list",
    )
    parser.add_argument("--threshold", type=float, default=0.0, metavar="P", help="leave out classes that score less")
    parser.add_argument("--csv", action="store_true", help="also write result.csv, one line per video and class")
    parser.add_argument("--timeline", action="store_true", help="also write what happens when: VIDEO_timeline.json and VIDEO.srt")
    parser.add_argument("--annotate", action="store_true", help="also write the video with running labels: VIDEO_actions.mp4")
    parser.add_argument("--stride_sec", type=float, default=1.0, metavar="S", help="seconds between two windows of a timeline")
    parser.add_argument("--seconds", type=float, metavar="S", help="camera: stop after this time instead of at Ctrl-C")
    parser.add_argument("--boxes", metavar="CSV", help="action detection: people in the video, video,second,x1,y1,x2,y2,,score")
    parser.add_argument("--detector", metavar="DIR", help="action detection: an exported PaddleDetection model that finds them")
    args = cli.parse(parser, argv)
    return cli.run_reporting_errors(lambda: _run(args))


def _run(args) -> int:
    args.weights = cli.weights_at_hand(args)
    config = cli.resolve(args)
    from slowfast_paddle import app
    from slowfast_paddle.app.prediction import Wish

    wish = Wish(**{field.name: getattr(args, field.name) for field in dataclasses.fields(Wish)})
    return app.predict(config, runtime=cli.runtime(args), weights=args.weights, wish=wish)
