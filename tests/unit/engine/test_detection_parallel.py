"""Detection in two CPU processes: the same mAP as in one, and no waiting for a rank without boxes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LAUNCH = ("-m", "paddle.distributed.launch", "--nproc_per_node", "2", "--backend", "gloo", "--log_dir")


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("detection")
    script = ROOT / "tests/unit/engine/detection_job.py"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    for launcher in ((), (*LAUNCH, str(folder / "log"))):
        command = [sys.executable, *launcher, str(script), str(folder)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return [json.loads((folder / f"{name}.json").read_text()) for name in ("ranks1_rank0", "ranks2_rank0", "ranks2_rank1")]


def test_the_same_map_on_every_rank(ranks):
    alone, *together = ranks
    assert 0.0 < alone["map"] < 1.0 and alone["images"] == [f"v,{index:04d}" for index in range(7)]
    for rank in together:
        assert (rank["map"], rank["images"], rank["rows"]) == (alone["map"], alone["images"], alone["rows"])


def test_ranks_stay_equal_while_one_has_no_boxes(ranks):
    assert ranks[1]["weights"] == ranks[2]["weights"] != ranks[0]["weights"]
