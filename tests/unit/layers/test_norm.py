"""Kinds of batch normalisation against plain numpy."""

import numpy as np
import paddle
import pytest

from slowfast_paddle.errors import ConfigError
from slowfast_paddle.layers.norm import build_norm
from slowfast_paddle.models.spec import NormSpec
from slowfast_paddle.optim.optimizer import freeze

X = np.random.default_rng(0).standard_normal((4, 3, 2, 2, 2)).astype("float32") + 1


def normalised(x: np.ndarray) -> np.ndarray:
    mean, variance = x.mean((0, 2, 3, 4), keepdims=True), x.var((0, 2, 3, 4), keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5)


def test_sub_batches_are_normalised_apart():
    norm = build_norm(NormSpec(kind="sub", splits=2), 3)
    out = norm(paddle.to_tensor(X)).numpy()
    np.testing.assert_allclose(out, np.concatenate([normalised(X[:2]), normalised(X[2:])]), atol=2e-5)
    means = [part.mean((0, 2, 3, 4)) for part in (X[:2], X[2:])]
    variances = [part.var((0, 2, 3, 4)) for part in (X[:2], X[2:])]
    np.testing.assert_allclose(norm._mean.numpy(), 0.1 * np.mean(means, 0), atol=1e-6)
    np.testing.assert_allclose(norm._variance.numpy(), 0.9 + 0.1 * np.mean(variances, 0), atol=1e-6)
    norm.eval()
    mean, variance = norm._mean.numpy().reshape(1, 3, 1, 1, 1), norm._variance.numpy().reshape(1, 3, 1, 1, 1)
    np.testing.assert_allclose(norm(paddle.to_tensor(X)).numpy(), (X - mean) / np.sqrt(variance + 1e-5), atol=2e-5)


def test_sub_batches_must_divide_the_batch():
    with pytest.raises(ConfigError, match="model.norm.splits: 3 does not divide the 4 clips"):
        build_norm(NormSpec(kind="sub", splits=3), 3)(paddle.to_tensor(X))


def test_frozen_statistics_stay_and_the_scale_learns():
    norm = build_norm(NormSpec(kind="frozen"), 3)
    norm.train()
    out = norm(paddle.to_tensor(X))
    np.testing.assert_allclose(out.numpy(), X / np.sqrt(1 + 1e-5), rtol=1e-5)
    out.square().sum().backward()
    assert not norm._mean.numpy().any()
    assert np.abs(norm.weight.grad.numpy()).min() > 0


@pytest.mark.parametrize(("kind", "device"), [("batch", "cpu"), ("sub", "cpu"), ("sync", "cpu"), ("sync", "gpu:0")])
def test_freezing_stops_the_statistics_of_every_kind(kind, device, monkeypatch):
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(paddle.device, "get_device", lambda: device)
        network = paddle.nn.Sequential(build_norm(NormSpec(kind=kind, splits=2), 3))
    freeze(network, [".*"])
    network.train()
    np.testing.assert_allclose(network(paddle.to_tensor(X)).numpy(), X / np.sqrt(1 + 1e-5), rtol=1e-5)
    assert not network[0]._mean.numpy().any()


@pytest.mark.parametrize("kind", ["batch", "frozen", "sub", "sync"])
def test_every_kind_has_the_state_of_a_plain_one(kind):
    norm = build_norm(NormSpec(kind=kind), 3)
    assert list(norm.state_dict()) == ["weight", "bias", "_mean", "_variance"]
    out = norm(paddle.to_tensor(X)).numpy()
    if kind in ("batch", "sub", "sync"):
        np.testing.assert_allclose(out, normalised(X), atol=2e-5)
