"""A whole SlowFast in the fast CPU forms equals the plain one: loss and every gradient, in float64."""

import numpy as np
import paddle
import paddle.nn.functional as F

from slowfast_paddle.config.model import ModelConfig
from slowfast_paddle.layers.conv3d import plain_conv3d
from slowfast_paddle.models.registry import build_model


def test_training_step_in_float64():
    paddle.set_device("cpu")
    paddle.set_default_dtype("float64")
    try:
        paddle.seed(3)
        config = ModelConfig(depth=14, width=16, alpha=4, num_classes=5, dropout=0.0, norm={"zero_init": False})
        network = build_model(config, num_frames=8, crop=64)
        fast_clip = paddle.randn([2, 3, 8, 64, 64])
        clips, labels = (fast_clip[:, :, ::4], fast_clip), paddle.to_tensor([1, 4])
        fast = _loss_and_gradients(network, clips, labels)
        with plain_conv3d():
            plain = _loss_and_gradients(network, clips, labels)
    finally:
        paddle.set_default_dtype("float32")
    assert fast.keys() == plain.keys()
    for name, value in plain.items():
        np.testing.assert_allclose(fast[name], value, rtol=0, atol=1e-11 * np.abs(value).max(), err_msg=name)


def _loss_and_gradients(network, clips, labels) -> dict[str, np.ndarray]:
    network.clear_gradients()
    loss = F.cross_entropy(network(clips), labels)
    loss.backward()
    trained = {name: p for name, p in network.named_parameters() if not p.stop_gradient}  # BN statistics are parameters too
    return {"loss": loss.numpy(), **{name: p.grad.numpy() for name, p in trained.items()}}
