"""Measure speed: a network's forward or training step, the views of a test video, or the training loader.

python -m slowfast_paddle bench step --config slowfast_4x16_r50 --batch 2
python -m slowfast_paddle bench model                       forward of every preset, one clip
python -m slowfast_paddle bench views VIDEO
python -m slowfast_paddle bench loader data/train.csv --workers 0 1 2

`model` and `step` time the fast CPU convolutions and plain F.conv3d alternately in one process, so that the ratio holds on
a busy machine; SLOWFAST_CPU_TUNING=0 shows both without the process settings.
"""

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the four kinds and their flags."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="model|step|views|loader")
    for kind, about in (("model", "forward without gradients"), ("step", "forward, backward and update")):
        network = kinds.add_parser(kind, help=f"seconds of a network's {about}")
        network.add_argument(
            "--config", action="append", metavar="PRESET_OR_YAML", help="may be repeated (default: every preset)"
        )
        network.add_argument(
            "--batch", type=int, default=1 if kind == "model" else 2, metavar="N", help="clips (default: %(default)s)"
        )
        network.add_argument("--size", type=int, metavar="PX", help="side of the clip (default: data.crop_px)")
        network.add_argument(
            "--repeat", type=int, default=5, metavar="N", help="measurements of each form (default: %(default)s)"
        )
    views = kinds.add_parser("views", help="30 views of a video: decoded once against once a view")
    views.add_argument("video")
    views.add_argument("--repeat", type=int, default=5, metavar="N", help="the best of N (default: %(default)s)")
    views.add_argument("--threads", type=int, default=1, metavar="N", help="of the decoder (default: %(default)s)")
    loader = kinds.add_parser("loader", help="clips per second and memory of the training reader alone")
    loader.add_argument("list", help="list file of videos and labels")
    loader.add_argument("--prefix", default="", help="put before listed paths that are not absolute")
    loader.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2], metavar="N", help="reader processes to try")
    loader.add_argument("--batch_size", type=int, default=8, metavar="N", help="clips a batch (default: %(default)s)")
    loader.add_argument("--seconds", type=float, default=10.0, metavar="SEC", help="for each number of workers")
    loader.add_argument(
        "--step_sec", type=float, metavar="SEC", help="of the network for a batch: says how many workers it needs"
    )
    for reader in (views, loader):
        reader.add_argument("--decoder", choices=("auto", "pyav", "opencv"), default="auto")
    for any_kind in kinds.choices.values():
        any_kind.add_argument("--json", action="store_true", help="end with the figures as one line of JSON")


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    if args.kind in ("model", "step"):
        from slowfast_paddle.commands.bench_network import bench_networks

        figures = bench_networks(args)
    else:
        from slowfast_paddle.commands import bench_reader

        figures = bench_reader.bench_views(args) if args.kind == "views" else bench_reader.bench_loader(args)
    if args.json:
        print(json.dumps(figures))
    return 0
