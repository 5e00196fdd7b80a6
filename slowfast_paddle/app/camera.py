"""A webcam or network stream, labelled as it runs: frames are dropped rather than queued, the delay is shown."""

import contextlib
import math
import time
from pathlib import Path

import cv2
import numpy as np

from slowfast_paddle import log
from slowfast_paddle.app.machine import Machine
from slowfast_paddle.app.scorer import Scorer, open_scorer
from slowfast_paddle.app.testing import stamp
from slowfast_paddle.app.weights import choose_weights
from slowfast_paddle.config.schema import Config
from slowfast_paddle.data.records import from_paths
from slowfast_paddle.data.sources import open_camera
from slowfast_paddle.engine.evaluator import Answer
from slowfast_paddle.engine.prediction import Prediction, prediction_of
from slowfast_paddle.metrics.scores import Scores
from slowfast_paddle.viz.overlay import draw_labels
from slowfast_paddle.viz.video_file import VideoFile

RECORD_FPS = 5.0  # of the recorded answers; they come as fast as the network is
_logger = log.get(__name__)


def watch(
    config: Config, here: Machine, weights: str | None, source: str, threshold: float, seconds: float | None, record: Path | None
) -> tuple[Prediction, dict]:
    """Prints one line an answer: best class, score, delay, dropped frames.

    Args:
        source: webcam number or stream address.
        threshold: classes that score less are not shown.
        seconds: stop after this time; None for the end of the stream or Ctrl-C.
        record: write the labelled frames to this .mp4.

    Returns:
        The mean over all windows as one prediction, and its stamp.

    Raises:
        DataError: the camera does not open.
    """
    capture = open_camera(source, seconds)
    path = choose_weights(config, weights)
    scorer = open_scorer(config, path, here.gpu)
    total, count = np.zeros(config.model.num_classes), 0
    until = time.monotonic() + (math.inf if seconds is None else seconds)

    def read() -> np.ndarray | None:  # a stream that stands still may be waited for here when all else has ended
        decoded, pixels = capture.read()
        return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if decoded else None

    with VideoFile(record, RECORD_FPS) if record else contextlib.nullcontext() as out, contextlib.suppress(KeyboardInterrupt):
        for answer in scorer.live(read, until):
            total, count = total + answer.scores, count + 1
            note = f"{1000 * answer.latency_sec:.0f} ms behind, {answer.dropped} frames dropped"
            labels = _labels(scorer, answer.scores, config.test.top_k, threshold)
            print(f"{labels[0][0]} {100 * labels[0][1]:.0f} %  ({note})" if labels else f"-  ({note})", flush=True)
            if out is not None:
                out.add(draw_labels(answer.frame, labels, note))
    if not count:
        prediction = Prediction(source, error=f"camera {source}: no frame came")
    else:
        mean = Answer((total / count).astype(np.float32), count, 0, 0)
        prediction = prediction_of(source, mean, scorer.names, config.test.top_k, threshold)
    return prediction, _stamp(scorer, path, prediction)


def _labels(scorer: Scorer, scores: np.ndarray, top_k: int, threshold: float) -> list[tuple[str, float]]:
    top = prediction_of("camera", Answer(scores, 1, 0, 0), scorer.names, top_k, threshold).top
    return [(guess.name, guess.score) for guess in top]


def _stamp(scorer: Scorer, weights: Path, prediction: Prediction) -> dict:
    zero = np.zeros(1, np.int32)
    scores = Scores(np.zeros((1, len(scorer.names)), np.float32), None, zero, zero, zero, [prediction.error])
    return stamp(scorer, weights, from_paths([prediction.video]), prediction.video, scores) | {"views": "newest window"}
