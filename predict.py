"""Predict the action of videos: python predict.py --weights FILE --input VIDEO [VIDEO ...]"""

import sys

from slowfast_paddle import cli


def main(argv: list[str] | None = None) -> int:
    """Parses, predicts, returns the exit code: 0 done, 2 bad input, 3 some videos failed."""
    parser = cli.parser(__doc__, cli.TEST_KEYS)
    parser.add_argument(
        "--input", nargs="+", metavar="PATH", help="videos, folders, globs or list files instead of data.infer_list"
    )
    parser.add_argument("--boxes", metavar="CSV", help="action detection: people in the video, video,second,x1,y1,x2,y2,,score")
    parser.add_argument("--detector", metavar="DIR", help="action detection: an exported PaddleDetection model that finds them")
    args = cli.parse(parser, argv)
    return cli.run_reporting_errors(lambda: _run(args))


def _run(args) -> int:
    config = cli.resolve(args)
    from slowfast_paddle import app

    return app.predict(
        config, runtime=cli.runtime(args), weights=args.weights, inputs=args.input, boxes=args.boxes, detector=args.detector
    )


if __name__ == "__main__":
    sys.exit(main())
