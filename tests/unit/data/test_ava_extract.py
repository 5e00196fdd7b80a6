"""`data ava`: frames of a part of a video, at a constant rate, resumable."""

import shutil

import cv2
import pytest

from slowfast_paddle.__main__ import main
from slowfast_paddle.data.ava_extract import extract
from slowfast_paddle.data.ava_frames import read_frame_list
from slowfast_paddle.data.ava_synthetic import generate
from slowfast_paddle.errors import DataError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("set")
    generate(place, split="train", videos=2, scenes=2, seed=3)
    return place


def test_frames_and_lists(folder, tmp_path, capsys):
    flags = ["data", "ava", "--videos", f"{folder}/train", "--out", str(tmp_path), "--train", f"{folder}/train.csv"]
    flags += ["--start", "1", "--end", "3", "--short-side", "60"]
    assert main(flags) == 0
    assert "120 frames of 2 videos" in capsys.readouterr().out
    videos = read_frame_list(tmp_path / "frame_lists/train.csv", tmp_path / "frames")
    assert [len(frames) for frames in videos.values()] == [60, 60]
    image = cv2.imread(videos["train_000"].path(59))
    assert image.shape == (60, 80, 3)

    # Interrupted: one video unfinished, the other untouched.
    kept = (tmp_path / "frames/train_000/train_000_000001.jpg").stat().st_mtime_ns
    (tmp_path / "frames/train_001").rename(tmp_path / "frames/.train_001.unfinished")
    assert main(flags) == 0
    assert (tmp_path / "frames/train_000/train_000_000001.jpg").stat().st_mtime_ns == kept
    assert len(list((tmp_path / "frames/train_001").iterdir())) == 60


def test_what_cannot_be(folder, tmp_path, capsys):
    with pytest.raises(DataError, match="before the asked start 900 s; give --start 0"):
        extract(folder / "train/train_000.mp4", "train_000", tmp_path, 900, 1801, 30)
    shutil.copy(folder / "train.csv", tmp_path / "train.csv")
    (tmp_path / "train.csv").write_text("other,0001,0,0,1,1,1\n")
    assert main(["data", "ava", "--videos", f"{folder}/train", "--out", str(tmp_path), "--train", f"{tmp_path}/train.csv"]) == 2
    assert "no video named other (1 of 1 are missing)" in capsys.readouterr().err
