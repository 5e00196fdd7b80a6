"""Learning rates against the reference schedules, value by value."""

import json

import pytest

from slowfast_paddle.app.build import lr_policy
from slowfast_paddle.config.load import load_config
from slowfast_paddle.optim.lr_policy import LrPolicy

TOLERANCE = 1e-12


def _from_solver(solver: dict) -> LrPolicy:
    return LrPolicy(
        policy={"cosine": "cosine", "steps_with_relative_lrs": "steps"}[solver["LR_POLICY"]],
        base_lr=solver["BASE_LR"],
        epochs=solver["MAX_EPOCH"],
        warmup_epochs=solver["WARMUP_EPOCHS"],
        warmup_start_lr=solver["WARMUP_START_LR"],
        end_lr=solver["COSINE_END_LR"],
        cosine_after_warmup=solver["COSINE_AFTER_WARMUP"],
        steps_epochs=solver["STEPS"],
        steps_factors=solver["LRS"],
    )


def test_every_pyslowfast_schedule(golden):
    cases = json.loads((golden / "data/lr.json").read_text())["pyslowfast"]
    assert len(cases) == 8
    for case in cases:
        policy = _from_solver(case["solver"])
        got = [policy.at(epoch) for epoch in case["epoch"]]
        assert got == pytest.approx(case["lr"], rel=1e-11, abs=TOLERANCE), case["name"]


def test_mmaction2_schedule(golden):
    (case,) = json.loads((golden / "data/lr.json").read_text())["mmaction2_mmengine"]
    steps = case["iters_per_epoch"]
    optim = {"base_lr": case["base_lr"], "base_batch_size": 64, "warmup_start_lr": case["base_lr"] * case["start_factor"],
             "warmup_epochs": case["warmup_epochs"], "warmup": "multiply", "by_epoch": True}  # fmt: skip
    config = load_config({"optim": optim, "train": {"epochs": case["max_epochs"], "batch_size": 64}})
    policy = lr_policy(config, steps)
    got = [policy.at(epoch + step / steps) for epoch, step in case["epoch_iter"]]
    assert got == pytest.approx(case["lr"], rel=1e-11, abs=TOLERANCE)


def test_every_paddle_original_schedule(golden):
    for case in json.loads((golden / "data/lr.json").read_text())["paddle_original"]:
        policy = LrPolicy(
            policy="cosine",
            base_lr=case["base_lr"],
            epochs=case["epoch"],
            warmup_epochs=case["warmup_epochs"],
            warmup_start_lr=case["warmup_start_lr"],
        )
        got = [policy.at(epoch) for epoch in case["epochs"]]
        assert got == pytest.approx(case["lr"], rel=1e-11, abs=TOLERANCE)
