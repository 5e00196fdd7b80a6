"""predict.py: evaluation without labels, written as result.json."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slowfast_paddle import checkpoint, log
from slowfast_paddle.app import build, detection, detection_demo, machine
from slowfast_paddle.app.testing import Scored, score_list
from slowfast_paddle.cli import Runtime
from slowfast_paddle.config.schema import Config
from slowfast_paddle.data.records import Records, from_paths, read_records
from slowfast_paddle.data.sources import expand_inputs
from slowfast_paddle.errors import ConfigError
from slowfast_paddle.metrics.topk import top_classes

_logger = log.get(__name__)


def predict(
    config: Config,
    *,
    runtime: Runtime,
    weights: str | None = None,
    inputs: Sequence[str] | None = None,
    boxes: str | None = None,
    detector: str | None = None,
) -> int:
    """Predicts `inputs`, or the videos of data.infer_list; returns the exit code: 0, or 3 when videos failed.

    Writes <test.save_path>/result.json on rank 0.

    Args:
        boxes, detector: where the people are, for action detection; see detection_demo.
    """
    if detection.wanted(config):
        if not inputs or len(inputs) != 1:
            raise ConfigError("action detection looks at one video at a time: give --input VIDEO")
        return detection_demo.predict(config, runtime=runtime, video=inputs[0], weights=weights, boxes=boxes, detector=detector)
    if boxes or detector:
        raise ConfigError("--boxes and --detector belong to action detection; this configuration has model.head.kind classification")
    here = machine.start(runtime)
    records, name = _records(config, inputs)
    scored = score_list(config, here, weights, records, name)
    if here.rank == 0:
        results = [result(scored, i, config.test.top_k) for i in range(len(records))]
        target = Path(config.test.save_path) / "result.json"
        checkpoint.write_json(target, results)
        for entry in results:
            _logger.info("%s: %s", entry["video_id"], entry.get("error") or _best(entry))
        print(f"predict: {len(records) - len(scored.scores.failed)} of {len(records)} videos, results in {target}")
    return 3 if scored.scores.failed else 0


def _records(config: Config, inputs: Sequence[str] | None) -> tuple[Records, str]:
    data = config.data
    if inputs:
        return from_paths(expand_inputs(inputs, data.prefix), "--input"), "--input"
    return read_records(data.infer_list, labelled=False, prefix=data.prefix), data.infer_list


def result(scored: Scored, row: int, top_k: int) -> dict[str, Any]:
    """One entry of result.json: the fields of the original project, then class names and how the score came about."""
    scores = scored.scores
    entry: dict[str, Any] = {"video_id": scored.records.path(row)}
    if scores.errors[row]:
        return entry | {"error": scores.errors[row]}
    values = scores.scores[row]
    best = [int(i) for i in top_classes(values[None], top_k)[0]]
    entry |= {
        "top1_values": float(values[best[0]]),
        "top1_indices": best[0],
        "top5_values": [float(values[i]) for i in best],
        "top5_indices": best,
        "views": int(scores.views[row]),
        "decoded_frames": int(scores.decoded[row]),
        "expected_frames": int(scores.expected[row]),
    }
    return entry | {"top1_class": scored.class_names[best[0]], "top5_classes": [scored.class_names[i] for i in best]}


def _best(entry: dict[str, Any]) -> str:
    return f"{entry.get('top1_class') or entry['top1_indices']} {entry['top1_values']:.3f}"
