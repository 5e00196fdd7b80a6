"""Curves survive a crash in the last line, a resumed run, and name what is wrong."""

import json

import cv2
import pytest

from slowfast_paddle.errors import DataError
from slowfast_paddle.metrics.curve_file import read_curves
from slowfast_paddle.viz.curves import draw_curves, series, smooth


def test_a_resumed_run_draws_one_line(tmp_path):
    path = tmp_path / "metrics.jsonl"
    rows = [{"step": s, "train/loss": v} for s, v in [(0, 3.0), (1, 2.0), (2, 9.0), (2, 1.0), (3, 0.5)]]
    path.write_text("\n".join(json.dumps(row) for row in rows) + '\n{"step": 4, "tr')
    assert series(read_curves(path), "train/loss") == ([0, 1, 2, 3], [3.0, 2.0, 1.0, 0.5])
    draw_curves(path, tmp_path / "out" / "curves.png")
    assert cv2.imread(str(tmp_path / "out" / "curves.png")).shape[0] > 300


def test_errors_name_the_line(tmp_path, caplog):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1\n{"step": 2}\n7\n{"train/loss": 1}\n\n{"step": 3, "x')
    assert read_curves(path) == [{"step": 2}]
    assert [line for line in range(1, 7) if f"metrics.jsonl:{line}: left out" in caplog.text] == [1, 3, 4, 6]
    with pytest.raises(DataError, match="no curve"):
        draw_curves(path, tmp_path / "c.png")
    with pytest.raises(DataError, match="cannot read"):
        read_curves(tmp_path / "none")


def test_running_mean():
    assert smooth([1, 3, 5, 7], 2) == [1, 2, 4, 6]
