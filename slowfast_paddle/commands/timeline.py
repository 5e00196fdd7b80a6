"""What happens when in a long video: segments as JSON and SRT, and a video with the running top labels."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the video, the windows and the files."""
    parser.add_argument("weights", help="checkpoint, with or without .pdparams")
    parser.add_argument(
        "--input", nargs="+", required=True, metavar="PATH", help="videos, folders, globs, list files or addresses"
    )
    parser.add_argument("--out", default="timeline", metavar="FOLDER", help="gets <video>.json and <video>.srt")
    parser.add_argument("--video", action="store_true", help="also write <video>.mp4 with the running top labels")
    parser.add_argument("--stride_sec", type=float, default=1.0, help="seconds from window to window")
    parser.add_argument("--threshold", type=float, default=0.0, help="windows whose best class scores less belong to no segment")
    parser.add_argument("--top_k", type=int, default=3, help="labels drawn into the video")
    parser.add_argument("--config", default=None, help="what the network is; default: the checkpoint's sidecar")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "gpu"))


def run(args: argparse.Namespace) -> int:
    """Writes the files of every video; one that cannot be read is named and the rest goes on."""
    from slowfast_paddle import log
    from slowfast_paddle.app.predictor import Predictor
    from slowfast_paddle.data.sources import expand_inputs
    from slowfast_paddle.data.targets import target_names
    from slowfast_paddle.errors import DecodeError

    log.setup()
    videos = expand_inputs(args.input)
    predictor = Predictor(args.weights, config=args.config, device=args.device)
    failed = 0
    for video, target in zip(videos, target_names(videos, args.out, ".json")):
        try:
            _one(predictor, video, target, args)
        except DecodeError as err:
            failed += 1
            print(f"failed: {err}")
    return 3 if failed else 0


def _one(predictor, video: str, target, args: argparse.Namespace) -> None:
    import dataclasses
    import json

    from slowfast_paddle import log
    from slowfast_paddle.engine.timeline import merge, to_srt

    windows = list(log.progress(predictor.windows(video, args.stride_sec), None, video, "window"))
    segments = merge(windows, predictor.class_names, args.threshold)
    target.parent.mkdir(parents=True, exist_ok=True)
    content = {"video": video, "stride_sec": args.stride_sec, "segments": [dataclasses.asdict(s) for s in segments]}
    target.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    target.with_suffix(".srt").write_text(to_srt(segments), encoding="utf-8")
    if args.video:
        annotate(predictor, video, windows, target.with_suffix(".mp4"), args.top_k)
    for segment in segments:
        print(f"{segment.start_sec:8.2f} {segment.end_sec:8.2f}  {segment.class_name} {100 * segment.score:.0f} %")
    print(target)


def annotate(predictor, video: str, windows: list, path, top_k: int) -> None:
    """Writes the video again, in its own size, with the labels of the nearest window on every frame."""
    from slowfast_paddle.app.predictor import readable
    from slowfast_paddle.data.decode import open_source
    from slowfast_paddle.data.sliding import stream_frames
    from slowfast_paddle.engine.timeline import srt_time, top_at
    from slowfast_paddle.viz.overlay import draw_labels
    from slowfast_paddle.viz.video_file import VideoFile

    options = predictor.sliding(1.0).options
    with readable(video) as local:
        fps = open_source(local, options).timeline.fps
        with VideoFile(path, fps) as out:
            for number, frame in enumerate(stream_frames(local, options)):
                seconds = number / fps
                labels = [(predictor.class_names[i], score) for i, score in top_at(windows, seconds, top_k)]
                out.add(draw_labels(frame, labels, srt_time(seconds)[:8]))
