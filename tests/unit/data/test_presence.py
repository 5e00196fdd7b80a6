"""Missing files are named with list and line before anything is computed."""

import time

import pytest

from slowfast_paddle.app import build
from slowfast_paddle.config.load import load_config
from slowfast_paddle.data.presence import check_present
from slowfast_paddle.data.records import from_paths, read_records
from slowfast_paddle.errors import DataError


def listed(folder, present, missing):
    """A list whose `present` files are there, the missing ones last."""
    paths = [folder / f"{i}.mp4" for i in range(present + missing)]
    for path in paths[:present]:
        path.touch()
    target = folder / "train.csv"
    target.write_text("".join(f"{path},0\n" for path in paths))
    return target


@pytest.mark.parametrize(
    ("present", "missing", "tolerated", "message"),
    [
        (
            1,
            1,
            0.1,
            r"train\.csv:2: .*/1\.mp4: no such file; 1 of 2 listed files are missing; at most 10% may be \(data\.max_skipped",
        ),
        (0, 300, 0.1, r"train\.csv:1: .*/0\.mp4: no such file; 300 of 300 listed files are missing"),
        (0, 3, 1.0, r"train\.csv:1: .* 3 of 3 listed files are missing; check the list and data\.prefix"),
    ],
)
def test_too_many(tmp_path, present, missing, tolerated, message):
    with pytest.raises(DataError, match=message):
        check_present(read_records(listed(tmp_path, present, missing)), tolerated)


def test_a_few_are_named(tmp_path, caplog):
    check_present(read_records(listed(tmp_path, 93, 7)), 0.1)
    assert "7 of 100 listed files are missing: " in caplog.text and caplog.text.rstrip().endswith(", ...")
    assert f"train.csv:94: {tmp_path}/93.mp4" in caplog.text and "train.csv:99" not in caplog.text


def test_nothing_is_said_when_all_are_there(tmp_path, caplog):
    (tmp_path / "folder").mkdir()
    check_present(from_paths([str(tmp_path / "folder"), "http://host/a.mp4"]), 0.0)
    assert not caplog.text


def test_the_frame_count_of_other_lists_is_recognised(tmp_path):
    (tmp_path / "clip").mkdir()
    (tmp_path / "l.txt").write_text(f"{tmp_path}/clip 82 0\n")
    with pytest.raises(DataError, match=r"l\.txt:1: .*/clip 82: no such file, but there is .*/clip: take the number 82 out"):
        check_present(read_records(tmp_path / "l.txt"), 0.1)


def test_a_slow_disk_is_not_waited_for(tmp_path, caplog, monkeypatch):
    caplog.set_level("INFO")
    monkeypatch.setattr("os.path.exists", lambda path: time.sleep(1e-4) or True)
    check_present(from_paths([f"{i}.mp4" for i in range(20_000)]), 0.1, limit_sec=0.0)
    assert "input: looked for the first 256 of 20000 files in 0 s" in caplog.text


def test_training_and_validation_look_first(tmp_path):
    path = listed(tmp_path, 1, 1)
    config = load_config("slowfast", [f"data.train_list={path}", f"data.val_list={path}", "data.workers=0"])
    for split in ("train", "val"):
        with pytest.raises(DataError, match=r"train\.csv:2: .*1 of 2 listed files are missing"):
            build.build_loader(config, split)
