"""Results appear whole or not at all, and what keeps them from being written is said in one line."""

import errno
import json
import os

import pytest

from slowfast_paddle import files
from slowfast_paddle.errors import DataError


def test_a_full_disk_keeps_the_earlier_file(tmp_path, monkeypatch):
    files.write_json(tmp_path / "a.json", {"old": 1})

    def full(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"a\.json: cannot be written \(No space left on device\); free space"):
        files.write_json(tmp_path / "a.json", {"new": 2})
    assert json.loads((tmp_path / "a.json").read_text()) == {"old": 1} and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_has_no_word_for_are_refused(tmp_path, value):
    with pytest.raises(DataError, match=r"a\.json: not written, because a value is not a finite number"):
        files.write_json(tmp_path / "a.json", [1.0, value])
    assert not list(tmp_path.iterdir())


def test_names_of_any_bytes_are_written(tmp_path):
    name = os.fsdecode(b"\xff.mp4")
    files.write_json(tmp_path / "a.json", {"video": name, "class": "走"})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"video": name, "class": "走"}


def test_a_folder_is_tried_before_the_work(tmp_path):
    files.check_folder(tmp_path / "not" / "yet")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file/results: cannot be written \(Not a directory\)"):
        files.check_folder(tmp_path / "file" / "results")
