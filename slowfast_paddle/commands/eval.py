"""Test a network with many views a video: python -m slowfast_paddle eval --weights FILE [section.key=value ...]"""

from slowfast_paddle import cli


def main(argv: list[str] | None = None, prog: str | None = None) -> int:
    """Parses, evaluates, returns the exit code: 0 done, 2 bad input, 3 some videos failed."""
    parser = cli.parser(__doc__, cli.TEST_KEYS)
    parser.prog = prog or parser.prog
    parser.add_argument("--list", metavar="FILE", help="videos and labels instead of data.val_list")
    parser.add_argument("--out", metavar="FILE", help="store the scores: .npz, .json or .pkl")
    parser.add_argument("--topk", nargs="+", type=int, default=[1, 5], metavar="K", help="top-k accuracies in eval.json")
    args = cli.parse(parser, argv)
    return cli.run_reporting_errors(lambda: _run(args))


def _run(args) -> int:
    args.weights = cli.weights_at_hand(args)
    config = cli.resolve(args)
    from slowfast_paddle import app

    here = app.start(cli.runtime(args))
    return app.test(config, here=here, weights=args.weights, list_path=args.list, out=args.out, ks=args.topk)
