"""predict.py: evaluation without labels, written as result.json, and what else was asked for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slowfast_paddle import distributed, files, log
from slowfast_paddle.app import camera, detection, detection_demo, machine
from slowfast_paddle.app.moments import write_moments
from slowfast_paddle.app.testing import Scored, score_list
from slowfast_paddle.cli import Runtime
from slowfast_paddle.config.schema import Config
from slowfast_paddle.data.presence import check_present
from slowfast_paddle.data.records import Records, from_paths, read_records
from slowfast_paddle.data.sources import expand_inputs, is_live
from slowfast_paddle.engine.evaluator import Answer
from slowfast_paddle.engine.prediction import Prediction, prediction_of, write_csv
from slowfast_paddle.errors import ConfigError

_logger = log.get(__name__)


@dataclass(frozen=True)
class Wish:
    """What predict.py was asked for beyond result.json.

    Attributes:
        input: what to predict; None for data.infer_list.
        threshold: classes that score less are not listed.
        csv: also write result.csv.
        timeline: also write what happens when, as <video>_timeline.json and <video>.srt.
        annotate: also write the video with running labels, as <video>_actions.mp4.
        stride_sec: between two windows of a timeline.
        seconds: when to stop looking at a camera; None for its end or Ctrl-C.
        boxes, detector: where the people are, for action detection; see detection_demo.
    """

    input: Sequence[str] | None = None
    threshold: float = 0.0
    csv: bool = False
    timeline: bool = False
    annotate: bool = False
    stride_sec: float = 1.0
    seconds: float | None = None
    boxes: str | None = None
    detector: str | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.threshold):
            raise ConfigError(f"--threshold {self.threshold}: expected a number, e.g. 0.3")
        if not 0 < self.stride_sec < math.inf:
            raise ConfigError(f"--stride_sec {self.stride_sec}: expected a finite number of seconds above 0, e.g. 0.5")
        if self.seconds is not None and not self.seconds > 0:
            raise ConfigError(f"--seconds {self.seconds}: expected a number of seconds above 0, e.g. 60")


def predict(config: Config, *, runtime: Runtime, weights: str | None = None, wish: Wish = Wish()) -> int:  # noqa: B008  frozen
    """Predicts videos or a camera; returns the exit code: 0, or 3 when videos failed.

    Writes <test.save_path>/result.json, a list in the form of the original project, and result.meta.json, which says under
    which settings.
    """
    files.check_folder(config.test.save_path)
    if detection.wanted(config):
        return _detect(config, runtime, weights, wish)
    if wish.boxes or wish.detector:
        raise ConfigError("--boxes and --detector belong to action detection (model.head.kind roi), not to this configuration")
    if any(map(is_live, wish.input or ())):
        return _watch(config, runtime, weights, wish)
    here = machine.start(runtime)
    records, name = _records(config, wish.input)
    check_present(records, tolerated=1.0)
    scored = score_list(config, here, weights, records, name)
    predictions = [_prediction(scored, row, config.test.top_k, wish.threshold) for row in range(len(records))]
    if here.rank == 0:
        write_results(Path(config.test.save_path), predictions, scored.stamp, wish.csv)
    failed = sum(not prediction for prediction in predictions)
    if wish.timeline or wish.annotate:
        good = [prediction.video for prediction in predictions if prediction]
        lost = write_moments(
            scored.scorer,
            good[here.rank :: here.world_size],
            Path(config.test.save_path),
            all_videos=good,
            stride_sec=wish.stride_sec,
            threshold=wish.threshold,
            timeline=wish.timeline,
            annotate=wish.annotate,
        )
        failed += sum(distributed.all_gather_object(lost))
    if here.rank == 0:
        target = Path(config.test.save_path) / "result.json"
        print(f"predict: {len(records) - failed} of {len(records)} videos, results in {target}")
    return machine.finish(here, failed)


def write_results(folder: Path, predictions: Sequence[Prediction], stamp: dict, csv: bool) -> None:
    """Writes result.json, result.meta.json and perhaps result.csv, and logs one line a video."""
    files.write_json(folder / "result.json", [prediction.record() for prediction in predictions])
    files.write_json(folder / "result.meta.json", stamp)
    if csv:
        write_csv(folder / "result.csv", predictions)
    for prediction in predictions:
        _logger.info("%r", prediction)


def _records(config: Config, inputs: Sequence[str] | None) -> tuple[Records, str]:
    data = config.data
    if inputs:
        return from_paths(expand_inputs(inputs, data.prefix), "--input"), "--input"
    return read_records(data.infer_list, labelled=False, prefix=data.prefix), data.infer_list


def _prediction(scored: Scored, row: int, top_k: int, threshold: float) -> Prediction:
    scores, video = scored.scores, scored.records.path(row)
    if scores.errors[row]:
        return Prediction(video, error=scores.errors[row])
    answer = Answer(scores.scores[row], int(scores.views[row]), int(scores.decoded[row]), int(scores.expected[row]))
    return prediction_of(video, answer, scored.scorer.names, top_k, threshold)


def _watch(config: Config, runtime: Runtime, weights: str | None, wish: Wish) -> int:
    """One camera until it ends."""
    if len(wish.input) != 1:
        raise ConfigError(f"--input {' '.join(wish.input)}: a camera is watched alone; give it as the only input")
    if wish.timeline:
        raise ConfigError(f"--input {wish.input[0]}: a camera has no timeline; leave out --timeline (--annotate records it)")
    here = machine.start(runtime)
    if here.world_size > 1:
        raise ConfigError(f"--input {wish.input[0]}: one process watches a camera; start predict.py without the launcher")
    folder = Path(config.test.save_path)
    record = folder / "camera_actions.mp4" if wish.annotate else None
    prediction, stamp = camera.watch(config, here, weights, wish.input[0], wish.threshold, wish.seconds, record)
    write_results(folder, [prediction], stamp, wish.csv)
    print(f"predict: {prediction.views} windows, results in {folder / 'result.json'}")
    return 3 if prediction.error else 0


def _detect(config: Config, runtime: Runtime, weights: str | None, wish: Wish) -> int:
    if not wish.input or len(wish.input) != 1:
        raise ConfigError("action detection looks at one video at a time: give --input VIDEO")
    if wish.csv or wish.timeline:
        raise ConfigError("--csv and --timeline belong to classification; action detection always writes moments and a video")
    if wish.threshold:
        raise ConfigError("--threshold belongs to classification; action detection draws what reaches detection.demo_score=P")
    return detection_demo.predict(
        config, runtime=runtime, video=wish.input[0], weights=weights, boxes=wish.boxes, detector=wish.detector
    )
