"""predict.py: one door for files, timelines, annotated videos and cameras; what fails is said and the rest goes on."""

import csv
import json
import os
import shutil
import sys
import threading

import av
import numpy as np
import pytest

import predict
from slowfast_paddle.app import camera
from slowfast_paddle.app.machine import Machine
from slowfast_paddle.config.load import load_config
from slowfast_paddle.engine import live
from slowfast_paddle.errors import DataError
from slowfast_paddle.viz.video_file import VideoFile
from tests.unit.app.test_predictor import SETTINGS, place  # noqa: F401


@pytest.fixture
def run(place, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SLOWFAST_CACHE", str(place / "cache"))

    def call(*arguments):
        fixed = ["--weights", str(place / "net"), "--save_path", str(tmp_path), "data.workers=0"]
        return predict.main([*fixed, *map(str, arguments)])

    return call


def result(folder):
    return json.loads((folder / "result.json").read_text())


def test_files_of_a_mixture(run, place, tmp_path, capsys):  # noqa: F811
    assert run("--input", place / "a.mp4", place / "broken.mp4", "--top_k", "2", "--csv") == 3
    good, bad = result(tmp_path)
    assert good["video_id"].endswith("a.mp4") and len(good["top5_values"]) == 3 and len(good["top"]) == 2
    assert set(bad) == {"video_id", "error"} and "broken.mp4" in bad["error"]
    rows = list(csv.DictReader((tmp_path / "result.csv").open()))
    assert [row["class_name"] for row in rows[:2]] == [guess["name"] for guess in good["top"]]
    assert rows[2]["error"] == bad["error"]
    meta = json.loads((tmp_path / "result.meta.json").read_text())
    assert meta["protocol"] == "pyslowfast" and meta["views"] == 6 and len(meta["weights_sha256"]) == 64
    assert (meta["videos_listed"], meta["videos_decoded"], meta["videos_failed"]) == (2, 1, 1)
    assert {"slowfast_paddle", "paddle", "numpy"} <= meta["versions"].keys()
    assert capsys.readouterr().out == f"predict: 1 of 2 videos, results in {tmp_path / 'result.json'}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such names")
def test_names_that_are_not_utf8(run, place, tmp_path):  # noqa: F811
    named = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.mp4")
    shutil.copy(place / "a.mp4", named)
    (tmp_path / "list.csv").write_bytes(os.fsencode(named) + b"\nnone.mp4\n")
    assert run("--input", tmp_path / "list.csv", "--csv", "--timeline") == 3
    good, bad = result(tmp_path)
    assert good["video_id"] == named and "error" not in good
    assert bad["video_id"] == "none.mp4" and "no such file" in bad["error"]
    assert b"\\udcff\\udcfe.mp4" in (tmp_path / "result.json").read_bytes()
    assert "\\udcff\\udcfe.mp4" in (tmp_path / "result.csv").read_text("utf-8")


def test_timeline_and_annotated_video(run, place, tmp_path):  # noqa: F811
    assert run("--input", place / "a.mp4", place / "broken.mp4", "--timeline", "--annotate", "--stride_sec", "0.5") == 3
    timeline = json.loads((tmp_path / "a_timeline.json").read_text())
    assert timeline["segments"][0]["start_sec"] == 0 and timeline["windows"] >= 2
    assert (tmp_path / "a.srt").read_text().startswith("1\n00:00:00,000 --> ")
    with av.open(str(tmp_path / "a_actions.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 60
    assert not (tmp_path / "broken_timeline.json").exists()


@pytest.mark.parametrize(("flag", "written"), [("--timeline", {"a_timeline.json", "a.srt"}), ("--annotate", {"a_actions.mp4"})])
def test_a_flag_writes_its_own_files(run, place, tmp_path, flag, written):  # noqa: F811
    assert run("--input", place / "a.mp4", flag) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"result.json", "result.meta.json", *written}


def test_an_annotated_video_keeps_the_clock_of_its_source(run, place, tmp_path):  # noqa: F811
    seconds = [i / 30 for i in range(60)] + [2.0, 3.5, 8.0]
    with VideoFile(tmp_path / "uneven.mp4", 30) as out:
        for second in seconds:
            out.add(np.zeros((48, 64, 3), np.uint8), second)
    assert run("--input", tmp_path / "uneven.mp4", "--timeline", "--annotate", "--stride_sec", "2") == 0
    timeline = json.loads((tmp_path / "uneven_timeline.json").read_text())
    assert timeline["segments"][-1]["end_sec"] > 6.5
    with av.open(str(tmp_path / "uneven_actions.mp4")) as container:
        assert [frame.time for frame in container.decode(video=0)] == pytest.approx(seconds, abs=1e-3)


@pytest.mark.parametrize("flag", ["--threshold nan", "--stride_sec inf", "--stride_sec 0", "--seconds nan", "--seconds -1"])
def test_impossible_numbers_are_refused_before_anything_is_scored(run, place, tmp_path, capsys, flag):  # noqa: F811
    assert run("--input", place / "a.mp4", "--timeline", *flag.split()) == 2
    assert flag.split()[0] in capsys.readouterr().err and not (tmp_path / "result.json").exists()


def test_a_folder_that_cannot_be_written_is_found_before_anything_is_read(run, place, tmp_path, capsys):  # noqa: F811
    (tmp_path / "file").write_text("")
    assert run("--input", "no such video", "--save_path", tmp_path / "file") == 2
    assert f"{tmp_path / 'file'}: cannot be written (Not a directory)" in capsys.readouterr().err


def test_a_camera_is_watched_until_it_ends(place, tmp_path, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setenv("SLOWFAST_CACHE", str(place / "cache"))
    config, here = load_config({}, SETTINGS), Machine(False, 0, 1)
    record = tmp_path / "camera.mp4"
    prediction, stamp = camera.watch(config, here, str(place / "net"), str(place / "a.mp4"), 0.0, None, record)
    assert prediction.views >= 1 and abs(prediction.scores.sum() - 1) < 1e-5 and len(stamp["weights_sha256"]) == 64
    assert "ms behind" in capsys.readouterr().out and record.stat().st_size > 0
    with pytest.raises(DataError, match="does not open"):
        camera.watch(config, here, str(place / "net"), str(tmp_path / "none.mp4"), 0.0, None, None)


def test_a_camera_whose_frames_stop_is_left_in_time(place, tmp_path, monkeypatch):  # noqa: F811
    silence = threading.Event()

    class Stalling:
        left = 3

        def read(self):
            self.left -= 1
            if self.left < 0:
                return silence.wait(30) and False, None
            return True, np.zeros((48, 64, 3), np.uint8)

    monkeypatch.setenv("SLOWFAST_CACHE", str(place / "cache"))
    monkeypatch.setattr(camera, "open_camera", lambda source, timeout_sec: Stalling())
    monkeypatch.setattr(live, "CLOSING_SEC", 0.0)
    config, here = load_config({}, SETTINGS), Machine(False, 0, 1)
    prediction, _ = camera.watch(config, here, str(place / "net"), str(place / "a.mp4"), 0.0, 0.7, None)
    assert 1 <= prediction.views <= 3
    silence.set()


def test_what_does_not_go_together_is_refused(run, place, capsys):  # noqa: F811
    assert run("--input", "0", place / "a.mp4") == 2
    assert "a camera is watched alone" in capsys.readouterr().err
    assert run("--input", place / "a.mp4", "--boxes", "people.csv") == 2
    assert "belong to action detection" in capsys.readouterr().err
    assert run("--input", "0", "--timeline") == 2
    assert "a camera has no timeline" in capsys.readouterr().err
