"""Initial weights, heads on odd maps, packing, boxes."""

import math

import numpy as np
import paddle
import pytest

from slowfast_paddle.config.model import HeadConfig, ModelConfig
from slowfast_paddle.models.heads import slide
from slowfast_paddle.models.pack import PackPathways
from slowfast_paddle.models.registry import build_model


@pytest.fixture(scope="module")
def model():
    paddle.seed(1)
    return build_model(ModelConfig(width=32, num_classes=50, alpha=4), 8, 64)


def test_initial_weights(model):
    conv = model.stages[1][0].blocks[0].b.conv.weight.numpy()
    fan_out = conv.shape[0] * math.prod(conv.shape[2:])
    assert conv.std() == pytest.approx(math.sqrt(2 / fan_out), rel=0.05)
    assert model.head.classifier.weight.numpy().std() == pytest.approx(0.01, rel=0.05)
    assert not model.head.classifier.bias.numpy().any()
    scales = {name: value.numpy() for name, value in model.state_dict().items() if name.endswith("bn.weight")}
    for name, value in scales.items():
        assert (value == (0.0 if ".c.bn." in name else 1.0)).all(), name


def test_a_window_shrinks_to_a_smaller_map():
    x = paddle.arange(2 * 3 * 5, dtype="float32").reshape([1, 1, 2, 3, 5])
    assert slide(x, (4, 7, 7)).shape == [1, 1, 1, 1, 1]
    np.testing.assert_allclose(slide(x, (4, 7, 2)).numpy()[0, 0, 0, 0], [x.numpy()[..., i : i + 2].mean() for i in range(4)])


def test_features_are_the_maps_of_the_last_stage(model):
    model.eval()
    with paddle.no_grad():
        maps = model.features((paddle.zeros([1, 3, 2, 96, 64]), paddle.zeros([1, 3, 8, 96, 64])))
    assert [part.shape for part in maps] == [[1, 1024, 2, 3, 2], [1, 128, 8, 3, 2]]


def test_packing_normalises_and_picks_frames():
    frames = np.random.default_rng(0).integers(0, 256, (2, 8, 4, 6, 3), dtype=np.uint8)
    pack = PackPathways((0.45, 0.4, 0.5), (0.225, 0.2, 0.25), ((0, 7), tuple(range(8))))
    slow, fast = pack(paddle.to_tensor(frames))
    expected = ((frames / 255.0 - [0.45, 0.4, 0.5]) / [0.225, 0.2, 0.25]).transpose(0, 4, 1, 2, 3)
    np.testing.assert_allclose(fast.numpy(), expected, atol=2e-6)
    np.testing.assert_array_equal(slow.numpy(), fast.numpy()[:, :, [0, 7]])
    for one, other in zip(pack.arrays(frames), (slow, fast)):
        np.testing.assert_array_equal(one, other.numpy())
    assert not pack.state_dict()
    reverse = PackPathways((0.0,) * 3, (1.0,) * 3, ((0,),), reverse_channels=True)
    np.testing.assert_allclose(reverse(paddle.to_tensor(frames))[0].numpy()[:, 0, 0], frames[:, 0, ..., 2] / 255.0, atol=1e-6)
    np.testing.assert_array_equal(reverse.arrays(frames)[0], reverse(frames)[0].numpy())


def test_a_row_of_logits_for_every_box():
    config = ModelConfig(architecture="slow", width=8, num_classes=5, strides=(1, 2, 2, 1), head=HeadConfig(kind="roi"))
    network = build_model(config, 4, 64)
    assert network.spec.head.total_stride == 16
    clips = (paddle.randn([2, 3, 4, 64, 96]),)
    boxes = paddle.to_tensor([[0.0, 0, 95, 63], [10, 10, 40, 60], [5, 5, 9, 9]])
    rows = network(clips, boxes, paddle.to_tensor([2, 1], "int32"))
    assert rows.shape == [3, 5]
    rows.sum().backward()
    assert network.stems[0].conv.weight.grad is not None
    empty = network(clips, paddle.zeros([0, 4]), paddle.to_tensor([0, 0], "int32"))
    assert empty.shape == [0, 5]
