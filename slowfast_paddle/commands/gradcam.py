"""Show where a network looks: Grad-CAM of both pathways over the frames, as .mp4 or .png strip."""

import argparse

TILE_PX = 160  # smallest side of a drawn frame; small networks see less


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the video, the class and the picture."""
    parser.add_argument("weights", help="checkpoint, with or without .pdparams")
    parser.add_argument("--input", required=True, metavar="VIDEO")
    parser.add_argument("--out", required=True, metavar="FILE", help=".mp4, or .png for a strip")
    parser.add_argument("--class", dest="class_name", default=None, metavar="NAME|NUMBER", help="default: the best class")
    parser.add_argument("--frames", type=int, default=6, help="frames in a strip")
    parser.add_argument("--config", default=None, help="what the network is; default: the checkpoint's sidecar")
    parser.add_argument("--plugin", action="append", default=[], metavar="FILE.py", help="your file that registers architectures")


def run(args: argparse.Namespace) -> int:
    """Explains the middle view of the video."""
    from pathlib import Path

    import numpy as np

    from slowfast_paddle.app.machine import import_plugin
    from slowfast_paddle.app.predictor import Predictor
    from slowfast_paddle.data.strips import thin_out
    from slowfast_paddle.engine.grad_cam import grad_cam
    from slowfast_paddle.errors import DataError
    from slowfast_paddle.views import cut_view, num_views
    from slowfast_paddle.viz.overlay import captioned, enlarged, heat_overlay
    from slowfast_paddle.viz.video_file import VideoFile, strip_of, write_picture

    if not args.out.lower().endswith((".mp4", ".png")):
        raise DataError(f"--out {args.out}: expected a name ending in .mp4 or .png")
    for plugin in args.plugin:
        import_plugin(Path(plugin))
    predictor = Predictor(args.weights, config=args.config, device="cpu")
    item = predictor.item(args.input)
    if item["error"]:
        raise DataError(item["error"])
    prediction = predictor(args.input) if args.class_name is None else None
    index = prediction.top[0].index if prediction else _class_number(args.class_name, predictor.class_names)
    clip = cut_view(item, num_views(item) // 2)
    pathways = predictor.scorer.pack(np.ascontiguousarray(clip[None]))
    heats = grad_cam(predictor.scorer.network, pathways, index)
    name = predictor.class_names[index]
    parts = ("slow", "fast") if len(heats) == 2 else ("clip",)
    rows = []
    for heat in heats:
        times = np.linspace(0, len(heat) - 1, len(clip)).round().astype(int)
        rows.append([heat_overlay(enlarged(frame, TILE_PX), heat[t]) for frame, t in zip(clip, times)])
    if args.out.lower().endswith(".png"):
        strips = [strip_of(list(thin_out(np.stack(row), args.frames))) for row in rows]
        write_picture(args.out, np.concatenate([captioned(strip, f"{part} · {name}") for part, strip in zip(parts, strips)]))
    else:
        data = predictor.scorer.config.data
        with VideoFile(args.out, data.target_fps / data.sampling_rate) as video:  # the clip's frames at the speed they were taken
            for tiles in zip(*rows):
                video.add(captioned(strip_of(tiles), f"{', '.join(parts)} · {name}"))
    print(f"{args.out}: {name}")
    return 0


def _class_number(text: str, names: tuple[str, ...]) -> int:
    from slowfast_paddle.errors import DataError

    if text in names:
        return names.index(text)
    if text.isdigit() and int(text) < len(names):
        return int(text)
    raise DataError(f"--class {text}: no such class; expected one of {', '.join(names[:5])}... or a number below {len(names)}")
