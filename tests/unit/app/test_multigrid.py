"""Multigrid from the configuration to trained weights: sizes of batches, BN splits, schedule, exact resume."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from slowfast_paddle import checkpoint
from slowfast_paddle.app import build, multigrid, training
from slowfast_paddle.cli import Resume, Runtime
from slowfast_paddle.config.load import load_config
from slowfast_paddle.data.loader import Loader
from slowfast_paddle.errors import ConfigError
from slowfast_paddle.layers.norm import SubBatchNorm3D

GRID = [
    "train.multigrid.long_cycle=true", "train.multigrid.short_cycle=true", "train.multigrid.epoch_factor=1.0",
    "train.multigrid.long_factors=[[0.5, 0.7071], [1, 1]]", "train.multigrid.bn_clips=2",
    "optim.policy=steps", "optim.steps=[0, 2, 3]", "optim.relative_lrs=[1, 0.1, 0.01]", "optim.warmup_epochs=0",
    "model.head.pool=adaptive", "model.norm.kind=sub",
]  # fmt: skip
SMALL = [
    "model.depth=14", "model.width=8", "model.alpha=4", "model.num_classes=3", "model.dropout=0.5", "data.num_frames=8",
    "data.sampling_rate=2", "data.crop_px=32", "data.short_side_px=[36,40]", "data.workers=0", "train.epochs=4",
    "train.batch_size=2", "train.visualdl=false", "train.precise_bn_batches=2", "train.log_every_steps=1", "train.seed=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    lines = []
    for i in range(18):
        path = folder / f"{i}.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30.0, (56, 44))
        rng = np.random.default_rng(i)
        for _ in range(20):
            writer.write(rng.integers(0, 255, (44, 56, 3), dtype=np.uint8))
        writer.release()
        lines.append(f"{path} {i % 3}\n")
    (folder / "train.csv").write_text("".join(lines))
    (folder / "val.csv").write_text("".join(lines[:2]))
    return [*SMALL, f"data.train_list={folder / 'train.csv'}", f"data.val_list={folder / 'val.csv'}"]


def config_of(videos, *more):
    return load_config(None, [*videos, *GRID, *more])


def test_batches_have_the_sizes_of_the_schedule(videos):
    config = config_of(videos)
    schedule = multigrid.schedule_of(config)
    shapes = [(phase.shape.batch_factor, phase.shape.num_frames, phase.shape.crop_px) for phase in schedule.phases]
    assert shapes[0] == (4, 4, 23) and shapes[-1] == (1, 8, 32)
    loader = build.clip_loader(config, train=True)
    for epoch in (0, schedule.epochs - 1):
        loader.set_position(epoch)
        shapes = [batch["clip"].shape for batch in loader]
        wanted = [(2 * s.batch_factor, s.num_frames, s.crop_px, s.crop_px, 3) for s in schedule.at(epoch).cycle]
        assert shapes[:3] == wanted[: len(shapes)] and len(shapes) == loader.length(epoch)


def test_frames_of_the_slow_pathway_follow_the_length(videos):
    config = config_of(videos)
    pack = build.build_pack(config, build.build_model(config))
    assert {length: [len(p) for p in indices] for length, indices in pack.other_indices.items()} == {4: [1, 4]}
    assert [len(p) for p in pack.indices] == [2, 8]


def test_bn_splits_follow_the_batch(videos):
    config = config_of(videos)
    network = build.build_model(config)
    prepare = multigrid.before_epoch(config, network, world_size=1)
    splits = []
    for epoch in (0, multigrid.epochs_of(config) - 1):
        prepare(epoch)
        splits.append({layer.splits for layer in network.sublayers() if isinstance(layer, SubBatchNorm3D)})
    assert splits == [{4}, {1}]


def train(config, folder, resume=Resume()):  # noqa: B008  frozen
    config = config.model_copy(update={"train": config.train.model_copy(update={"save_dir": str(folder)})})
    assert training.train(config, runtime=Runtime(use_gpu="false"), resume=resume, batch_size_given=True) == 0
    return config


def test_a_run_ends_where_the_schedule_ends_and_resumes_exactly(videos, tmp_path):
    config = config_of(videos, "train.save_every_steps=2", "train.keep_last=9")
    last = multigrid.epochs_of(config) - 1
    train(config, tmp_path / "whole")
    whole = checkpoint.load_state(tmp_path / "whole" / f"slowfast_epoch{last}")
    assert not (tmp_path / "whole" / f"slowfast_epoch{last + 1}.pdparams").exists()
    train(config, tmp_path / "whole", Resume("required", epoch=0))
    again = checkpoint.load_state(tmp_path / "whole" / f"slowfast_epoch{last}")
    for name, value in whole.items():
        np.testing.assert_array_equal(again[name], value, err_msg=name)
    plain = train(load_config(None, [*videos, "optim.warmup_epochs=0"]), tmp_path / "plain")
    assert (tmp_path / "plain" / f"slowfast_epoch{plain.train.epochs - 1}.pdparams").exists()


def test_training_sets_the_splits_and_takes_full_clips_for_statistics(videos, tmp_path, monkeypatch):
    splits, sizes = [], []
    monkeypatch.setattr(multigrid, "set_splits", lambda network, number: splits.append(number))
    read = Loader.full_size_batches

    def noted(loader, epoch):
        for batch in read(loader, epoch):
            sizes.append(batch["clip"].shape)
            yield batch

    monkeypatch.setattr(Loader, "full_size_batches", noted)
    config = config_of(videos, "train.precise_bn_every_epochs=99")
    train(config, tmp_path)
    schedule = multigrid.schedule_of(config)
    assert splits == [schedule.at(epoch).shape.batch_factor for epoch in range(schedule.epochs)]
    assert set(sizes) == {(2, 8, 32, 32, 3)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("model.head.pool=window", "needs model.head.pool adaptive"),
        ("optim.policy=cosine", "follows optim.policy steps, found cosine"),
        ("model.norm.kind=batch", "set model.norm.kind sub"),
        ("model.alpha=8", "4 frames, which must divide data.num_frames and be a multiple of model.alpha 8"),
        ("train.multigrid.long_factors=[[1, 1], [0.5, 1]]", "must end with"),
    ],
)
def test_what_cannot_work_is_said_before_training(videos, change, message):
    with pytest.raises(ConfigError, match=message):
        config_of(videos, change)


def test_a_short_list_is_refused_at_once(videos):
    with pytest.raises(
        ConfigError, match=r"18 training videos do not fill multigrid's largest batch of 64 \(8 x train.batch_size 8\)"
    ):
        build.clip_loader(config_of(videos, "train.batch_size=8"), train=True)


def test_detection_is_refused():
    with pytest.raises(ConfigError, match="train.multigrid changes the size of clips"):
        load_config("slowfast_32x2_r50_short", ["train.multigrid.short_cycle=true"])


def test_pyslowfast_files_bring_it_along():
    folder = Path(__file__).resolve().parents[2] / "pyslowfast_configs"
    config = load_config(folder / "slowfast_8x8_r50_multigrid.yaml")
    schedule = multigrid.schedule_of(config)
    assert schedule.epochs == 358 and schedule.at(0).shape.batch_factor == 8 and len(schedule.at(0).cycle) == 3
    assert config.model.norm.kind == "sub" and multigrid.splits_of(config, schedule, 8, 0) == 8
    assert build.lr_policy(config).at(70) == pytest.approx(0.8)
