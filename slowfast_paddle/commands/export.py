"""Export a checkpoint for deployment: Paddle inference program, ONNX; both checked against the network."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the checkpoint and the formats."""
    parser.add_argument("weights", help="checkpoint, with or without .pdparams")
    parser.add_argument("--config", default=None, help="what the network is; default: the checkpoint's sidecar")
    parser.add_argument("--out", default="export", metavar="FOLDER")
    parser.add_argument("--onnx", action="store_true", help="also write network.onnx (needs paddle2onnx and onnxruntime)")
    parser.add_argument("--logits", action="store_true", help="leave the softmax and the mean over places to the client")
    parser.add_argument(
        "--size", nargs=2, type=int, default=None, metavar=("H", "W"), help="input size in px; default: test.crop_px"
    )


def run(args: argparse.Namespace) -> int:
    """Exports and prints what was verified."""
    from pathlib import Path

    from slowfast_paddle.app.predictor import Predictor
    from slowfast_paddle.export.deploy import Averaged, export_onnx, export_paddle

    predictor = Predictor(args.weights, config=args.config, device="cpu", overrides=["test.compiled=false"])
    scorer, data = predictor.scorer, predictor.scorer.config.data
    height, width = args.size or (scorer.config.test.crop_px,) * 2
    shapes = [(3, len(frames), height, width) for frames in scorer.pack.indices]
    network = scorer.network if args.logits else Averaged(scorer.network, scorer.multi_label)
    network.eval()
    facts = {
        "output": "logits [batch, places, classes]" if args.logits else "probabilities [batch, classes]",
        "class_names": list(scorer.names),
        "frames": data.num_frames,
        "sampling_rate": data.sampling_rate,
        "target_fps": data.target_fps,
        "pathway_frames": [list(frames) for frames in scorer.pack.indices],
        "mean": list(data.mean),
        "std": list(data.std),
        "channels": "BGR" if data.reverse_channels else "RGB",
    }
    difference = export_paddle(network, shapes, args.out, facts)
    print(f"{Path(args.out)}: Paddle inference program, largest difference {difference:.1e} of the largest output")
    if args.onnx:
        difference = export_onnx(network, shapes, args.out)
        print(f"{Path(args.out) / 'network.onnx'}: ONNX, largest difference {difference:.1e} of the largest output")
    return 0
