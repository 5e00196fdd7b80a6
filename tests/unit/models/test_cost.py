"""Counts from the spec equal counts from the running layers, and the published figures within 1 %."""

from math import prod

import paddle
import pytest

from slowfast_paddle.config.load import load_config, preset_paths
from slowfast_paddle.config.model import ModelConfig
from slowfast_paddle.models.cost import count
from slowfast_paddle.models.registry import build_model, build_spec

# preset: (million parameters, 1e9 multiply-adds, px, operations counted per normalised value). Sources: the comments of the
# presets. PySlowFast's projects/pytorchvideo page counts 5 for most networks, MMAction2 some operations of its own.
PUBLISHED = {
    "slowfast_4x16_r50": (34.48, 36.1, 256, 0),
    "slowfast_8x8_r50": (34.57, 65.71, 256, 0),
    "slowfast_8x8_r101": (62.83, 127.20, 256, 5),
    "slowfast_16x8_r101_50_50": (53.77, 215.61, 256, 5),
    "slowfast_4x16_r101_r50": (62.4, 64.9, 256, 0),
    "slow_4x16_r50": (32.45, 27.55, 256, 5),
    "slow_8x8_r50": (32.45, 54.52, 256, 0),
    "slow_8x8_r101": (60.36, 112, 256, 0),
    "x3d_xs": (3.8, 0.91, 182, 5),
    "x3d_s": (3.8, 1.96, 160, 0),
    "x3d_m": (3.8, 4.73, 224, 0),
    "x3d_l": (6.2, 18.37, 312, 0),
    "slowfast_8x8_r50_ssv2": (34.0, 66.60, 256, 5),
    "slowfast_8x8_r50_charades": (34.0, 66.60, 256, 5),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures(name):
    parameters, multiply_adds, size, per_normalised = PUBLISHED[name]
    config = load_config(name)
    parts = count(build_spec(config.model, config.data.num_frames, config.data.crop_px), config.data.num_frames, (size, size))
    assert sum(part.parameters for part in parts) / 1e6 == pytest.approx(parameters, rel=0.01)
    counted = sum(part.macs + per_normalised * part.normalised for part in parts)
    assert counted / 1e9 == pytest.approx(multiply_adds, rel=0.01)


TITLED = ("kinetics400", "ssv2", "charades")


@pytest.mark.parametrize("path", [p for p in preset_paths().values() if p.parent.name in TITLED], ids=lambda p: p.stem)
def test_the_comment_of_a_preset_says_what_is_counted(path):
    config = load_config(path)
    parts = count(build_spec(config.model, config.data.num_frames, config.data.crop_px), config.data.num_frames, (256, 256))
    assert f"{sum(part.parameters for part in parts) / 1e6:.2f} M parameters" in path.read_text()


SMALL = {
    "slowfast": {"width": 16, "beta_inv": 4, "alpha": 4},
    "slowfast18": {"width": 16, "beta_inv": 4, "alpha": 4, "depth": 18},
    "i3d": {"architecture": "i3d", "width": 8, "non_local": {"blocks": [[[], [1], [], []]], "kind": "softmax"}},
    "x3d": {"architecture": "x3d"},
    "dilated": {"architecture": "slow", "width": 8, "strides": (1, 2, 2, 1), "dilations": (1, 1, 1, 2)},
}


@pytest.mark.parametrize("name", SMALL)
def test_counts_equal_the_running_layers(name):
    config = ModelConfig(**SMALL[name])
    model = build_model(config, 8, 64)
    seen = {"macs": 0, "elements": 0}

    def watch(layer, inputs, output):
        seen["macs"] += (
            prod(layer.weight.shape[1:]) * output.size
            if layer.weight.ndim == 5
            else layer.weight.size * output.size // output.shape[-1]
        )
        seen["elements"] += output.size

    for layer in model.sublayers():
        if isinstance(layer, (paddle.nn.Conv3D, paddle.nn.Linear)):
            layer.register_forward_post_hook(watch)
    model.eval()
    with paddle.no_grad():
        model(tuple(paddle.zeros([1, 3, pathway.frames, 96, 70]) for pathway in model.spec.pathways))
    parts = count(model.spec, 8, (96, 70))
    attention = 0
    if name == "i3d":  # two products over (4 * 12 * 9) queries and (4 * 6 * 4) keys of 32 channels
        attention = 2 * (4 * 12 * 9) * (4 * 6 * 4) * 32
    assert sum(part.macs for part in parts) == seen["macs"] + attention
    assert sum(part.activation_bytes for part in parts) == 4 * seen["elements"]
    trained = sum(part.size for part in model.parameters() if not part.stop_gradient)
    assert sum(part.parameters for part in parts) == trained
