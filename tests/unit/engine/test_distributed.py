"""Two CPU processes over gloo against one, and jobs that lose a process."""

import os
import re
import signal
import socket
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
def results(tmp_path_factory):
    """Runs parallel_job.py as launched by each of the given launchers at once; returns the ranks' results in order."""
    folder = tmp_path_factory.mktemp("parallel")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}

    def run(*launchers):
        command = [
            [sys.executable, *launcher, str(ROOT / "tests/unit/engine/parallel_job.py"), str(folder)] for launcher in launchers
        ]
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        jobs = [subprocess.Popen(one, cwd=ROOT, env=environment, **output) for one in command]
        for job in jobs:
            text, _ = job.communicate(timeout=150)
            assert job.returncode == 0, text[-3000:]

    def load(world):
        return [dict(np.load(folder / f"ranks{world}_rank{rank}.npz")) for rank in range(world)]

    run(())
    run((*LAUNCH, str(folder / "log")))
    port = free_port()
    node = ("-m", "paddle.distributed.launch", "--nnodes", "2", "--master", f"127.0.0.1:{port}", "--nproc_per_node", "2")
    run(*((*node, "--rank", str(i), "--log_dir", str(folder / f"node{i}")) for i in range(2)))
    return {world: load(world) for world in (1, 2, 4)}


def free_port():
    """A port nobody listens on at the moment."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


SEVERAL = pytest.mark.parametrize("world", [2, 4], ids=["one_node", "two_nodes"])


@SEVERAL
@pytest.mark.parametrize("bn", ["frozen", "synced"])
def test_several_processes_train_as_one_on_the_same_global_batch(results, world, bn):
    (one,), several = results[1], results[world]
    names = [name for name in one if name.startswith(bn)]
    assert len(names) == 7
    for name in names:
        for part in several[1:]:
            np.testing.assert_array_equal(part[name], several[0][name], err_msg=name)
        np.testing.assert_allclose(several[0][name], one[name], rtol=1e-5, atol=1e-6, err_msg=name)


@SEVERAL
def test_every_kind_of_convolution_has_its_gradient_averaged(results, world):
    names = [name for name in results[1][0] if name.startswith("gradient.")]
    assert len(names) > 30
    for name in names:
        one = results[1][0][name]
        for part in results[world]:
            np.testing.assert_array_equal(part[name], results[world][0][name], err_msg=name)
            np.testing.assert_allclose(part[name], one, rtol=1e-3, atol=1e-4 * np.abs(one).max(), err_msg=name)


@SEVERAL
def test_precise_statistics_are_those_of_all_ranks(results, world):
    for name in ("precise.mean", "precise.variance"):
        for part in results[world]:
            np.testing.assert_array_equal(part[name], results[world][0][name])
            np.testing.assert_allclose(part[name], results[1][0][name], rtol=1e-5, err_msg=name)


@SEVERAL
def test_evaluation_and_validation_count_every_video_once(results, world):
    names = [name for name in results[1][0] if name == "scores" or name.startswith("valid.")]
    assert len(names) > 3
    for name in names:
        for part in results[world]:
            np.testing.assert_array_equal(part[name], results[1][0][name], err_msg=name)


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


def finals(folder):
    return [dict(np.load(folder / f"final{rank}.npz")) for rank in range(2)]


def launch(folder, *arguments):
    return start(folder, *arguments, launcher=(*LAUNCH, str(folder / "log")))


def test_two_processes_resume_exactly(tmp_path):
    def run(folder, *arguments):
        return launch(folder, "--every", "2", *arguments)

    assert run(tmp_path / "whole").wait(90) == 0, logged(tmp_path / "whole")
    parts = tmp_path / "parts"
    broken = run(parts, "--delay", "0.2")
    wait_for(lambda: list(parts.glob("slowfast_epoch1_step2.json")), broken)
    os.kill(rank_pid(parts, 1), signal.SIGKILL)
    assert broken.wait(60) != 0
    assert checkpoint.find_latest(parts).name.startswith("slowfast_epoch1_step")
    assert run(parts).wait(90) == 0, logged(parts)
    for whole, part in zip(finals(tmp_path / "whole"), finals(parts)):
        assert_same(whole, part)


AVERAGED = ("--epochs", "2", "--precise", "0", "--ema", "0.9")


@pytest.fixture(scope="module")
def averaged(tmp_path_factory):
    """The end of an uninterrupted run of two processes with averaged weights, whose BN statistics are the running ones."""
    folder = tmp_path_factory.mktemp("averaged")
    assert launch(folder, *AVERAGED).wait(90) == 0, logged(folder)
    return finals(folder)


def test_every_rank_has_the_same_averaged_weights(averaged):
    assert "ema.bn._mean" in averaged[0]
    assert_same(*averaged)


@pytest.mark.parametrize(
    ("told", "ranks"),
    [("--told-in-step=6", ["1"]), ("--told-in-step=6", ["0", "1"]), ("--told-in-validation=1", ["1"])],
    ids=["last_step_of_one", "last_step_of_all", "validation_of_one"],
)
def test_a_signal_at_the_end_of_an_epoch_stops_all_ranks_at_the_same_place(tmp_path, averaged, told, ranks):
    launch(tmp_path, *AVERAGED, told, "--told-ranks", *ranks).wait(60)
    assert len(re.findall("stopped by signal 15", logged(tmp_path))) == 2, logged(tmp_path)
    assert checkpoint.find_latest(tmp_path).name == "slowfast_epoch0_step6"
    assert launch(tmp_path, *AVERAGED).wait(90) == 0, logged(tmp_path)
    for whole, part in zip(averaged, finals(tmp_path)):
        assert_same(whole, part)


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
