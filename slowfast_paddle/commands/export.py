"""Export a checkpoint for deployment: Paddle inference program, ONNX; both checked against the network."""

import argparse

BOXES = 3  # of a clip while the exported action detection network is checked


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the checkpoint and the formats."""
    parser.add_argument("weights", help="checkpoint, with or without .pdparams")
    parser.add_argument("--config", default=None, help="what the network is; default: the checkpoint's sidecar")
    parser.add_argument("--plugin", action="append", default=[], metavar="FILE.py", help="your file that registers architectures")
    parser.add_argument("--out", default="export", metavar="FOLDER")
    parser.add_argument("--onnx", action="store_true", help="also write network.onnx (needs paddle2onnx and onnxruntime)")
    parser.add_argument("--logits", action="store_true", help="leave the softmax and the mean over places to the client")
    parser.add_argument(
        "--size", nargs=2, type=int, default=None, metavar=("H", "W"), help="input size in px; default: test.crop_px"
    )


def run(args: argparse.Namespace) -> int:
    """Exports and prints what was verified."""
    from pathlib import Path

    import paddle

    from slowfast_paddle.app.machine import import_plugin
    from slowfast_paddle.app.scorer import open_scorer
    from slowfast_paddle.app.weights import sidecar_config
    from slowfast_paddle.checkpoint import stem
    from slowfast_paddle.config.load import load_config
    from slowfast_paddle.errors import ConfigError
    from slowfast_paddle.export.deploy import Averaged, BoxScores, export_onnx, export_paddle, placing

    if args.size and min(args.size) < 1:
        raise ConfigError(f"--size {args.size[0]} {args.size[1]}: expected a height and a width of 1 px or more")
    for plugin in args.plugin:
        import_plugin(Path(plugin))
    paddle.set_device("cpu")
    config = load_config(args.config or sidecar_config(args.weights), ["test.compiled=false"])
    scorer = open_scorer(config, stem(args.weights), gpu=False)
    data = scorer.config.data
    height, width = args.size or (scorer.config.test.crop_px,) * 2
    shapes = [(3, len(frames), height, width) for frames in scorer.pack.indices]
    head = scorer.config.model.head
    boxes = BOXES if head.kind == "roi" else 0
    if args.logits:
        network, output = scorer.network, "logits [boxes, classes]" if boxes else "logits [batch, places, classes]"
    elif boxes:
        network, output = BoxScores(scorer.network, head.activation == "sigmoid"), "probabilities [boxes, classes]"
    else:
        network, output = Averaged(scorer.network, scorer.multi_label), "probabilities [batch, classes]"
    network.eval()
    facts = {
        "output": output,
        "class_names": list(scorer.names),
        "frames": data.num_frames,
        "sampling_rate": data.sampling_rate,
        "target_fps": data.target_fps,
        "frame_sampling": data.frame_sampling,
        "pathway_frames": [list(frames) for frames in scorer.pack.indices],
        "mean": list(data.mean),
        "std": list(data.std),
        "channels": "BGR" if data.reverse_channels else "RGB",
    }
    if boxes:
        facts["boxes"] = "x1 y1 x2 y2 in px of the input, those of the first clip first; boxes_num: how many each clip has"
    try:
        with placing(args.out) as scratch:
            program_error = export_paddle(network, shapes, scratch, facts, boxes)
            onnx_error = export_onnx(network, shapes, scratch, boxes) if args.onnx else None
    except MemoryError as err:
        raise ConfigError(f"--size {height} {width}: clips of this size do not fit into memory; use a smaller one") from err
    print(f"{Path(args.out)}: Paddle inference program, largest difference {program_error:.1e} of the largest output")
    if onnx_error is not None:
        print(f"{Path(args.out) / 'network.onnx'}: ONNX, largest difference {onnx_error:.1e} of the largest output")
    return 0
