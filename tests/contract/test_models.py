"""What every name of list_models() must do, at width 8 and 64 px. `-m full` runs the slow checks on all of them."""

import json
import re
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import paddle
import pytest

from slowfast_paddle.config.load import load_config, preset_paths
from slowfast_paddle.config.model import ModelConfig
from slowfast_paddle.models.registry import build_model, list_models

SIZE = 64
KEYS = Path(__file__).with_name("state_dict_keys.json")
# One network of every kind of part; the other presets only combine them.
QUICK = {"slowfast_4x16_r50", "slowfast_4x16_r101_r50", "i3d_nln_8x8_r50", "c2d_8x8_r50", "fast_32x2_r50", "x3d_s"}
SLOW = [pytest.param(name, marks=() if name in QUICK else pytest.mark.full) for name in list_models()]


@cache
def small(name: str) -> tuple[ModelConfig, int]:
    """The network's configuration with few channels, and its frames."""
    if name in preset_paths():
        config = load_config(name)
        model, frames = config.model, config.data.num_frames
    else:
        model, frames = ModelConfig(architecture=name), 8
    narrow = {"width": 8, "beta_inv": 4, "num_classes": 7, "dropout": 0.0}
    # Zero scales would stop every gradient inside the residual branches.
    narrow["norm"] = model.norm.model_copy(update={"zero_init": False})
    narrow["x3d"] = model.x3d.model_copy(update={"width_factor": 8 / 12, "head_channels": 64})
    return model.model_copy(update=narrow), frames


def network(name: str):
    paddle.seed(0)
    config, frames = small(name)
    return build_model(config, frames, SIZE), frames


def clips(model, frames: int, height: int = SIZE, width: int = SIZE, batch: int = 2):
    """Random input of `frames` frames in the fastest pathway."""
    fastest = model.spec.pathways[-1].frames
    lengths = [frames * pathway.frames // fastest for pathway in model.spec.pathways]
    draw = np.random.default_rng(0)
    return tuple(paddle.to_tensor(draw.standard_normal((batch, 3, t, height, width)).astype("float32")) for t in lengths)


def regions(model, inputs) -> tuple:
    """What a RoI head takes beside the clips: one box of half the view for each; nothing for other heads."""
    if model.spec.head.kind != "roi":
        return ()
    batch, *_, height, width = inputs[0].shape
    boxes = np.array([[width / 4, height / 4, width * 3 / 4, height * 3 / 4]] * batch, "float32")
    return paddle.to_tensor(boxes), paddle.to_tensor(np.ones(batch, "int32"))


@pytest.mark.parametrize("name", list_models())
def test_state_dict_keys_are_those_of_the_file(name):
    """A renamed key would orphan every checkpoint. `python -m tests.contract.test_models` rewrites the file."""
    assert summary(name) == json.loads(KEYS.read_text())[name]


def summary(name: str) -> dict:
    model, _ = network(name)
    entries = [f"{key} {list(value.shape)}" for key, value in model.state_dict().items()]
    patterns = sorted({re.sub(r"\d+", "#", entry.split()[0]) for entry in entries})
    return {"entries": len(entries), "crc32": zlib.crc32("\n".join(sorted(entries)).encode()), "patterns": patterns}


@pytest.mark.parametrize("name", SLOW)
def test_two_sizes_and_two_lengths(name):
    model, frames = network(name)
    model.eval()
    with paddle.no_grad():
        views = (clips(model, *view, batch=1) for view in ((frames,), (frames, SIZE + 32, SIZE + 64), (2 * frames,)))
        usual, larger, longer = (model(view, *regions(model, view)) for view in views)
    for logits in (usual, larger, longer):
        assert np.isfinite(logits.numpy()).all()
    if model.spec.head.kind == "roi":
        assert usual.shape == larger.shape == longer.shape == [1, 7]
        return
    assert usual.shape == [1, 1, 7]
    adaptive = model.spec.head.windows is None
    side = [1, 1] if adaptive else [2, 3]  # places of the training window on a map 1 and 2 places larger
    assert larger.shape == [1, side[0] * side[1], 7]
    slow = model.spec.pathways[0].window(SIZE)[0]
    assert longer.shape == [1, 1 if adaptive else slow + 1, 7]


@pytest.mark.parametrize("name", SLOW)
def test_every_parameter_gets_a_gradient(name):
    model, frames = network(name)
    inputs = clips(model, frames)
    before = [part.numpy().copy() for part in inputs]
    logits = model(inputs, *regions(model, inputs))
    assert logits.shape == [2, 7]
    (logits * paddle.arange(14, dtype="float32").reshape([2, 7])).sum().backward()
    for part, value in zip(inputs, before):
        np.testing.assert_array_equal(part.numpy(), value, err_msg="forward changed its input")
    for key, parameter in model.named_parameters():
        if parameter.stop_gradient:
            continue
        assert parameter.grad is not None, key
        # A bias before a normalisation has a gradient of zero by construction.
        assert key.endswith("out.bias") or np.abs(parameter.grad.numpy()).max() > 0, key


@pytest.mark.parametrize("name", SLOW)
def test_saved_for_inference_it_gives_the_same_output(name, tmp_path):
    model, frames = network(name)
    model.eval()
    inputs = clips(model, frames, batch=1)
    boxes = regions(model, inputs)
    spec = [tuple(paddle.static.InputSpec(part.shape, "float32", f"pathway{p}") for p, part in enumerate(inputs))]
    spec += [paddle.static.InputSpec(part.shape, part.dtype, name) for part, name in zip(boxes, ("boxes", "boxes_num"))]
    with paddle.no_grad():
        expected = model(inputs, *boxes).numpy()
    paddle.jit.save(model, str(tmp_path / "net"), input_spec=spec)
    loaded = paddle.jit.load(str(tmp_path / "net"))
    loaded.eval()
    np.testing.assert_allclose(loaded(*inputs, *boxes).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_the_published_parameter_count():
    model = build_model(ModelConfig(), 32, 224)
    assert sum(part.size for part in model.parameters() if not part.stop_gradient) == 34_480_216


if __name__ == "__main__":
    KEYS.write_text(json.dumps({name: summary(name) for name in list_models()}, indent=1) + "\n")
