"""The Slurm script with stand-ins for Slurm's commands and for Python: what is started where, and what a timeout does."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

SRUN = """#!/usr/bin/env bash
while [[ "$1" != bash && "$1" != hostname ]]; do shift; done
[ "$1" = hostname ] && { echo "10.0.0.1 fe80::1"; exit; }
trap 'kill -TERM $first $second' TERM
SLURM_NODEID=0 "$@" & first=$!
SLURM_NODEID=1 "$@" & second=$!
while kill -0 $first 2>/dev/null || kill -0 $second 2>/dev/null; do wait $first || code=$?; wait $second || code=$?; done
exit ${code:-0}
"""
SCONTROL = """#!/usr/bin/env bash
[ "$1" = show ] && printf 'node1\\nnode2\\n'
[ "$1" = requeue ] && touch "$NOTES/requeued-$2"
exit 0
"""
PYTHON = """#!/usr/bin/env bash
[ "$1" = -c ] && { echo 2; exit; }
trap 'exit 143' TERM
echo "$CUDA_VISIBLE_DEVICES $*" > "$NOTES/started-$RANK"
[ -z "${HOLD:-}" ] || { sleep 60 & wait $!; }
"""


@pytest.fixture
def cluster(tmp_path):
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL), ("fake_python", PYTHON)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "project").symlink_to(ROOT)
    os.makedirs(tmp_path / "work")
    return {
        **os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHON": str(tmp_path / "fake_python"), "NOTES": str(tmp_path),
        "SLURM_SUBMIT_DIR": str(tmp_path / "project"), "SLURM_JOB_ID": "4711", "SLURM_JOB_NUM_NODES": "2",
        "SLURM_JOB_NODELIST": "node[1-2]",
        "CUDA_VISIBLE_DEVICES": "0,1",
    }  # fmt: skip


def start(cluster):
    command = ["bash", str(ROOT / "scripts/slurm_train.sh"), "--config", "a b.yaml"]
    return subprocess.Popen(command, env=cluster, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture(autouse=True)
def no_logs_left():
    yield
    for node in (0, 1):
        folder = ROOT / "log" / f"4711-{node}"
        if folder.exists():
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()


def test_one_launcher_a_machine_with_its_rank(cluster, tmp_path):
    job = start(cluster)
    text, _ = job.communicate(timeout=60)
    assert job.returncode == 0, text
    for rank in range(2):
        line = (tmp_path / f"started-{rank}").read_text()
        assert line.startswith("0,1 -m paddle.distributed.launch --log_dir log/4711-")
        assert f"--nproc_per_node 2 --master 10.0.0.1:24711 --nnodes 2 --rank {rank} " in line
        assert line.rstrip().endswith("train.py --config a b.yaml")
    assert not (tmp_path / "requeued-4711").exists()


def test_near_its_end_the_job_stops_and_queues_again(cluster, tmp_path):
    job = start(cluster | {"HOLD": "1"})
    deadline = time.monotonic() + 30
    while not all((tmp_path / f"started-{rank}").exists() for rank in range(2)):
        assert time.monotonic() < deadline and job.poll() is None
        time.sleep(0.05)
    job.send_signal(signal.SIGTERM)
    text, _ = job.communicate(timeout=60)
    assert job.returncode == 143, text
    assert (tmp_path / "requeued-4711").exists()


def test_outside_the_project_it_says_so(cluster, tmp_path):
    job = start(cluster | {"SLURM_SUBMIT_DIR": str(tmp_path / "work")})
    text, _ = job.communicate(timeout=30)
    assert job.returncode == 2 and "is not the folder of slowfast_paddle" in text
