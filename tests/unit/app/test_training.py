"""train.py from the configuration to its exit code: tests at the end, what it needs, what it says."""

from pathlib import Path

import pytest

from slowfast_paddle.app import training
from slowfast_paddle.cli import Runtime
from slowfast_paddle.config.load import load_config
from slowfast_paddle.errors import ConfigError
from tests.unit.app.test_multigrid import videos  # noqa: F401

ONCE = [
    "train.epochs=1",
    "optim.warmup_epochs=0",
    "test.num_clips=1",
    "test.num_crops=1",
    "test.crop_px=32",
    "test.short_side_px=36",
    "test.report=false",
]


@pytest.fixture
def run(videos, tmp_path):  # noqa: F811
    """Trains for an epoch; the exit code."""

    def train(*overrides, plugins=(), **given):
        config = load_config(None, [*videos, *ONCE, f"train.save_dir={tmp_path / 'run'}", *overrides])
        return training.train(config, runtime=Runtime("false", plugins=plugins), batch_size_given=True, **given)

    return train


def test_finetuning_needs_weights(run, capsys):
    with pytest.raises(ConfigError, match="--finetune: nothing to start from; name the trained weights with --weights FILE"):
        run(finetune=True)
    assert run("train.freeze_stages=1", "train.valid_every_epochs=0") == 0
    assert "train.freeze_stages 1 freezes random weights" in capsys.readouterr().err


def test_without_validation_nothing_needs_its_list(run):
    assert run("train.valid_every_epochs=0", "data.val_list=none.csv") == 0


def test_the_tests_after_training_share_its_machine_and_their_code_counts(run, videos, tmp_path, capsys):  # noqa: F811
    good = next(part for part in videos if part.startswith("data.val_list=")).partition("=")[2]
    (tmp_path / "broken.avi").write_bytes(b"no video")
    (tmp_path / "val.csv").write_text(f"{Path(good).read_text()}{tmp_path / 'broken.avi'} 0\n")
    plugin = tmp_path / "plugin.py"
    plugin.write_text("print('plugin imported')\n")
    overrides = ("train.test_last=true", "train.test_best=true", f"data.val_list={tmp_path / 'val.csv'}")
    assert run(*overrides, plugins=(str(plugin),)) == 3
    said = capsys.readouterr().out
    assert said.count("plugin imported") == 1 and said.count("(2 videos, 1 views, 1 failed)") == 2
    assert "testing the best checkpoint" in (tmp_path / "run/train.log").read_text()
