"""One video, one score: by eval.py, by predict.py, by Predictor, by one process and by two, to the last bit."""

import json

import numpy as np
import pytest

from slowfast_paddle import Predictor
from slowfast_paddle.metrics.scores_file import load_scores

WEIGHTS = "quickstart/checkpoints/slowfast_epoch2"
SETTINGS = ("test.short_side_px=32", "test.crop_px=32", "test.views_per_forward=15")


@pytest.mark.parametrize("views", ["grid", "dense"])
def test_a_video_has_one_score(work, trained, views, monkeypatch):
    given = ("--weights", WEIGHTS, f"test.views={views}", "test.report=false", f"test.save_path=same/{views}")
    one = work.run("run_eval_single.sh", *given, "--out", f"same/{views}/one.npz")
    two = work.run("run_eval_multi.sh", *given, "--out", f"same/{views}/two.json")
    assert (one.code, two.code) == (0, 0), one.text + two.text
    first, second = (load_scores(work.folder / f"same/{views}/{name}") for name in ("one.npz", "two.json"))
    assert first.videos == second.videos
    np.testing.assert_array_equal(first.scores, second.scores.astype(np.float32))
    predicted = work.run("run_infer_multi.sh", *given, "--input", "quickstart/data/val")
    assert predicted.code == 0, predicted.text
    entries = {entry["video_id"]: entry for entry in json.loads((work.folder / f"same/{views}/result.json").read_text())}
    monkeypatch.chdir(work.folder)
    predictor = Predictor(WEIGHTS, device="cpu", overrides=[*SETTINGS, f"test.views={views}"])
    assert len(first.videos) == 4
    for video, scores in zip(first.videos, first.scores):
        by_script = dict(zip(entries[video]["top5_indices"], entries[video]["top5_values"]))
        np.testing.assert_array_equal(scores, np.array([by_script[i] for i in range(4)], np.float32))
        np.testing.assert_array_equal(scores, predictor(video).scores)
