"""Label a webcam or network stream as it runs: frames are dropped rather than queued, the delay is shown."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the camera and what is written."""
    parser.add_argument("weights", help="checkpoint, with or without .pdparams")
    parser.add_argument(
        "--input", default="0", metavar="CAMERA", help="webcam number or rtsp/rtmp/udp address (a file works too)"
    )
    parser.add_argument("--video", default=None, metavar="FILE.mp4", help="record the labelled frames")
    parser.add_argument("--seconds", type=float, default=None, help="stop after this time; default: until Ctrl-C or the end")
    parser.add_argument("--top_k", type=int, default=3)
    parser.add_argument("--config", default=None, help="what the network is; default: the checkpoint's sidecar")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "gpu"))


def run(args: argparse.Namespace) -> int:
    """Prints one line an answer: best class, score, delay, dropped frames."""
    import contextlib
    import time

    import cv2

    from slowfast_paddle.app.predictor import Predictor
    from slowfast_paddle.data.sources import open_camera
    from slowfast_paddle.metrics.topk import top_classes
    from slowfast_paddle.viz.overlay import draw_labels
    from slowfast_paddle.viz.video_file import VideoFile

    predictor = Predictor(args.weights, config=args.config, device=args.device)
    camera = open_camera(args.input)

    def read():
        decoded, pixels = camera.read()
        return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if decoded else None

    started = time.monotonic()
    with VideoFile(args.video, 5) if args.video else contextlib.nullcontext() as record, contextlib.suppress(KeyboardInterrupt):
        for answer in predictor.live(read):
            best = [int(i) for i in top_classes(answer.scores[None], args.top_k)[0]]
            labels = [(predictor.class_names[i], float(answer.scores[i])) for i in best]
            note = f"{1000 * answer.latency_sec:.0f} ms behind, {answer.dropped} frames dropped"
            print(f"{labels[0][0]} {100 * labels[0][1]:.0f} %  ({note})", flush=True)
            if record is not None:
                record.add(draw_labels(answer.frame, labels, note))
            if args.seconds is not None and time.monotonic() - started > args.seconds:
                break
    camera.release()
    return 0
