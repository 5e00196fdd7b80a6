"""Every feature of training on the quick start's task: the accuracy it ends with, against the plain run's with three seeds.

Two to five minutes a feature on two quiet cores. The table is printed and written to feature_table.txt in the folder of the videos.
FEATURE_EPOCHS and FEATURE_VIDEOS (of each class) make it a trial of the machinery, in which no accuracy is asked for.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from slowfast_paddle.data.synthetic import generate

pytestmark = pytest.mark.full

ROOT = Path(__file__).resolve().parents[2]
TRIAL = "FEATURE_EPOCHS" in os.environ
EPOCHS = int(os.environ.get("FEATURE_EPOCHS", "24"))
VIDEOS = int(os.environ.get("FEATURE_VIDEOS", "100"))
NOISE = 0.05  # two standard deviations of an accuracy of 0.85 on 200 videos
STEPS = ("optim.policy=steps", f"optim.steps=[0,{EPOCHS * 2 // 3},{EPOCHS * 5 // 6}]", "optim.relative_lrs=[1,0.1,0.01]")
# Where a pass of the network, or half of what it sees, is to be the 16 clips of the plain run: BN over eight ends at 67 to 99 %.
TWICE = ("train.batch_size=32", "optim.base_batch_size=32")
LONGER = (f"train.epochs={2 * EPOCHS}", f"train.valid_every_epochs={2 * EPOCHS}", f"train.save_every_epochs={2 * EPOCHS}")
GRID = (
    *STEPS,
    "model.head.pool=adaptive",
    "model.norm.kind=sub",
    "train.multigrid.bn_clips=16",
    "train.multigrid.short_cycle=true",
    "train.multigrid.short_factors=[0.7071,0.8571]",  # in crops of half the 56 pixels the motion is lost
)

FEATURES: dict[str, tuple[str, ...]] = {
    "accumulation": ("train.accumulate_steps=2", *TWICE, *LONGER),
    "gradient clipping": ("optim.clip_grad_norm=5",),
    "averaged weights": ("train.ema_decay=0.99",),
    "label smoothing": ("augment.label_smoothing=0.1",),
    "mixup": ("augment.mixup_alpha=0.2",),
    "cutmix": ("augment.cutmix_alpha=0.5",),
    "RandAugment": ("augment.randaugment_layers=2", "augment.randaugment_magnitude=5"),
    "erasing": ("augment.erase=0.25",),
    "repeated clips": ("augment.repeats=2", *TWICE),
    "resized crop": ("data.train_crop=resized", "data.crop_area=[0.6,1.0]"),
    "balanced classes": ("data.balance_classes=true",),
    "Adam": ("optim.kind=adam", "optim.weight_decay=0.0001"),
    "SGD": ("optim.kind=sgd", "optim.base_lr=0.2", "optim.warmup_start_lr=0.01", "optim.weight_decay=0.0001"),
    "LARS": (
        "optim.kind=lars",
        "optim.trust=0.02",
        "optim.base_lr=0.3",
        "optim.warmup_start_lr=0.01",
        "optim.weight_decay=0.0001",
    ),
    "steps": STEPS,
    "exponential": ("optim.policy=exponential", "optim.end_lr=0.0003"),
    "MMAction2's schedule": ("optim.warmup=multiply", "optim.by_epoch=true"),
    "layer-wise rates and decay": ("optim.layer_decay=0.9", "optim.rules=[{pattern: '.*\\.bias', decay_scale: 0}]"),
    "BN in parts": ("model.norm.kind=sub", "model.norm.splits=2", *TWICE, *LONGER),
    "short cycle": (*GRID, "train.multigrid.epoch_factor=2"),
    "long and short cycle": (
        *GRID,
        "train.multigrid.epoch_factor=2.5",
        "train.multigrid.long_cycle=true",
        "train.multigrid.long_factors=[[0.5,1],[1,1]]",
        "optim.base_lr=0.0015",
    ),
    "two processes, synchronised BN": ("model.norm.kind=sync",),
}
# Where the loss or the data changes on purpose, a short run may end a little lower.
HARDER = {"mixup", "cutmix", "RandAugment", "erasing", "label smoothing", "resized crop"}


class Runs:
    """Trains in a folder and keeps the accuracies."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.table: dict[str, float] = {}

    def accuracy(self, name: str, *overrides: str, processes: int = 1, key: str = "top1") -> float:
        """Validation accuracy of the last checkpoint."""
        save = self.folder / name.replace(" ", "_")
        launcher = f"-m paddle.distributed.launch --nproc_per_node {processes} --backend gloo --log_dir {save}_log".split()
        command = [sys.executable, *(launcher if processes > 1 else []), str(ROOT / "train.py")]
        settings = [
            f"data.train_list={self.folder}/train.csv", f"data.val_list={self.folder}/val.csv",
            f"labels={self.folder}/class_names.txt",
            f"train.epochs={EPOCHS}", f"train.valid_every_epochs={EPOCHS}", f"train.save_every_epochs={EPOCHS}",
            f"train.save_dir={save}", "train.visualdl=false", f"data.cache_dir={self.folder}/frames", *overrides,
        ]  # fmt: skip
        arguments = ["--config", str(ROOT / "configs/quickstart.yaml"), "--use_gpu", "false", "--batch_size", "16", *settings]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        last = max(save.glob("slowfast_epoch*.json"), key=lambda path: path.stat().st_mtime)
        self.table[name] = json.loads(last.read_text())["metrics"][key]
        return self.table[name]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    generate(folder, split="train", videos_per_class=VIDEOS, seed=0)
    generate(folder, split="val", videos_per_class=max(VIDEOS // 2, 4), seed=1)
    found = Runs(folder)
    yield found
    text = "\n".join(f"{name:32s} {100 * value:6.1f} %" for name, value in found.table.items())
    (folder / "feature_table.txt").write_text(text + "\n")
    print(f"\n{text}\n{folder / 'feature_table.txt'}")


@pytest.fixture(scope="module")
def plain(runs):
    """Mean accuracy of the plain run over seeds."""
    seeds = range(1 if TRIAL else 3)
    return float(np.mean([runs.accuracy(f"plain, seed {seed}", f"train.seed={seed}") for seed in seeds]))


def test_the_plain_run_solves_the_task(plain):
    assert TRIAL or plain > 0.85


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_ends_with_the_same_accuracy(runs, plain, name):
    processes = 2 if name.startswith("two processes") else 1
    key = "ema_top1" if name == "averaged weights" else "top1"
    accuracy = runs.accuracy(name, *FEATURES[name], processes=processes, key=key)
    assert TRIAL or accuracy > plain - (2 if name in HARDER else 1) * NOISE
