"""Where numbers end up, with and without VisualDL."""

import sys

from slowfast_paddle.engine import curves


def test_visualdl_gets_every_value(tmp_path):
    sink = curves.open_curves(tmp_path, tmp_path / "vdl")
    sink.start(0)
    sink.write("train", 1, {"loss": 0.5})
    sink.close()
    (log_file,) = (tmp_path / "vdl").iterdir()
    assert b"train/loss" in log_file.read_bytes()


def test_without_visualdl_the_jsonl_stays(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "visualdl", None)
    sink = curves.open_curves(tmp_path, tmp_path / "vdl")
    sink.start(0)
    sink.write("train", 1, {"loss": 0.5})
    sink.close()
    assert curves.read_curves(tmp_path / curves.JSONL_NAME) == [{"step": 1, "train/loss": 0.5}]


def test_only_rank_0_writes(tmp_path, monkeypatch):
    monkeypatch.setenv("PADDLE_TRAINER_ID", "1")
    assert isinstance(curves.open_curves(tmp_path, None), curves.NullCurves)


def test_a_line_cut_short_is_left_out(tmp_path):
    path = tmp_path / curves.JSONL_NAME
    path.write_text('{"step": 1}\n{"ste')
    assert curves.read_curves(path) == [{"step": 1}]
