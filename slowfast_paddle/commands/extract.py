"""Extract features of sliding windows (2304 numbers for SlowFast R50) as .npz, one file a video."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares videos, weights and windows."""
    parser.add_argument("weights", help="checkpoint, with or without .pdparams")
    parser.add_argument(
        "--input", nargs="+", required=True, metavar="PATH", help="videos, folders, globs, list files or addresses"
    )
    parser.add_argument("--out", default="features", metavar="FOLDER")
    parser.add_argument("--stride_sec", type=float, default=1.0, help="seconds from window to window")
    parser.add_argument("--config", default=None, help="what the network is; default: the checkpoint's sidecar")
    parser.add_argument("--plugin", action="append", default=[], metavar="FILE.py", help="your file that registers architectures")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "gpu"))


def run(args: argparse.Namespace) -> int:
    """Writes <out>/<video>.npz with features, timestamps, start_sec, end_sec, fps, stride_sec, window_sec."""
    from pathlib import Path

    from slowfast_paddle import log
    from slowfast_paddle.app.machine import import_plugin
    from slowfast_paddle.app.predictor import Predictor
    from slowfast_paddle.data.sources import expand_inputs
    from slowfast_paddle.data.targets import target_names
    from slowfast_paddle.errors import DecodeError

    log.setup()
    for plugin in args.plugin:
        import_plugin(Path(plugin))
    videos = expand_inputs(args.input)
    predictor = Predictor(args.weights, config=args.config, device=args.device)
    failed = 0
    for video, target in zip(log.progress(videos, len(videos), "extracting", "video"), target_names(videos, args.out, ".npz")):
        try:
            features = predictor.features(video, args.stride_sec)
        except DecodeError as err:
            failed += 1
            print(f"failed: {err}")
            continue
        features.save(target)
        print(f"{target}: {features.features.shape[0]} windows x {features.features.shape[1]}")
    return 3 if failed else 0
