"""Distributions reach VisualDL at the epochs they are due, and change nothing about training."""

import numpy as np
import pytest

from slowfast_paddle import distributed
from slowfast_paddle.engine import curves
from slowfast_paddle.engine.options import TrainOptions
from tests.unit.engine.support import FakeLoader, assert_equal_states, make_trainer, state_of


class Kept(curves.NullCurves):
    def __init__(self):
        self.seen = []

    def histogram(self, kind, step, values):
        self.seen.append((kind, step, {name: np.array(value) for name, value in values.items()}))


def run(folder, every, **options):
    sink = Kept()
    trainer = make_trainer(folder, FakeLoader(), TrainOptions(epochs=3, histograms_every_epochs=every, **options), curves=sink)
    trainer.fit()
    return sink.seen, state_of(trainer.network)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_due_epochs_show_weights_gradients_and_activations(tmp_path, accumulate):
    seen, weights = run(tmp_path / "on", 2, accumulate_steps=accumulate)
    none, same = run(tmp_path / "off", 0, accumulate_steps=accumulate)
    assert none == []
    assert_equal_states(weights, same)
    assert [(kind, step) for kind, step, _ in seen] == [(k, s) for s in (4, 8) for k in ("weights", "gradients", "activations")]
    shown = {kind: set(values) for kind, step, values in seen if step == 4}
    assert shown["activations"] == {"conv", "fc"}
    assert shown["weights"] == shown["gradients"] == {"conv.weight", "bn.weight", "bn.bias", "fc.weight", "fc.bias"}
    gradients = next(values for kind, _, values in seen if kind == "gradients")
    assert np.abs(gradients["fc.weight"]).max() > 0


def test_other_ranks_take_none(tmp_path, monkeypatch):
    monkeypatch.setattr(distributed, "is_main", lambda: False)
    assert run(tmp_path, 1)[0] == []


def test_gradients_are_those_before_clipping(tmp_path):
    free, clipped = (run(tmp_path / str(limit), 3, clip_grad_norm=limit)[0][1][2]["fc.bias"] for limit in (None, 1e-3))
    # The third epoch's weights differ by then; clipped ones would be below the limit.
    assert np.linalg.norm(clipped) > 1e-3 and np.linalg.norm(free) > 1e-3


def test_visualdl_takes_them(tmp_path):
    sink = curves.open_curves(tmp_path, tmp_path / "vdl")
    sink.start(0)
    sink.histogram("weights", 1, {"fc.weight": np.arange(10.0), "none": np.zeros(0)})
    sink.close()
    (log_file,) = (tmp_path / "vdl").iterdir()
    assert b"weights/fc.weight" in log_file.read_bytes()
    assert curves.read_curves(tmp_path / curves.JSONL_NAME) == []
