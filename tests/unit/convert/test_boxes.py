"""Files of action detection: which preset their shapes settle, and PyTorchVideo's layout with a box head."""

import numpy as np
import pytest

from slowfast_paddle import checkpoint, unpickle
from slowfast_paddle.app.weights import load_model
from slowfast_paddle.config.load import dump_config, load_config
from slowfast_paddle.convert.assume import settle
from slowfast_paddle.convert.convert import convert_file, export_file
from slowfast_paddle.convert.rules import LAYOUTS, export_state
from slowfast_paddle.convert.source import open_source
from slowfast_paddle.convert.torch_file import write_torch
from slowfast_paddle.errors import ConvertError
from slowfast_paddle.models.registry import build_model, build_spec

SMALL = [
    "model.width=8", "model.num_classes=5", "data.num_frames=8", "model.alpha=4", "model.beta_inv=4", "model.head.kind=roi",
    "model.head.activation=sigmoid", "model.head.roi_aligned=false", "model.strides=[1,2,2,1]", "data.crop_px=64",
    "data.short_side_px=[64,64]",
]  # fmt: skip
KINDS = {"slowfast": [], "slow": ["model.architecture=slow"]}


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """Opens a file as if it held a published network without its configuration; its values take no memory."""

    def opened(preset, project):
        config = load_config(preset)
        net = build_model(config.model, config.data.num_frames, config.data.crop_px)
        state = {name: np.broadcast_to(np.float32(0), value.shape) for name, value in net.state_dict().items()}
        content = {"model_state": export_state(LAYOUTS[project], net.spec, state)}
        monkeypatch.setattr(unpickle, "load", lambda path: content)
        (tmp_path / "x.pyth").touch()
        return open_source(tmp_path / "x.pyth")

    return opened


@pytest.mark.parametrize("preset", ["slowfast_32x2_r50_short", "slow_4x16_r50_short", "slowfast_32x2_r101_50_50"])
def test_shapes_settle_the_preset(preset, foreign):
    settled = settle(foreign(preset, "pyslowfast"), None, [])
    assert settled.assumed == preset and settled.config.model == load_config(preset).model


@pytest.mark.parametrize("kind", KINDS)
def test_pytorchvideo_there_and_back(kind, tmp_path):
    config = load_config(None, [*SMALL, *KINDS[kind]])
    net = build_model(config.model, config.data.num_frames, config.data.crop_px)
    state = {name: value.numpy() for name, value in net.state_dict().items()}
    ours = checkpoint.save(tmp_path / "ours", state, {"config": config.model_dump(mode="json")})
    export_file(ours, tmp_path / "theirs.pyth", "pytorchvideo")
    theirs = unpickle.load(tmp_path / "theirs.pyth")["model_state"]
    stem = "multipathway_blocks.0.conv" if kind == "slowfast" else "conv"
    assert f"model.blocks.0.{stem}.weight" in theirs and theirs["detection_head.proj.weight"].shape[0] == 5
    (tmp_path / "c.yaml").write_text(dump_config(config))
    converted = convert_file(tmp_path / "theirs.pyth", tmp_path / "again", config=str(tmp_path / "c.yaml"))
    assert converted.sidecar["source"]["layout"] == "pytorchvideo" and converted.sidecar["protocol"]["activation"] == "sigmoid"
    for name, value in checkpoint.load_state(converted.path).items():
        np.testing.assert_array_equal(value, state[name], err_msg=name)
    assert load_model(converted.path).spec == build_spec(config.model, config.data.num_frames, config.data.crop_px)


def test_pytorchvideo_files_settle_their_preset(foreign):
    """Its hub has one box network of each kind; both take boxes without the half-pixel shift."""
    for preset in ("slowfast_32x2_r50_short", "slow_4x16_r50_short"):
        settled = settle(foreign(preset, "pytorchvideo"), None, [])
        assert settled.assumed == preset and settled.config.model.head.kind == "roi"
        assert not settled.config.model.head.roi_aligned


@pytest.mark.parametrize("names", ["roi_head.bbox_head.fc_cls", "head.bbox_head.fc_cls"])
def test_box_heads_that_are_not_read(names, tmp_path):
    """MMAction2 (first) and PaddleVideo (second) store 81 classes, the first of which means nothing."""
    config = load_config(None, [*SMALL, "model.head.kind=classification", "model.head.activation=softmax"])
    net = build_model(config.model, config.data.num_frames, config.data.crop_px)
    state = {name: value.numpy() for name, value in net.state_dict().items()}
    theirs = export_state(LAYOUTS["mmaction2"], net.spec, state)
    theirs = {name.replace("cls_head.fc_cls", names): value for name, value in theirs.items()}
    write_torch(tmp_path / "x.pth", {"state_dict": theirs})
    with pytest.raises(ConvertError, match="2 entries are unknown to mmaction2 .*fc_cls"):
        convert_file(tmp_path / "x.pth", tmp_path / "again")
