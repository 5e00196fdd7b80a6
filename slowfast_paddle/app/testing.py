"""eval.py: score labelled videos with many views each, and say under which settings."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import paddle

from slowfast_paddle import __version__, checkpoint, files
from slowfast_paddle.app import build, detection, machine
from slowfast_paddle.app.reporting import report
from slowfast_paddle.app.scorer import Scorer, open_scorer
from slowfast_paddle.app.weights import choose_weights
from slowfast_paddle.config.schema import Config
from slowfast_paddle.data.presence import check_present
from slowfast_paddle.data.records import Records
from slowfast_paddle.engine.evaluator import evaluate
from slowfast_paddle.errors import ConfigError, DataError
from slowfast_paddle.metrics.scores import Scores
from slowfast_paddle.metrics.scores_file import check_suffix, save_scores, stored_scores
from slowfast_paddle.metrics.tables import write_confusion, write_per_class


@dataclass(frozen=True)
class Scored:
    """Scores of a list of videos and everything that made them."""

    scores: Scores
    records: Records
    scorer: Scorer
    stamp: dict[str, Any]


def test(
    config: Config,
    *,
    here: machine.Machine,
    weights: str | None = None,
    list_path: str | None = None,
    out: str | None = None,
    ks: Sequence[int] = (1, 5),
) -> int:
    """Evaluates data.val_list; returns the exit code: 0, or 3 when videos failed.

    Rank 0 writes eval.json, per_class.csv, confusion.csv and report.html to test.save_path, the scores to `out`, and prints the
    line `eval: top-1 ...` last.

    Args:
        here: of `machine.start`, once in a process.
        out: .npz, .json or .pkl.
        ks: top-k accuracies in eval.json.
    """
    files.check_folder(config.test.save_path)
    if detection.wanted(config):
        if list_path is not None or out is not None:
            raise ConfigError(
                "action detection is tested on detection.val_labels and writes detections.csv; leave out --list and --out"
            )
        return detection.test(config, here=here, weights=weights)
    if out is not None:
        check_suffix(out)
    if min(ks) < 1:
        raise ConfigError(f"--topk {min(ks)}: not a number of classes; expected 1 or more")
    list_path = list_path or config.data.val_list
    records = build.labelled_records(config, list_path)
    check_present(records, tolerated=1.0)
    scored = score_list(config, here, weights, records, list_path)
    failed = len(scored.scores.failed)
    if here.rank == 0:
        metrics = scored.scores.metrics(tuple(sorted({1, 5, *ks}))) if failed < len(scored.records) else {}
        _write(scored, metrics, config, out)
        print(_line(scored, metrics))
    return machine.finish(here, failed)


def _write(scored: Scored, metrics: Mapping[str, float], config: Config, out: str | None) -> None:
    """Everything an evaluation leaves behind."""
    folder = Path(config.test.save_path)
    files.write_json(folder / "eval.json", _summary(scored, metrics))
    videos = [scored.records.path(i) for i in range(len(scored.records))]
    stored = stored_scores(scored.scores, videos, scored.scorer.names, scored.stamp)
    if out is not None:
        save_scores(out, stored)
    if not metrics:
        return
    write_per_class(folder / "per_class.csv", stored)
    if not stored.multi_label:
        write_confusion(folder / "confusion.csv", stored)
    if config.test.report:
        report(stored, folder / "report.html", f"{config.name or 'SlowFast'} on {Path(scored.stamp['list']).stem}")


def score_list(config: Config, here: machine.Machine, weights: str | None, records: Records, list_name: str) -> Scored:
    """Scores every video of a list under one protocol; the path that evaluation and prediction share."""
    path = choose_weights(config, weights)
    scorer = open_scorer(config, path, here.gpu)
    with scorer.loader(records) as loader:
        scorer.prepare()
        scores = evaluate(scorer.answer, loader, len(records), config.model.num_classes)
    return Scored(scores, records, scorer, stamp(scorer, path, records, list_name, scores))


def stamp(scorer: Scorer, weights: Path, records: Records, list_name: str, scores: Scores) -> dict[str, Any]:
    """What is needed to repeat or to compare a result."""
    test, data, protocol = scorer.config.test, scorer.config.data, scorer.protocol
    listed = Path(list_name)
    return {
        "protocol": protocol.name,
        "views": test.num_clips * test.num_crops if test.views == "grid" else test.views,
        "average": test.average,
        "precision": test.precision,
        "weights": str(weights),
        "weights_sha256": checkpoint.sha256_of(checkpoint.part(weights, checkpoint.WEIGHTS)),
        "list": list_name,
        "list_sha256": checkpoint.sha256_of(listed) if listed.is_file() else _digest_of_names(records),
        "videos_listed": len(records),
        "videos_decoded": len(records) - len(scores.failed),
        "videos_failed": len(scores.failed),
        "reading": {
            "num_frames": data.num_frames,
            "sampling_rate": data.sampling_rate,
            "target_fps": data.target_fps,
            "frame_sampling": data.frame_sampling,
            "num_clips": test.num_clips,
            "num_crops": test.num_crops,
            "short_side_px": test.short_side_px,
            "crop_px": test.crop_px,
            "views": test.views,
            "protocol": protocol.name,
        },
        "versions": {"slowfast_paddle": __version__, "paddle": paddle.__version__, "numpy": np.__version__},
    }


def _digest_of_names(records: Records) -> str:
    """SHA-256 of the videos named on a command line, one a line."""
    names = "".join(f"{records.path(row)}\n" for row in range(len(records)))
    return hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()


def _summary(scored: Scored, metrics: Mapping[str, float]) -> dict[str, Any]:
    scores = scored.scores
    return {
        **{name: None if math.isnan(value) else round(100 * value, 4) for name, value in metrics.items()},
        **scored.stamp,
        "failed": [
            {"video_id": scored.records.path(i), "where": scored.records.where(i), "error": scores.errors[i]}
            for i in scores.failed
        ],
        "short": [
            {
                "video_id": scored.records.path(i),
                "decoded_frames": int(scores.decoded[i]),
                "expected_frames": int(scores.expected[i]),
            }
            for i in range(len(scored.records))
            if not scores.errors[i] and scores.decoded[i] < scores.expected[i]
        ],
    }


def _line(scored: Scored, metrics: Mapping[str, float]) -> str:
    """The last line of eval.py, in the form scripts read."""
    if not metrics:
        raise DataError(f"{scored.stamp['list']}: none of the {len(scored.records)} videos could be read; see the log above")
    if "map" in metrics:
        numbers = f"mAP {100 * metrics['map']:.2f}"
    else:
        numbers = f"top-1 {100 * metrics['top1']:.2f} top-5 {100 * metrics['top5']:.2f}"
    failed = f", {len(scored.scores.failed)} failed" if scored.scores.failed else ""
    return f"eval: {numbers} ({len(scored.records) - len(scored.scores.failed)} videos, {scored.stamp['views']} views{failed})"
