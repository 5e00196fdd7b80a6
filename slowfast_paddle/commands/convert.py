"""Convert weights of PySlowFast, PyTorchVideo, MMAction2, PaddleVideo, Caffe2 or ImageNet, and back.

python -m slowfast_paddle convert SLOWFAST_4x16_R50.pkl slowfast_4x16.pdparams
python -m slowfast_paddle convert trained.pdparams trained.pyth --to pyslowfast
"""

import argparse
import json
from pathlib import Path

from slowfast_paddle.errors import ConvertError

_LAYOUTS = ("auto", "pyslowfast", "caffe2", "pytorchvideo", "mmaction2", "paddlevideo", "paddle_models", "imagenet")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("source", metavar="SRC", help="the file to read")
    parser.add_argument("target", metavar="DST", help="the .pdparams to write (with --to: the other project's file)")
    parser.add_argument("--layout", default="auto", choices=_LAYOUTS, help="who wrote SRC; auto: recognised by its names")
    parser.add_argument("--config", metavar="PRESET_OR_YAML", help="what the shapes leave open, where the file does not say it")
    parser.add_argument(
        "--to", choices=("pyslowfast", "pytorchvideo", "mmaction2"), help="write the layout of another project instead"
    )
    parser.add_argument("--inflation", default="i3d", choices=("i3d", "centre"), help="how 2-D ImageNet kernels become 3-D")
    parser.add_argument("--report", metavar="FILE.json", help="run the converted network and write what it computes")
    parser.add_argument("--verify", metavar="GOLDEN.npz", help="with --report: compare with recorded reference output")
    parser.add_argument("--set", nargs="+", default=[], metavar="section.key=value", help="on top of --config")


def run(args: argparse.Namespace) -> int:
    """Converts; returns 0, or 2 when --verify found a difference."""
    from slowfast_paddle.convert.convert import convert_file, export_file

    if args.to:
        if args.report or args.verify:
            raise ConvertError("--report and --verify prove what was read from another project; leave them out with --to")
        export_file(args.source, args.target, args.to)
        print(f"{args.target}: written as {args.to} stores it")
        return 0
    converted = convert_file(
        args.source, args.target, layout=args.layout, config=args.config, overrides=args.set, inflation=args.inflation
    )
    _tell(converted)
    if args.report is None and args.verify is None:
        return 0
    from slowfast_paddle import files
    from slowfast_paddle.convert.proof import prove

    proof = prove(converted, Path(args.verify) if args.verify else None)
    if args.report:
        files.write_json(Path(args.report), proof)
    verified = proof.get("verified")
    print(json.dumps(verified or {"logits_sha256": proof["fixed_input"]["logits_sha256"]}))
    return 0 if verified is None or verified["passed"] else 2


def _tell(converted) -> None:
    """The facts a user should check, one a line."""
    source, config = converted.sidecar["source"], converted.sidecar["config"]
    model, data = config["model"], config["data"]
    frames = f"{data['num_frames']} frames, stride {data['sampling_rate']}"
    alpha = f", alpha {model['alpha']}" if model["architecture"] == "slowfast" else ""
    print(f"{converted.path}: {model['architecture']}, depth {model['depth']}, {frames}{alpha}, {model['num_classes']} classes")
    print(f"read as {source['layout']}; {len(converted.ignored)} entries carry no weights")
    print(f"what shapes leave open comes from {source['configured_by']}")
    if source["assumed"]:
        print(f"assumed: the network is the published {source['assumed']}; say otherwise with --config")
    if "initial" in source:
        print(f"not in the file, left at their initial values: {', '.join(source['initial'])}")
    for note in converted.notes:
        print(f"note: {note}")
