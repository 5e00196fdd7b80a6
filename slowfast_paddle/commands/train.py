"""Train a network: python -m slowfast_paddle train --config configs/slowfast.yaml [section.key=value ...]"""

from slowfast_paddle import cli


def main(argv: list[str] | None = None, prog: str | None = None) -> int:
    """Parses, trains, returns the exit code."""
    parser = cli.parser(__doc__, cli.TRAIN_KEYS)
    parser.prog = prog or parser.prog
    parser.add_argument(
        "--resume",
        nargs="?",
        const="true",
        default="false",
        metavar="true|PATH",
        help="continue from the newest checkpoint of save_dir, or from PATH",
    )
    parser.add_argument("--resume_epoch", type=int, metavar="N", help="continue after epoch N of save_dir")
    parser.add_argument("--auto_resume", action="store_true", help="continue when save_dir holds a checkpoint, else start")
    parser.add_argument("--finetune", action="store_true", help="with --weights: load all but the classifier")
    args = cli.parse(parser, argv)
    return cli.run_reporting_errors(lambda: _run(args))


def _run(args) -> int:
    config = cli.resolve(args)
    from slowfast_paddle import app

    return app.train(
        config,
        runtime=cli.runtime(args),
        weights=args.weights,
        finetune=args.finetune,
        resume=cli.resume_choice(args),
        batch_size_given=cli.batch_size_given(args),
    )
