"""Losses, shown quantities, mixing, averaging of weights."""

import numpy as np
import paddle
import pytest

from slowfast_paddle.data.kinetics import ClipDataset, Key
from slowfast_paddle.data.records import read_records
from slowfast_paddle.data.sampler import TrainSampler
from slowfast_paddle.data.sampling import ClipShape
from slowfast_paddle.engine.ema import Ema
from slowfast_paddle.engine.mixing import Mixing
from slowfast_paddle.engine.seeding import seed_step
from slowfast_paddle.engine.task import ClassificationTask
from slowfast_paddle.errors import DataError
from slowfast_paddle.metrics.activation import activate
from tests.unit.engine.support import CLASSES, TinyNet, pack


def batch(size=4, labels=None):
    rng = np.random.default_rng(0)
    return {
        "clip": rng.integers(0, 256, (size, 2, 4, 4, 3), dtype=np.uint8),
        "label": np.arange(size) % CLASSES if labels is None else labels,
        "index": np.arange(size),
    }


def test_label_smoothing_spreads_the_target():
    logits = np.random.default_rng(0).normal(size=(4, CLASSES)).astype(np.float32)
    logs = np.log(activate(logits, "softmax"))
    labels = np.arange(4) % CLASSES
    for smoothing in (0.0, 0.2):
        task = ClassificationTask(pack, CLASSES, label_smoothing=smoothing)
        _, target = task.forward(lambda pathways: None, batch())
        expected = -((1 - smoothing) * logs[np.arange(4), labels] + smoothing * logs.mean(1)).mean()
        assert float(task.loss(paddle.to_tensor(logits), target)) == pytest.approx(expected, rel=1e-5)


def test_several_labels_use_binary_cross_entropy():
    labels = np.array([[1, 0, 1], [0, 1, 0]], dtype=np.float32)
    task = ClassificationTask(pack, CLASSES, multi_label=True)
    logits = np.random.default_rng(0).normal(size=(2, CLASSES)).astype(np.float32)
    _, target = task.forward(lambda pathways: None, batch(2, labels))
    probs = activate(logits, "sigmoid")
    expected = -(labels * np.log(probs) + (1 - labels) * np.log(1 - probs)).mean()
    assert float(task.loss(paddle.to_tensor(logits), target)) == pytest.approx(expected, rel=1e-5)
    assert task.best_metric == "map"
    assert task.sums(paddle.to_tensor(logits), target) == {}


def test_k_is_never_above_the_number_of_classes():
    task = ClassificationTask(pack, CLASSES)
    logits = paddle.to_tensor(np.eye(CLASSES, dtype=np.float32)[[0, 1, 1]])
    assert task.sums(logits, paddle.to_tensor([0, 1, 2])) == {"top1": 2.0, "top5": 3.0}


def test_a_batch_is_split_without_losing_clips():
    parts = list(ClassificationTask(pack, CLASSES).split(batch(5), 3))
    assert [len(part["label"]) for part in parts] == [1, 2, 2]
    np.testing.assert_array_equal(np.concatenate([part["index"] for part in parts]), np.arange(5))
    assert len(list(ClassificationTask(pack, CLASSES).split(batch(2), 8))) == 2


@pytest.mark.parametrize("mixing", [Mixing(mixup_alpha=0.8), Mixing(cutmix_alpha=1.0)])
def test_mixing_blends_pathways_and_targets_alike(mixing):
    # Each clip is constant with its own value, so that the mean of a clip tells the share of its partner.
    values = np.arange(4, dtype=np.float32)
    slow = np.broadcast_to(values[:, None, None, None, None], (4, 3, 1, 8, 8)).copy()
    fast = np.broadcast_to(values[:, None, None, None, None], (4, 3, 4, 8, 8)).copy()
    target = np.eye(4, dtype=np.float32)
    (mixed_slow, mixed_fast), mixed_target = mixing(
        (paddle.to_tensor(slow), paddle.to_tensor(fast)), paddle.to_tensor(target), np.random.default_rng(2)
    )
    expected = mixed_target.numpy() @ values
    np.testing.assert_allclose(mixed_slow.numpy().mean((1, 2, 3, 4)), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(mixed_fast.numpy().mean((1, 2, 3, 4)), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(mixed_target.numpy().sum(1), 1, rtol=1e-6)
    assert not np.allclose(mixed_target.numpy(), target)


def test_no_two_purposes_draw_from_one_stream(tmp_path, monkeypatch):
    states, make = [], np.random.default_rng

    def noted(seed):
        rng = make(seed)
        if not isinstance(seed, (int, np.integer)):  # a number was drawn itself
            states.append(str(rng.bit_generator.state))
        return rng

    monkeypatch.setattr(np.random, "default_rng", noted)
    (tmp_path / "list.csv").write_text("none.mp4 0\nnone.mp4 0\n")
    with pytest.raises(DataError):
        ClipDataset(read_records(tmp_path / "list.csv"), ClipShape(8, 2), train=True, repeats=2)[Key(0, 0)]
    list(TrainSampler(2, 1).batches(0))
    for step in range(3):
        seed_step(0, 0, step)
    assert len(states) == 20 * 2 + 19 + 1 + 3 == len(set(states))


def test_mixing_happens_in_training_steps_only():
    task = ClassificationTask(pack, CLASSES, mixing=Mixing(mixup_alpha=1.0))
    _, plain = task.forward(lambda pathways: None, batch())
    _, mixed = task.forward(lambda pathways: None, batch(), np.random.default_rng(0))
    assert set(np.unique(plain.numpy())) == {0.0, 1.0}
    assert not np.array_equal(plain.numpy(), mixed.numpy())


def test_average_of_weights_follows_and_swaps():
    network = TinyNet()
    ema = Ema(network, decay=0.99)
    start = network.fc.weight.numpy().copy()
    network.fc.weight.set_value(start + 1.0)
    ema.update()
    decay = 2 / 11
    np.testing.assert_allclose(ema.weights()["fc.weight"], decay * start + (1 - decay) * (start + 1), rtol=1e-5)
    with pytest.raises(KeyError), ema.swapped():
        np.testing.assert_array_equal(network.fc.weight.numpy(), ema.weights()["fc.weight"])
        raise KeyError
    np.testing.assert_array_equal(network.fc.weight.numpy(), start + 1.0)
