"""The loop in one process: resuming, accumulation, precise BN, faults, checkpoints."""

import dataclasses
import json

import numpy as np
import paddle
import pytest

from slowfast_paddle import checkpoint, log
from slowfast_paddle.engine import curves
from slowfast_paddle.engine.options import TrainOptions
from slowfast_paddle.errors import CheckpointError, ConfigError, TrainingError
from tests.unit.engine.support import FakeLoader, TinyNet, Told, assert_equal_states, make_trainer, state_of

FULL = TrainOptions(epochs=3, save_every_steps=2, keep_last=5, ema_decay=0.9, precise_bn_batches=2)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
@pytest.mark.parametrize("at", ["slowfast_epoch0", "slowfast_epoch1"])
def test_resuming_from_an_epoch_changes_nothing(tmp_path, kind, at):
    whole = make_trainer(tmp_path, options=FULL, kind=kind, validate=lambda network: {"top1": 0.5})
    whole.fit()
    resumed = make_trainer(tmp_path, options=FULL, kind=kind, validate=lambda network: {"top1": 0.5})
    result = resumed.fit(resume=tmp_path / f"{at}.pdparams")
    assert_equal_states(state_of(whole.network), state_of(resumed.network))
    assert result.checkpoint == tmp_path / "slowfast_epoch2"


class Interrupted(Exception):
    pass


class BreakingLoader(FakeLoader):
    """Fails at one step, as a process that is killed there would."""

    def __iter__(self):
        for step, batch in enumerate(super().__iter__(), self.step):
            if (self.epoch, step) == (1, 3):
                raise Interrupted
            yield batch


@pytest.mark.parametrize("accumulate", [1, 2])
def test_resuming_in_the_middle_of_an_epoch_changes_nothing(tmp_path, accumulate):
    options = dataclasses.replace(FULL, accumulate_steps=accumulate)
    whole = make_trainer(tmp_path / "whole", options=options)
    whole.fit()
    with pytest.raises(Interrupted):
        make_trainer(tmp_path / "parts", loader=BreakingLoader(), options=options).fit()
    latest = checkpoint.find_latest(tmp_path / "parts")
    assert latest.name == "slowfast_epoch1_step2"
    averaged = checkpoint.load_state(tmp_path / "parts/ema" / latest.name)
    assert not np.array_equal(averaged["fc.weight"], checkpoint.load_state(latest)["fc.weight"])
    resumed = make_trainer(tmp_path / "parts", options=options)
    resumed.fit(resume=latest)
    assert_equal_states(state_of(whole.network), state_of(resumed.network))
    whole_ema = checkpoint.load_state(tmp_path / "whole/ema/slowfast_epoch2")
    assert_equal_states(whole_ema, checkpoint.load_state(tmp_path / "parts/ema/slowfast_epoch2"))
    assert not list((tmp_path / "parts").rglob("*step*"))


def test_resuming_in_an_epoch_of_another_length_is_refused(tmp_path):
    with pytest.raises(Interrupted):
        make_trainer(tmp_path, loader=BreakingLoader(), options=FULL).fit()
    with pytest.raises(CheckpointError, match="an epoch of 4 steps, now an epoch has 7"):
        make_trainer(tmp_path, loader=FakeLoader(steps=7), options=FULL).fit(resume=checkpoint.find_latest(tmp_path))


def test_accumulated_gradients_equal_the_whole_batch(tmp_path):
    states = []
    for accumulate in (1, 4, 3):
        trainer = make_trainer(
            tmp_path / str(accumulate), FakeLoader(batch=8), TrainOptions(epochs=1, accumulate_steps=accumulate), dropout=0.0
        )
        trainer.network.bn._use_global_stats = True
        trainer.fit()
        states.append(state_of(trainer.network))
    for name, value in states[0].items():
        np.testing.assert_allclose(states[1][name], value, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(states[2][name], value, rtol=1e-4, atol=1e-6)
    assert not np.array_equal(states[0]["fc.weight"], state_of(TinyNet())["fc.weight"])


def test_clipping_bounds_the_global_norm_over_all_groups(tmp_path):
    before = state_of(make_trainer(tmp_path, options=TrainOptions(epochs=1)).network)
    limit = 1e-3
    trainer = make_trainer(tmp_path, FakeLoader(steps=1), TrainOptions(epochs=1, clip_grad_norm=limit))
    trainer.network.train()
    batch = next(iter(FakeLoader()))
    trainer._stepper.run(batch, 1.0, np.random.default_rng(0), lambda: False)
    after = state_of(trainer.network)
    moved = np.sqrt(
        sum(((after[n] - before[n]) ** 2).sum() for n in ("conv.weight", "bn.weight", "bn.bias", "fc.weight", "fc.bias"))
    )
    # First Nesterov step at lr 1: 1.9 times the clipped gradient, and the decay of 1e-4.
    assert moved == pytest.approx(1.9 * limit, rel=0.5)


def test_clipping_bounds_every_value(tmp_path):
    seen = []
    trainer = make_trainer(tmp_path, FakeLoader(steps=1), TrainOptions(epochs=1, clip_grad_value=1e-3))
    clear = trainer._optimizer.clear_grad
    trainer._optimizer.clear_grad = lambda: (
        seen.extend(p.grad.numpy() for p in trainer.network.parameters() if p.grad is not None),
        clear(),
    )
    trainer._stepper.run(next(iter(FakeLoader())), 0.1, np.random.default_rng(0), lambda: False)
    assert max(float(np.abs(grad).max()) for grad in seen) == pytest.approx(1e-3)


def test_resuming_a_finished_run_says_so(tmp_path, capsys):
    make_trainer(tmp_path, options=TrainOptions(epochs=1)).fit()
    log.setup()
    result = make_trainer(tmp_path, options=TrainOptions(epochs=1)).fit(resume=tmp_path / "slowfast_epoch0")
    assert result.checkpoint.name == "slowfast_epoch0"
    assert "all 1 epochs are done; a larger train.epochs trains on" in capsys.readouterr().err


class NotedScaler:
    """Scales losses by eight and notes the order of events, with the largest gradient at each."""

    def __init__(self, network):
        self.network, self.events = network, []

    def note(self, name):
        grads = [float(p.grad.abs().max()) for p in self.network.parameters() if p.grad is not None]
        self.events.append((name, max(grads, default=0.0)))

    def scale(self, loss):
        self.note("scale")
        return loss * 8.0

    def unscale_(self, optimizer):
        self.note("unscale")
        for p in self.network.parameters():
            if p.grad is not None:
                p.grad.set_value(p.grad / 8.0)

    def step(self, optimizer):
        self.note("step")
        optimizer.step()

    def update(self):
        self.note("update")


@pytest.mark.parametrize("accumulate", [1, 2])
def test_gradients_are_unscaled_before_they_are_looked_at_and_clipped(tmp_path, accumulate):
    limit = 1e-3
    options = TrainOptions(epochs=1, clip_grad_value=limit, accumulate_steps=accumulate)
    trainer = make_trainer(tmp_path, options=options, dropout=0.0)
    trainer.network.train()
    scaler = trainer._stepper.scaler = NotedScaler(trainer.network)
    trainer._stepper.run(
        next(iter(FakeLoader())), 0.1, np.random.default_rng(0), lambda: False, lambda: scaler.note("before_update")
    )
    names, largest = zip(*scaler.events)
    assert names == ("scale",) * accumulate + ("unscale", "before_update", "step", "update")
    scaled, true, clipped = largest[accumulate : accumulate + 3]
    assert scaled == pytest.approx(8 * true) and true > limit and clipped == pytest.approx(limit)


def test_a_non_finite_loss_names_step_rate_and_clips(tmp_path):
    trainer = make_trainer(tmp_path, FakeLoader(poison=(1, 2)), clip_name=lambda i: f"clip{i}.mp4")
    with pytest.raises(
        TrainingError, match=r"epoch 1 step 2 with lr 0\.\d+ \(clips: clip8.mp4, clip9.mp4, clip10.mp4, clip11.mp4\)"
    ):
        trainer.fit()
    assert checkpoint.find_latest(tmp_path).name == "slowfast_epoch0"


def test_a_bounded_number_of_non_finite_steps_leaves_no_trace(tmp_path):
    options = TrainOptions(epochs=1, skip_nonfinite=1)
    trainer = make_trainer(tmp_path, FakeLoader(steps=1, poison=(0, 0)), options)
    before = state_of(trainer.network)
    trainer.fit()
    assert_equal_states(before, state_of(trainer.network))


def test_last_checkpoints_and_the_best_one_stay(tmp_path):
    values = iter([0.1, 0.9, 0.2, 0.3, 0.4])
    trainer = make_trainer(tmp_path, options=TrainOptions(epochs=5, keep_last=2), validate=lambda network: {"top1": next(values)})
    result = trainer.fit()
    kept = sorted(path.name for path in tmp_path.glob("*.pdparams"))
    assert kept == ["slowfast_epoch1.pdparams", "slowfast_epoch3.pdparams", "slowfast_epoch4.pdparams"]
    assert result.best["checkpoint"] == "slowfast_epoch1"
    assert json.loads((tmp_path / "best.json").read_text())["value"] == 0.9
    assert checkpoint.load_sidecar(tmp_path / "slowfast_epoch4")["metrics"] == {"top1": 0.4}


def test_the_best_epoch_is_saved_between_the_due_ones(tmp_path):
    values = iter([0.1, 0.9, 0.2, 0.3, 0.4])
    options = TrainOptions(epochs=5, save_every_epochs=4, keep_last=1)
    result = make_trainer(tmp_path, options=options, validate=lambda network: {"top1": next(values)}).fit()
    assert result.best["checkpoint"] == "slowfast_epoch1"
    assert sorted(path.stem for path in tmp_path.glob("*.pdparams")) == ["slowfast_epoch1", "slowfast_epoch4"]


def test_early_stopping_keeps_the_last_epoch(tmp_path):
    options = TrainOptions(epochs=9, early_stop_validations=2, save_every_epochs=5)
    result = make_trainer(tmp_path, options=options, validate=lambda network: {"top1": 0.5}).fit()
    assert result.checkpoint.name == "slowfast_epoch2"
    assert (tmp_path / "slowfast_epoch2.pdparams").exists()


def test_precise_bn_comes_before_validation_and_the_last_checkpoint(tmp_path):
    seen = []
    options = TrainOptions(epochs=2, precise_bn_batches=4, valid_every_epochs=1)
    trainer = make_trainer(tmp_path, options=options, validate=lambda n: seen.append(state_of(n)["bn._mean"]) or {"top1": 0.0})
    trainer.fit()
    loader = FakeLoader()
    loader.set_position(1, 0)
    with paddle.no_grad():
        inputs = [
            trainer.network.conv((paddle.to_tensor(b["clip"]).astype("float32") / 255).transpose([0, 4, 1, 2, 3])) for b in loader
        ]
    expected = paddle.concat(inputs).mean([0, 2, 3, 4]).numpy()
    np.testing.assert_allclose(seen[-1], expected, atol=1e-6)
    np.testing.assert_array_equal(checkpoint.load_state(tmp_path / "slowfast_epoch1")["bn._mean"], seen[-1])


@pytest.mark.parametrize("count", range(1, 15))
def test_a_stop_while_averaged_weights_come_and_go_saves_the_raw_ones(tmp_path, monkeypatch, count):
    in_swap, swap_in, raw = Told(count), paddle.Tensor.set_value, []

    def swap_and_tell(tensor, value):
        swap_in(tensor, value)
        in_swap()

    def validate(network):
        if not raw:
            raw.append(state_of(network))
            monkeypatch.setattr(paddle.Tensor, "set_value", swap_and_tell)
        return {"top1": 0.5}

    result = make_trainer(tmp_path, options=TrainOptions(epochs=1, ema_decay=0.9), validate=validate).fit()
    assert result.exit_code == 143
    assert_equal_states(raw[0], checkpoint.load_state(result.checkpoint))


def test_unreadable_videos_are_named_once(tmp_path, capsys):
    log.setup()
    make_trainer(tmp_path, FakeLoader(skipped=["a.mp4: broken"]), TrainOptions(epochs=2)).fit()
    assert capsys.readouterr().err.count("a.mp4: broken") == 1


def test_mixed_precision_on_cpu_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="needs a GPU"):
        make_trainer(tmp_path, options=TrainOptions(epochs=1, amp="bfloat16"))


def test_numbers_are_written_and_replaced_after_resuming(tmp_path):
    def run(resume=None):
        sink = curves.open_curves(tmp_path, None)
        options = TrainOptions(epochs=2, log_every_steps=2)
        make_trainer(tmp_path, options=options, curves=sink, validate=lambda n: {"top1": 0.5, "loss": 1.0}).fit(resume)
        return curves.read_curves(tmp_path / curves.JSONL_NAME)

    first = run()
    assert [(r["step"], "val/top1" in r) for r in first] == [(2, False), (4, False), (4, True), (6, False), (8, False), (8, True)]
    shown = ("loss", "top1", "top5", "lr", "step_sec", "data_sec", "clips_per_sec", "memory_gb")
    assert {f"train/{name}" for name in shown} <= set(first[0])
    again = run(tmp_path / "slowfast_epoch0")
    assert [(r["step"], r.get("train/loss")) for r in again] == [(r["step"], r.get("train/loss")) for r in first]


def test_the_weights_learn_something(tmp_path):
    class Bright(FakeLoader):
        def __iter__(self):
            for batch in super().__iter__():
                yield {**batch, "label": (batch["clip"].mean((1, 2, 3, 4)) > 127).astype(np.int64)}

    sink = curves.open_curves(tmp_path, None)
    make_trainer(tmp_path, Bright(batch=16), TrainOptions(epochs=30), curves=sink, dropout=0.0).fit()
    losses = [r["train/loss"] for r in curves.read_curves(tmp_path / curves.JSONL_NAME)]
    assert losses[-1] < 0.9 * losses[0]
