"""Who speaks, how often, and what progress looks like without a terminal."""

import logging

import pytest

from slowfast_paddle import log


@pytest.fixture
def fresh(monkeypatch):
    root = logging.getLogger("slowfast_paddle")
    before = root.handlers[:], root.level, root.propagate
    yield monkeypatch
    root.handlers[:], root.propagate = before[0], before[2]
    root.setLevel(before[1])


def test_rank_0_informs_and_others_only_warn(fresh, capsys, tmp_path):
    log.setup(tmp_path / "run" / "train.log")
    log.get("slowfast_paddle.x").info("hello")
    assert "I hello" in capsys.readouterr().err
    assert "hello" in (tmp_path / "run" / "train.log").read_text()
    fresh.setenv("PADDLE_TRAINER_ID", "1")
    log.setup()
    log.get("slowfast_paddle.x").info("quiet")
    log.get("slowfast_paddle.x").warning("loud")
    err = capsys.readouterr().err
    assert "quiet" not in err
    assert "[rank 1] W loud" in err


def test_a_warning_is_given_once(fresh, capsys):
    log.setup()
    for _ in range(2):
        log.warn_once(log.get("slowfast_paddle.x"), "only once, please")
    assert capsys.readouterr().err.count("only once") == 1


def test_progress_writes_lines_now_and_then(fresh, capsys):
    log.setup()
    fresh.setattr(log, "_SECONDS_BETWEEN_LINES", 0.0)
    assert list(log.progress(range(3), 3, "reading", "video")) == [0, 1, 2]
    lines = capsys.readouterr().err.splitlines()
    assert "reading: 2 of 3" in lines[1]
    fresh.setenv("PADDLE_TRAINER_ID", "1")
    assert list(log.progress(range(3), 3, "reading")) == [0, 1, 2]
    assert capsys.readouterr().err == ""
