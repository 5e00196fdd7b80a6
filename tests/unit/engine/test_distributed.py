"""Two CPU processes over gloo against one, and jobs that lose a process."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from slowfast_paddle import checkpoint
from tests.unit.engine.test_faults import ROOT, assert_same, start, wait_for

LAUNCH = ("-m", "paddle.distributed.launch", "--nproc_per_node", "2", "--backend", "gloo", "--log_dir")


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """Results of one process alone, and of both of two."""
    folder = tmp_path_factory.mktemp("parallel")
    script = ROOT / "tests/unit/engine/parallel_job.py"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    for launcher in ((), (*LAUNCH, str(folder / "log"))):
        done = subprocess.run(
            [sys.executable, *launcher, script, folder], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return [dict(np.load(folder / f"{name}.npz")) for name in ("ranks1_rank0", "ranks2_rank0", "ranks2_rank1")]


@pytest.mark.parametrize("bn", ["frozen", "synced"])
def test_two_processes_train_as_one_on_the_same_global_batch(ranks, bn):
    one, *two = ([(k, v) for k, v in part.items() if k.startswith(bn)] for part in ranks)
    assert_same(dict(two[0]), dict(two[1]))
    for (name, alone), (_, together) in zip(one, two[0]):
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6, err_msg=name)


def test_precise_statistics_are_those_of_all_ranks(ranks):
    for name in ("precise.mean", "precise.variance"):
        np.testing.assert_array_equal(ranks[1][name], ranks[2][name])
        np.testing.assert_allclose(ranks[1][name], ranks[0][name], rtol=1e-5, err_msg=name)


def test_evaluation_and_validation_count_every_video_once(ranks):
    names = [name for name in ranks[0] if name == "scores" or name.startswith("valid.")]
    assert len(names) > 3
    for name in names:
        for part in ranks[1:]:
            np.testing.assert_array_equal(part[name], ranks[0][name], err_msg=name)


def rank_pid(folder, number):
    """Process of a rank, from the environment the launcher gave it."""
    for path in os.listdir("/proc"):
        try:
            environment = Path("/proc", path, "environ").read_bytes().split(b"\0")
            arguments = Path("/proc", path, "cmdline").read_bytes()
        except OSError:
            continue
        if (
            str(folder).encode() in arguments
            and b"launched.py" in arguments
            and f"PADDLE_TRAINER_ID={number}".encode() in environment
        ):
            return int(path)
    raise AssertionError(f"rank {number} does not run")


def logged(folder):
    return "".join(path.read_text() for path in (folder / "log").glob("workerlog.*")) if (folder / "log").exists() else ""


@pytest.fixture
def job(tmp_path):
    process = start(tmp_path, "--delay", "0.1", "--epochs", "100", launcher=(*LAUNCH, str(tmp_path / "log")))
    wait_for(lambda: "epoch 1 [1/6]" in logged(tmp_path), process)
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_a_dead_rank_ends_the_job_within_a_minute(tmp_path, job):
    began = time.monotonic()
    os.kill(rank_pid(tmp_path, 1), signal.SIGKILL)
    assert job.wait(60) != 0
    assert time.monotonic() - began < 60
    assert checkpoint.damage(checkpoint.find_latest(tmp_path)) == ""


def test_one_told_rank_stops_all_at_the_same_step(tmp_path, job):
    os.kill(rank_pid(tmp_path, 1), signal.SIGTERM)
    job.wait(60)
    assert len(re.findall("stopped by signal 15", logged(tmp_path))) == 2
    assert re.fullmatch(r"slowfast_epoch\d+(_step\d)?", checkpoint.find_latest(tmp_path).name)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_ranks_stop_with_their_launcher(tmp_path, job, number):
    job.send_signal(number)
    job.wait(60)
    deadline = time.monotonic() + 30  # Paddle: the launcher dies at once; the ranks notice
    while len(re.findall("stopped by signal 15", logged(tmp_path))) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(re.findall("stopped by signal 15", logged(tmp_path))) == 2
    assert checkpoint.damage(checkpoint.find_latest(tmp_path)) == ""
