"""Measured plans: the arithmetic exactly, the command on generated videos."""

import dataclasses
import json

import pytest

from slowfast_paddle.__main__ import main
from slowfast_paddle.app.planning import Measured, propose

GPU = Measured(fixed_sec=0.1, clip_sec=0.05, fixed_gb=2.0, clip_gb=1.0, read_sec=0.2, memory_gb=20.0, cores=16, gpu=True)


def test_the_batch_is_kept_by_accumulating():
    proposal = propose(GPU, batch=64, processes=2, steps=1000)
    assert proposal.largest_batch == 14 and proposal.accumulate_steps == 4  # 32 clips a process as 4 x 8
    assert proposal.network_sec == pytest.approx(4 * (0.1 + 8 * 0.05)) and proposal.memory_gb == pytest.approx(10.0)
    assert proposal.workers == 4 and proposal.reader_sec == pytest.approx(0.2 * 32 / 4) and proposal.limit == "network"
    assert proposal.hours == pytest.approx(1000 * proposal.step_sec / 3600)


def test_a_slow_reader_limits():
    slow = propose(dataclasses.replace(GPU, read_sec=2.0), batch=8, processes=1, steps=10)
    assert slow.workers == 16 and slow.limit == "reader" and slow.step_sec == pytest.approx(1.0)


def test_on_cpu_readers_and_network_share_the_cores_and_processes_the_memory():
    cpu = dataclasses.replace(GPU, gpu=False, cores=2, memory_gb=16.0)
    proposal = propose(cpu, batch=8, processes=2, steps=10)
    assert proposal.largest_batch == 4 and proposal.accumulate_steps == 1 and proposal.workers == 1
    assert proposal.step_sec == pytest.approx(0.3 + 0.2 * 4)
    assert propose(dataclasses.replace(cpu, memory_gb=1.0), batch=8, processes=1, steps=1).largest_batch == 0


def test_clips_of_a_video_stay_together():
    assert propose(dataclasses.replace(GPU, memory_gb=7.0), batch=12, processes=1, steps=1, repeats=4).accumulate_steps == 3


SMALL = [
    "model.depth=14", "model.width=8", "model.alpha=4", "model.num_classes=4", "data.num_frames=8", "data.crop_px=32",
    "data.short_side_px=[36,40]", "train.batch_size=4", "train.epochs=2", "optim.warmup_epochs=0",
]  # fmt: skip


def test_the_command_measures(tmp_path, capsys):
    assert main(["data", "synthetic", str(tmp_path), "--split", "train", "--videos_per_class", "2", "--seed", "0"]) == 0
    capsys.readouterr()
    command = [
        "plan",
        "--config",
        "slowfast_4x16_r50",
        "--seconds",
        "0.2",
        "--use_gpu",
        "false",
        f"data.train_list={tmp_path}/train.csv",
    ]
    assert main([*command, *SMALL, "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["videos"] == 8 and report["batch_size"] == 4 and report["proposal"]["steps"] == 4
    measured = report["measured"]
    assert measured["read_sec"] > 0 and measured["fixed_sec"] + measured["clip_sec"] > 0 and measured["memory_gb"] > 0
    assert report["proposal"]["largest_batch"] > 4 and report["proposal"]["accumulate_steps"] == 1


def test_a_plan_without_videos(capsys):
    command = ["plan", "--config", "slowfast_4x16_r50", "--seconds", "0.1", "--use_gpu", "false", *SMALL]
    assert main([*command, "--videos", "400"]) == 0
    out = capsys.readouterr().out
    assert (
        "200 steps" in out and "reader         not measured" in out and "set: train.batch_size=4 train.accumulate_steps=1" in out
    )
    assert main([*command, "--videos", "3"]) == 2


def test_the_schedule_alone(capsys):
    grid = ["optim.policy=steps", "optim.steps=[0,94,154,196]", "optim.relative_lrs=[1,0.1,0.01,0.001]", "train.epochs=239",
            "model.head.pool=adaptive", "model.norm.kind=sub", "train.batch_size=64"]  # fmt: skip
    assert main(["plan", "--multigrid", "--config", "slowfast_8x8_r50", *grid]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "multigrid: 358 epochs" and len(lines) == 15
    assert lines[2].split() == ["0-72", "8", "x", "8", "0.8", "1024", "x", "112,", "512", "x", "158,", "512", "x", "158"]
    assert main(["plan", "--multigrid", "--config", "slowfast_8x8_r50"]) == 2
    assert "model.head.pool adaptive" in capsys.readouterr().err
