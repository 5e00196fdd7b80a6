"""A folder with generated videos and a small network trained on them through the real scripts."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from slowfast_paddle.data.synthetic import generate

ROOT = Path(__file__).resolve().parents[2]
SMALL = (
    "model.width=8", "data.crop_px=32", "data.short_side_px=[32,36]", "test.short_side_px=32", "test.crop_px=32",
    "test.views_per_forward=15", "train.epochs=3", "train.batch_size=4", "train.save_every_epochs=1",
    "train.valid_every_epochs=2", "train.precise_bn_batches=2", "train.log_every_steps=1", "data.workers=1",
    "data.val_list=quickstart/data/val.csv",
)  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """A finished script."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Both streams; the multi scripts show the errors of their processes on stdout."""
        return self.out + self.err


@dataclass(frozen=True)
class Work:
    """A folder to run the scripts in."""

    folder: Path

    def command(self, script: str, *arguments: str) -> list[str]:
        """The command line of a script: training says what the small network is, afterwards its weights know."""
        network = ["--config", str(ROOT / "configs/quickstart.yaml"), *SMALL] if "train" in script else []
        return ["bash", str(ROOT / script), *network, *arguments]

    def environment(self) -> dict[str, str]:
        """Of the scripts: this Python, no GPU, one thread in each process, so that results repeat to the last bit."""
        return os.environ | {"PYTHON": sys.executable, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}

    def run(self, script: str, *arguments: str, timeout: float = 300) -> Ended:
        """Runs a script to its end."""
        done = subprocess.run(
            self.command(script, *arguments), cwd=self.folder, env=self.environment(),
            capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """Eight videos to train on, four to test on."""
    folder = tmp_path_factory.mktemp("smoke")
    before = Path.cwd()
    os.chdir(folder)
    try:
        generate("quickstart/data", split="train", videos_per_class=2, seed=0)
        generate("quickstart/data", split="val", videos_per_class=1, seed=1)
    finally:
        os.chdir(before)
    return Work(folder)


@pytest.fixture(scope="session")
def trained(work: Work) -> Ended:
    """The end of run_train_single.sh; its checkpoints lie in quickstart/checkpoints."""
    ended = work.run("run_train_single.sh")
    assert ended.code == 0, ended.text
    return ended


@pytest.fixture(scope="session")
def same_weights(work: Work) -> Callable[[str, str], bool]:
    """Whether two checkpoints, named without ending and relative to the folder, hold the same bits."""
    from slowfast_paddle.checkpoint import load_state

    def compare(one: str, other: str) -> bool:
        states = [load_state(work.folder / path) for path in (one, other)]
        return states[0].keys() == states[1].keys() and all((states[0][k] == states[1][k]).all() for k in states[0])

    return compare
