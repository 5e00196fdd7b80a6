"""Processes that are really killed: what is left, and what the next run makes of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from slowfast_paddle import checkpoint

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_SEC = 60


def start(folder, *arguments, launcher=()):
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, *launcher, "-m", "tests.unit.engine.support", str(folder), *arguments]
    if launcher:
        command = [sys.executable, *launcher, str(ROOT / "tests/unit/engine/launched.py"), str(folder), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with (folder / "output.txt").open("a") as output:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)


def wait_for(condition, process):
    deadline = time.monotonic() + PATIENCE_SEC
    while not condition():
        assert process.poll() is None, "the run ended before the moment of the kill"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def finish(folder, *arguments):
    assert start(folder, *arguments).wait(PATIENCE_SEC) == 0, (folder / "output.txt").read_text()
    with np.load(folder / "final0.npz") as values:
        return dict(values)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return finish(tmp_path_factory.mktemp("whole") / "run")


def assert_same(first, second):
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_sigkill_in_the_middle_of_an_epoch(tmp_path, uninterrupted):
    process = start(tmp_path, "--delay", "0.1", "--every", "2")
    wait_for(lambda: list(tmp_path.glob("slowfast_epoch1_step*.json")), process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert checkpoint.damage(checkpoint.find_latest(tmp_path)) == ""
    assert_same(finish(tmp_path), uninterrupted)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_finishes_the_step_and_writes_a_checkpoint(tmp_path, uninterrupted, number, code):
    process = start(tmp_path, "--delay", "0.2")
    wait_for(lambda: "epoch 1 [1/6]" in (tmp_path / "output.txt").read_text(), process)
    process.send_signal(number)
    assert process.wait(PATIENCE_SEC) == code
    assert checkpoint.find_latest(tmp_path).name.startswith("slowfast_epoch1_step")
    assert_same(finish(tmp_path), uninterrupted)


def test_a_signal_does_not_wait_for_a_long_validation(tmp_path, uninterrupted):
    process = start(tmp_path, "--valid-sec", "100")
    wait_for(lambda: "epoch 0 [6/6]" in (tmp_path / "output.txt").read_text(), process)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 143
    assert checkpoint.find_latest(tmp_path).name == "slowfast_epoch0_step6"
    assert_same(finish(tmp_path), uninterrupted)


def test_a_damaged_checkpoint_is_skipped_and_named(tmp_path, uninterrupted):
    finish(tmp_path, "--epochs", "3")
    newest = tmp_path / "slowfast_epoch2.pdparams"
    newest.write_bytes(newest.read_bytes()[:100])
    (tmp_path / "final0.npz").unlink()
    assert_same(finish(tmp_path), uninterrupted)
    output = (tmp_path / "output.txt").read_text()
    assert "skipping a damaged checkpoint" in output
    assert "slowfast_epoch2.pdparams" in output
