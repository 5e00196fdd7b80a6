"""Show what a network costs: parameters, multiply-adds, activation memory and output shapes, per stage and pathway.

python -m slowfast_paddle info --config slowfast_4x16_r50 --size 256
"""

import argparse
import json
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--config", metavar="PRESET_OR_YAML", default="slowfast_4x16_r50", help="the network")
    parser.add_argument("--size", type=int, metavar="PX", help="side of the view (default: test.crop_px)")
    parser.add_argument("--frames", type=int, metavar="N", help="frames of the fastest pathway (default: data.num_frames)")
    parser.add_argument("--plugin", action="append", default=[], metavar="FILE.py", help="your file that registers architectures")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("overrides", nargs="*", metavar="section.key=value", help="on top of --config")


def run(args: argparse.Namespace) -> int:
    """Print one row per part and the totals of one view."""
    from slowfast_paddle.app.machine import import_plugin
    from slowfast_paddle.config.load import load_config
    from slowfast_paddle.errors import ConfigError
    from slowfast_paddle.models.cost import count
    from slowfast_paddle.models.registry import build_spec
    from slowfast_paddle.models.spec import NetSpec

    for plugin in args.plugin:
        import_plugin(Path(plugin))
    config = load_config(args.config, args.overrides)
    frames = config.data.num_frames if args.frames is None else args.frames
    size = config.test.crop_px if args.size is None else args.size
    spec = build_spec(config.model, config.data.num_frames, config.data.crop_px)
    if not isinstance(spec, NetSpec):
        name = config.model.architecture
        raise ConfigError(f"model.architecture: {name} gives a ready layer, and info counts specs; let it return a NetSpec")
    if size < spec.head.total_stride:
        raise ConfigError(f"--size {size}: smaller than the network's stride; use at least {spec.head.total_stride} px")
    if frames < 1 or frames * spec.pathways[0].frames % spec.pathways[-1].frames:
        raise ConfigError(f"--frames {frames}: the slow pathway takes every {config.model.alpha}th frame; use a multiple of it")
    report = describe(config.name, frames, size, count(spec, frames, (size, size)), len(spec.pathways))
    print(json.dumps(report, indent=2) if args.json else table(report))
    return 0


def describe(name: str, frames: int, size: int, parts: list, pathways: int) -> dict:
    """Rows and totals as plain values."""
    roles = ("slow", "fast") if pathways == 2 else ("",)
    rows = [
        {
            "part": part.name,
            "pathway": "" if part.name == "head" or part.name.startswith("lateral") else roles[part.pathway],
            "output": list(part.shape),
            "parameters": part.parameters,
            "multiply_adds": part.macs,
            "activation_bytes": part.activation_bytes,
        }
        for part in parts
    ]
    totals = {key: sum(row[key] for row in rows) for key in ("parameters", "multiply_adds", "activation_bytes")}
    return {"name": name, "frames": frames, "size_px": size, "parts": rows, **totals}


def table(report: dict) -> str:
    """The report as aligned text."""
    lines = [f"{report['name']}: one view of {report['frames']} frames at {report['size_px']} px", ""]
    header = ("part", "pathway", "output C x T x H x W", "params M", "mult-adds G", "activations MB")
    rows = [(row["part"], row["pathway"], " x ".join(map(str, row["output"])), *_numbers(row)) for row in report["parts"]]
    rows.append(("total", "", "", *_numbers(report)))
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        cells = [cell.ljust(width) if i < 3 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    lines += ["", "Activations are the float32 outputs of the convolutions. Parameters leave out BN running statistics."]
    return "\n".join(lines)


def _numbers(row: dict) -> tuple[str, str, str]:
    return f"{row['parameters'] / 1e6:.3f}", f"{row['multiply_adds'] / 1e9:.3f}", f"{row['activation_bytes'] / 2**20:.1f}"
