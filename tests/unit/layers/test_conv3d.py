"""Conv3D in its fast CPU forms against F.conv3d, in float64: outputs and gradients."""

import numpy as np
import paddle
import pytest

from slowfast_paddle.layers import conv3d, conv_forms
from slowfast_paddle.layers.conv3d import Conv3D, plain_conv3d

# name: (in, out, kernel, stride, padding), input [T, H, W], the form it must take
CASES = {
    "fast_stem": ((3, 4, (5, 7, 7), (1, 2, 2), (2, 3, 3)), (6, 16, 12), "stem"),
    "wide_stem": ((3, 11, (3, 7, 7), (1, 2, 2), (1, 3, 3)), (3, 16, 12), "stem"),
    "slow_stem": ((3, 4, (1, 7, 7), (1, 2, 2), (0, 3, 3)), (2, 16, 12), "stem"),
    "odd_stem": ((3, 4, (3, 7, 7), (1, 2, 2), (1, 3, 3)), (3, 15, 13), "stem"),
    "x3d_stem": ((3, 4, (1, 3, 3), (1, 2, 2), (0, 1, 1)), (3, 13, 10), "stem"),
    "unpadded_stem": ((3, 4, (1, 5, 6), (1, 3, 2), (0, 0, 2)), (2, 14, 9), "stem"),
    "tiny_stem": ((3, 4, (5, 7, 7), (1, 2, 2), (2, 3, 3)), (1, 2, 1), "stem"),
    "temporal": ((6, 4, (3, 1, 1), 1, (1, 0, 0)), (5, 4, 3), "pointwise"),
    "temporal_longer_than_clip": ((6, 4, (7, 1, 1), 1, (3, 0, 0)), (2, 4, 3), "pointwise"),
    "temporal_strided": ((6, 4, (3, 1, 1), (1, 2, 2), (1, 0, 0)), (5, 5, 4), "pointwise"),
    "shortcut": ((6, 4, 1, (1, 2, 2), 0), (3, 5, 6), "pointwise"),
    "spatial": ((3, 4, (1, 3, 3), 1, (0, 1, 1)), (3, 28, 29), "planes"),
    "spatial_strided": ((3, 4, (1, 3, 3), (1, 2, 2), (0, 1, 1)), (2, 57, 56), "planes"),
    "dense": ((3, 4, (3, 3, 3), 1, 1), (4, 28, 28), "planes"),
    "small_map": ((3, 4, (1, 3, 3), 1, (0, 1, 1)), (3, 6, 7), None),
    "ordinary_pointwise": ((6, 4, 1, 1, 0), (3, 5, 4), None),
    "lateral": ((6, 4, (5, 1, 1), (4, 1, 1), (2, 0, 0)), (8, 4, 4), None),
    "dilated": ((6, 4, (3, 1, 1), 1, (2, 0, 0), (2, 1, 1)), (8, 4, 4), None),
    "unpadded_time": ((6, 4, (3, 1, 1), 1, 0), (8, 4, 4), None),
    "grouped": ((6, 6, (3, 1, 1), 1, (1, 0, 0), 1, 6), (8, 4, 4), None),
    "padded_pointwise": ((6, 4, (3, 1, 1), 1, 1), (3, 4, 4), None),
}


@pytest.fixture(autouse=True)
def float64_on_cpu():
    paddle.set_device("cpu")
    paddle.set_default_dtype("float64")
    paddle.seed(0)
    yield
    paddle.set_default_dtype("float32")


@pytest.fixture
def form_used(monkeypatch):
    """Records the forms that ran."""
    used = []
    for name in ("stem", "pointwise", "planes"):
        form = getattr(conv_forms, name)
        monkeypatch.setattr(conv_forms, name, lambda *a, _f=form, _n=name: used.append(_n) or _f(*a))
    return used


def build(arguments, bias=None):
    names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups")
    return Conv3D(**dict(zip(names, arguments)), bias_attr=bias)


def run(layer, x, seed):
    """Output and gradients of (input,) weight, bias for a random output gradient."""
    x = x.detach()
    x.stop_gradient = seed.get("constant", False)
    layer.clear_gradients()
    y = layer(x)
    y.backward(paddle.to_tensor(np.random.RandomState(1).randn(*y.shape)))
    return [t.numpy() for t in (y, *([] if x.stop_gradient else [x.grad]), *(p.grad for p in layer.parameters()))]


@pytest.mark.parametrize("bias", [None, False], ids=["bias", "no_bias"])
@pytest.mark.parametrize("name", CASES)
def test_form_equals_plain(name, bias, form_used):
    arguments, size, form = CASES[name]
    layer = build(arguments, bias)
    x = paddle.randn([2, arguments[0], *size])
    seed = {"constant": form == "stem"}
    fast = run(layer, x, seed)
    assert form_used == [form] * (form is not None)
    with plain_conv3d():
        plain = run(layer, x, seed)
    assert form_used == [form] * (form is not None)
    for a, b in zip(fast, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * max(1.0, np.abs(b).max()))


@pytest.mark.parametrize(("name", "rows"), [("fast_stem", 4), ("unpadded_stem", 2), ("wide_stem", 1)])
def test_stem_of_few_maps_sums_rows(name, rows, monkeypatch):
    """`test_form_equals_plain` compares the results of both ways."""
    used = []
    apply = conv_forms.SumFrames.apply
    monkeypatch.setattr(conv_forms.SumFrames, "apply", lambda *a: used.append((*a, 1)[3]) or apply(*a))
    arguments, size, _ = CASES[name]
    build(arguments)(paddle.randn([1, 3, *size]))
    assert used == [rows]


def test_stem_with_input_gradient_is_not_space_to_depth(form_used):
    arguments, size, _ = CASES["fast_stem"]
    layer = build(arguments)
    x = paddle.randn([1, 3, *size])
    fast = run(layer, x, {})
    assert form_used == []
    with plain_conv3d():
        for a, b in zip(fast, run(layer, x, {}), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["fast_stem", "temporal", "shortcut", "spatial"])
def test_inference_without_gradients(name, form_used):
    arguments, size, form = CASES[name]
    layer = build(arguments)
    layer.eval()
    x = paddle.randn([2, arguments[0], *size])
    x.stop_gradient = False
    with paddle.no_grad():
        fast = layer(x)
        with plain_conv3d():
            plain = layer(x)
    assert form_used == [form] and fast.stop_gradient
    np.testing.assert_allclose(fast.numpy(), plain.numpy(), rtol=0, atol=1e-12)


def test_inputs_that_are_views_and_stay_unchanged():
    layer = build(CASES["fast_stem"][0])
    video = paddle.randn([2, 3, 12, 16, 12])
    every_second = video[:, :, ::2]
    before = video.numpy().copy()
    fast = layer(every_second)
    with plain_conv3d():
        np.testing.assert_allclose(fast.numpy(), layer(every_second).numpy(), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(video.numpy(), before)


def test_same_parameters_as_paddle():
    ours, theirs = Conv3D(3, 4, (3, 1, 1)), paddle.nn.Conv3D(3, 4, (3, 1, 1))
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}


class Net(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.layers = paddle.nn.Sequential(build(CASES["fast_stem"][0]), Conv3D(4, 4, (3, 1, 1), padding=(1, 0, 0)))

    def forward(self, x):
        return self.layers(x)


def test_saved_network_is_plain(tmp_path, form_used):
    net = Net()
    net.eval()
    x = paddle.randn([2, 3, 4, 16, 12])
    expected = net(x).numpy()
    form_used.clear()
    spec = paddle.static.InputSpec([None, 3, 4, 16, 12], "float64", name="x")
    paddle.jit.save(net, str(tmp_path / "net"), input_spec=[spec])
    assert form_used == []
    loaded = paddle.jit.load(str(tmp_path / "net"))
    np.testing.assert_allclose(loaded(x).numpy(), expected, rtol=0, atol=1e-12)


def test_to_static_gives_the_same_output_and_gradients():
    net = Net()
    x = paddle.randn([2, 3, 4, 16, 12])
    expected = run(net, x, {"constant": True})
    compiled = paddle.jit.to_static(net, full_graph=True)
    for a, b in zip(run(compiled, x, {"constant": True}), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * max(1.0, np.abs(b).max()))


def test_plain_switch_is_restored_after_an_error():
    with pytest.raises(KeyError), plain_conv3d():
        raise KeyError
    assert not conv3d._plain_only
