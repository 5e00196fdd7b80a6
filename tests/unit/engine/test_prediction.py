"""Predictions print well, keep the original record, and say what failed."""

import csv
import json

import numpy as np

from slowfast_paddle.engine.prediction import Prediction, prediction_of, write_csv, write_json

ITEM = {"frame_index": np.zeros((6, 4)), "decoded": 9, "expected": 10}


def example(top_k=5):
    return prediction_of("a <b>.mp4", np.array([0.1, 0.7, 0.2]), ["run", "<jump>", "sit"], top_k, ITEM)


def test_original_record_with_few_classes():
    record = example().record()
    assert record == {
        "video_id": "a <b>.mp4", "top1_values": 0.7, "top1_indices": 1,
        "top5_values": [0.7, 0.2, 0.1], "top5_indices": [1, 2, 0], "top1_class": "<jump>", "top5_classes": ["<jump>", "sit", "run"],
        "views": 6, "decoded_frames": 9, "expected_frames": 10,
    }  # fmt: skip


def test_result_prints():
    good, bad = example(2), Prediction("x.mp4", error="no <frame>")
    assert good and not bad and good.label == "<jump>" and good.score == 0.7 and np.isnan(bad.score)
    assert "<jump> 70.0 %" in repr(good) and "no <frame>" in repr(bad)
    assert "<jump>" not in good._repr_html_() and "&lt;jump&gt;" in good._repr_html_() and "&lt;frame&gt;" in bad._repr_html_()
    assert [g.index for g in good.above(0.5)] == [1]


def test_files(tmp_path):
    write_json(tmp_path / "out/result.json", [example(), Prediction("x.mp4", error="broken")])
    assert json.loads((tmp_path / "out/result.json").read_text())[1] == {"video_id": "x.mp4", "error": "broken"}
    write_csv(tmp_path / "r.csv", [example(), Prediction("x.mp4", error="broken")], threshold=0.15)
    rows = list(csv.DictReader((tmp_path / "r.csv").open()))
    assert [(r["video"], r["rank"], r["class_name"]) for r in rows] == [
        ("a <b>.mp4", "1", "<jump>"), ("a <b>.mp4", "2", "sit"), ("x.mp4", "", ""),
    ]  # fmt: skip
    assert rows[2]["error"] == "broken"
