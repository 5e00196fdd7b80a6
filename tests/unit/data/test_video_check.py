"""The examination of list files names every kind of trouble, and only where there is some."""

import json
import shutil
from fractions import Fraction

import numpy as np
import pytest

from slowfast_paddle.__main__ import main
from slowfast_paddle.data.records import read_records
from slowfast_paddle.data.source import ReadOptions
from slowfast_paddle.data.synthetic import write_video
from slowfast_paddle.data.video_check import examine

SHORT_CLIP = ["data.num_frames=8", "data.sampling_rate=1"]


@pytest.fixture
def folder(tmp_path):
    """a b c: 20 frames, 10 1/s; short: 3 frames; copy: of a; broken: a text file; torn: half of c."""
    rng = np.random.default_rng(0)
    for name, count in {"a": 20, "b": 20, "c": 20, "short": 3}.items():
        frames = iter(rng.integers(0, 256, (count, 32, 48, 3), dtype=np.uint8))
        write_video(tmp_path / f"{name}.mp4", frames, (48, 32), Fraction(10))
    shutil.copy(tmp_path / "a.mp4", tmp_path / "copy.mp4")
    (tmp_path / "broken.mp4").write_text("this is no video")
    return tmp_path


def write(folder, name, **labels):
    (folder / name).write_text("".join(f"{folder / video}.mp4,{label}\n" for video, label in labels.items()))
    return str(folder / name)


def test_a_sound_set(folder, capsys):
    lists = [write(folder, "train.csv", a=0, b=1), write(folder, "val.csv", c=1)]
    assert main(["data", "check", *lists, *SHORT_CLIP, "--processes", "0", "--json", str(folder / "facts.json")]) == 0
    out = capsys.readouterr().out
    assert f"{lists[0]}: 2 videos, 2 readable, 40 frames" in out and "class 0: 1 + 0 videos; it is not tested" in out
    facts = json.loads((folder / "facts.json").read_text())
    video = facts["lists"][lists[0]][0]
    assert (video["frames"], video["fps"], video["width"], video["height"], video["seconds"]) == (20, 10.0, 48, 32, 2.0)
    assert len(facts["findings"]) == out.count("\n") - 1


def test_every_kind_of_trouble(folder, capsys):
    train = write(folder, "train.csv", a=0, broken=1, short=1, gone=1)
    val = write(folder, "val.csv", copy=1, b=1)
    (folder / "twice.csv").write_text((folder / "val.csv").read_text() + f"{folder}/b.mp4,0\n")
    assert main(["data", "check", train, val, str(folder / "twice.csv"), *SHORT_CLIP, "--processes", "2"]) == 2
    out = capsys.readouterr().out
    for expected in (
        f"error: {train}:2: {folder}/broken.mp4: ",
        f"error: {train}:4: {folder}/gone.mp4: no such file",
        f"error: {val}:1: {folder}/copy.mp4: is in the training list too ({train}:1)",
        "b.mp4: same content as",
        "with another label (0 instead of 1)",
    ):
        assert expected in out
    assert "shorter than a clip" not in out  # 0.3 s, and a clip of 8 frames at 30 1/s lasts 0.27 s
    assert main(["data", "check", train, "data.num_frames=32", "--processes", "0"]) == 2
    assert f"{train}:3: {folder}/short.mp4: 0.30 s is shorter than a clip of 2.13 s" in capsys.readouterr().out


def test_a_damaged_file(shared_data, tmp_path):
    (tmp_path / "l.csv").write_text(f"{shared_data}/robust_clips/decord__corrupted.mp4 0\n")
    (facts,) = examine(read_records(tmp_path / "l.csv"), ReadOptions(), 1)
    assert not facts.error and facts.frames <= facts.promised


def test_nothing_to_check(capsys):
    assert main(["data", "check"]) == 2
    assert "name list files" in capsys.readouterr().err
