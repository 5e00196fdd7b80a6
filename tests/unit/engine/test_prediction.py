"""Predictions print well, keep the original record, and say what failed."""

import csv
import json

import numpy as np
import pytest

from slowfast_paddle.engine.evaluator import Answer
from slowfast_paddle.engine.prediction import Prediction, prediction_of, write_csv
from slowfast_paddle.errors import DataError

SCORES = np.array([0.1, 0.7, 0.2], np.float32)


def example(top_k=5, threshold=0.0):
    return prediction_of("a <b>.mp4", Answer(SCORES, 6, 9, 10), ["run", "<jump>", "sit"], top_k, threshold)


def test_original_record_with_few_classes():
    record = example(top_k=1).record()
    values = [float(SCORES[i]) for i in (1, 2, 0)]
    assert record == {
        "video_id": "a <b>.mp4", "top1_values": values[0], "top1_indices": 1, "top5_values": values, "top5_indices": [1, 2, 0],
        "top": [{"index": 1, "name": "<jump>", "score": values[0]}],
        "views": 6, "decoded_frames": 9, "expected_frames": 10,
    }  # fmt: skip
    assert json.loads(json.dumps(record)) == record
    nothing_sure = example(threshold=0.9)
    assert nothing_sure.record()["top"] == [] and nothing_sure.record()["top1_indices"] == 1 and nothing_sure.label == ""
    assert Prediction("x.mp4", error="broken").record() == {"video_id": "x.mp4", "error": "broken"}


@pytest.mark.parametrize("score", [np.nan, np.inf])
def test_scores_that_are_not_finite_are_refused(score):
    with pytest.raises(DataError, match=r"a\.mp4: the network gives a score that is not a finite number"):
        prediction_of("a.mp4", Answer(np.array([0.1, score], np.float32), 6, 9, 10), ["run", "sit"], 5)


def test_result_prints():
    good, bad = example(2), Prediction("x.mp4", error="no <frame>")
    assert good and not bad and good.label == "<jump>" and good.score == float(SCORES[1]) and np.isnan(bad.score)
    assert "<jump> 70.0 %" in repr(good) and "no <frame>" in repr(bad)
    assert "<jump>" not in good._repr_html_() and "&lt;jump&gt;" in good._repr_html_() and "&lt;frame&gt;" in bad._repr_html_()
    assert [g.index for g in example(threshold=0.5).top] == [1]


def test_table(tmp_path):
    write_csv(tmp_path / "out/r.csv", [example(threshold=0.15), Prediction("x.mp4", error="broken")])
    rows = list(csv.DictReader((tmp_path / "out/r.csv").open()))
    assert [(r["video"], r["rank"], r["class_name"]) for r in rows] == [
        ("a <b>.mp4", "1", "<jump>"), ("a <b>.mp4", "2", "sit"), ("x.mp4", "", ""),
    ]  # fmt: skip
    assert rows[2]["error"] == "broken"
