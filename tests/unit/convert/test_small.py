"""Conversion of networks small enough to train here: inference, refusals, inflation, fine-tuning, the torch writer."""

import collections
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from slowfast_paddle import checkpoint
from slowfast_paddle.__main__ import main
from slowfast_paddle.app.weights import load_model
from slowfast_paddle.config.load import dump_config, load_config
from slowfast_paddle.convert.assume import settle
from slowfast_paddle.convert.convert import convert_file, export_file
from slowfast_paddle.convert.finetune import load_backbone
from slowfast_paddle.convert.infer import infer_model
from slowfast_paddle.convert.inflate import inflate
from slowfast_paddle.convert.rules import LAYOUTS, export_state
from slowfast_paddle.convert.rules_pytorchvideo import PTV_SLOWFAST
from slowfast_paddle.convert.source import Source
from slowfast_paddle.convert.torch_file import write_torch
from slowfast_paddle.errors import CheckpointError, ConvertError
from slowfast_paddle.models.registry import build_model
from slowfast_paddle.unpickle import load

SMALL = ["model.width=8", "model.num_classes=5", "data.crop_px=64", "data.num_frames=16", "data.short_side_px=[64, 80]"]
KINDS = {
    "slowfast": ["model.alpha=4", "model.beta_inv=4"],
    "bare": ["model.alpha=4", "model.beta_inv=4", "model.fusion.norm=false"],
    "non_local": ["model.architecture=slow", "model.non_local.blocks=[[[], [1], [0, 2], []]]"],
    "basic": ["model.depth=18", "model.architecture=slow", "model.expansion=4"],
    "basic34": ["model.depth=34", "model.architecture=slow"],
    "i3d": ["model.architecture=i3d"],
    "c2d": ["model.architecture=c2d"],
    "limited": ["model.architecture=slow", "model.depth=101", "model.temporal_blocks=[[3, 4, 6, 3]]"],
    "x3d": ["model.architecture=x3d", "data.num_frames=4"],
}


def network(kind, *more):
    config = load_config(None, [*SMALL, *KINDS[kind], *more])
    return config, build_model(config.model, config.data.num_frames, config.data.crop_px)


def arrays(net):
    return {name: value.numpy() for name, value in net.state_dict().items()}


def trained(kind, folder, *more):
    """A checkpoint of this package, as training leaves it."""
    config, net = network(kind, *more)
    facts = {"config": config.model_dump(mode="json"), "class_names": None, "epoch": 3}
    return config, net, checkpoint.save(folder / "trained", arrays(net), facts)


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_tell_the_network(kind):
    """A network built from what its shapes say, and from nothing else, has the same shapes."""
    _, net = network(kind)
    shapes = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    facts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in infer_model(shapes).items()}
    open_part = [f"model.alpha={4 if kind in ('slowfast', 'bare') else 1}", f"data.num_frames={16 if kind != 'x3d' else 4}"]
    again = load_config(None, [*(f"{key}={value}" for key, value in facts.items()), *open_part])
    rebuilt = build_model(again.model, again.data.num_frames, again.data.crop_px)
    assert {name: tuple(value.shape) for name, value in rebuilt.state_dict().items()} == shapes


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        *(("slowfast", t) for t in ("pyslowfast", "pytorchvideo", "mmaction2")),
        ("bare", "mmaction2"),
        *((k, "pyslowfast") for k in ("non_local", "i3d", "c2d", "limited", "x3d", "basic")),
        *((k, "pytorchvideo") for k in ("i3d", "c2d")),
    ],
)
def test_trained_here_used_there_and_back(tmp_path, kind, target):
    config, net, path = trained(kind, tmp_path)
    export_file(path, tmp_path / "theirs.pth", target)
    (tmp_path / "config.yaml").write_text(dump_config(config))
    converted = convert_file(tmp_path / "theirs.pth", tmp_path / "again", config=str(tmp_path / "config.yaml"))
    again, first = checkpoint.load_state(converted.path), arrays(net)
    again_net = load_model(converted.path)
    assert list(again) == list(first) and again_net is not None
    reordered = {"head.classifier.weight"} if target == "mmaction2" and kind in ("slowfast", "bare") else set()
    for name, value in first.items():
        if name not in reordered:
            np.testing.assert_array_equal(again[name], value, err_msg=name)
    export_file(converted.path, tmp_path / "theirs2.pth", target)
    one, two = (
        next(v for v in load(tmp_path / f).values() if isinstance(v, dict) and len(v) > 5) for f in ("theirs.pth", "theirs2.pth")
    )
    for name, value in one.items():
        np.testing.assert_array_equal(two[name], value, err_msg=name)


@pytest.mark.parametrize(
    ("kind", "target", "reason"),
    [
        ("bare", "pyslowfast", "laterals always have BN"),
        ("bare", "pytorchvideo", "laterals always have BN"),
        ("x3d", "mmaction2", "only its SlowFast and SlowOnly"),
        ("x3d", "pytorchvideo", "no BN in the shortcut"),
        ("non_local", "pytorchvideo", "no place for"),
        ("i3d", "mmaction2", "no such network"),
    ],
)
def test_no_home(tmp_path, kind, target, reason):
    _, _, path = trained(kind, tmp_path)
    with pytest.raises(ConvertError, match=reason):
        export_file(path, tmp_path / "theirs.pth", target)
    assert not (tmp_path / "theirs.pth").exists()


def _foreign(folder, kind="slowfast", change=lambda state: state, cfg=""):
    config, net = network(kind)
    state = change(export_state(LAYOUTS["pyslowfast"], net.spec, arrays(net)))
    write_torch(folder / "x.pyth", {"epoch": 7, "model_state": state, "cfg": cfg})
    (folder / "config.yaml").write_text(dump_config(config))
    return folder / "x.pyth", str(folder / "config.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {**s, "mystery": np.zeros(3, "f4")}, "1 entries are unknown to pyslowfast .mystery"),
        (lambda s: {k: v for k, v in s.items() if k != "head.projection.bias"}, "1 not in the file .head.classifier.bias"),
        (lambda s: {**s, "s2.pathway0_res0.branch2.a_bn.bias": np.zeros(3, "f4")}, "1 of another shape"),
        (lambda s: {k: v for k, v in s.items() if not k.startswith("s5")}, "known depths"),
        (
            lambda s: {**s, "head.projection.bias": np.zeros(5, "i8")},
            "1 tensors hold no floating numbers .head.projection.bias int64",
        ),
        (lambda s: {**s, "head.projection.bias": np.full(5, np.nan, "f4")}, "head.classifier.bias holds nan .5 of 5 values"),
    ],
)
def test_strict(tmp_path, change, message):
    source, config = _foreign(tmp_path, change=change)
    with pytest.raises(CheckpointError, match=message):
        convert_file(source, tmp_path / "ours", config=config)
    assert not list(tmp_path.glob("ours*"))


def test_the_file_speaks_for_itself(tmp_path):
    """A configuration inside the file answers what shapes leave open."""
    text = "MODEL:\n  ARCH: slowfast\n  NUM_CLASSES: 5\nSLOWFAST:\n  ALPHA: 4\n  BETA_INV: 4\nRESNET:\n  WIDTH_PER_GROUP: 8\n"
    source, _ = _foreign(tmp_path, cfg=text + "DATA:\n  NUM_FRAMES: 16\n  TRAIN_CROP_SIZE: 64\nSOLVER:\n  NOT_KNOWN_YET: 3\n")
    sidecar = convert_file(source, tmp_path / "ours").sidecar
    assert sidecar["config"]["model"]["alpha"] == 4 and sidecar["config"]["data"]["crop_px"] == 64
    assert sidecar["epoch"] == 7 and sidecar["source"]["configured_by"] == "the configuration inside the file"


@pytest.mark.parametrize("flag", ["--verify", "--report"])
def test_proof_is_of_what_was_read_here(tmp_path, capsys, flag):
    """--to writes another project's file, which nothing here runs."""
    _, _, path = trained("slowfast", tmp_path)
    assert main(["convert", str(path), str(tmp_path / "x.pyth"), "--to", "pyslowfast", flag, "nope"]) == 2
    assert "leave them out with --to" in capsys.readouterr().err and not (tmp_path / "x.pyth").exists()


def test_the_protocol_of_the_weights(tmp_path):
    """The layout's, unless the file's own configuration says more."""
    assert [LAYOUTS[name][0].protocol for name in ("paddlevideo", "paddle_models")] == ["paddlevideo", "paddle"]
    text = (
        "MODEL:\n  NUM_CLASSES: 5\nSLOWFAST:\n  ALPHA: 4\n  BETA_INV: 4\nRESNET:\n  WIDTH_PER_GROUP: 8\nDATA:\n  NUM_FRAMES: 16\n"
    )
    source, _ = _foreign(tmp_path, cfg=text + "  USE_OFFSET_SAMPLING: True\n")
    assert convert_file(source, tmp_path / "ours").sidecar["protocol"]["name"] == "pyslowfast_offset"


@pytest.mark.parametrize(
    ("preset", "kernel", "message"),
    [
        ("slowfast_4x16_r50", 5, ""),
        ("slowfast_8x8_r50", 7, ""),
        ("slowfast_8x8_r101", 5, ""),
        ("slowfast_8x8_r50", 3, "no published"),
    ],
)
def test_the_hub_networks_are_told_apart_by_their_kernels(preset, kernel, message):
    """Depth 101 alone was published with two kernels."""
    config = load_config(preset, [f"model.fusion.kernel={kernel}"])
    net = build_model(config.model, config.data.num_frames, config.data.crop_px)
    ours = {name: name for name in net.state_dict()}
    arrays = {name: np.broadcast_to(np.float32(0), value.shape) for name, value in net.state_dict().items()}
    source = Source(Path("x.pyth"), "", PTV_SLOWFAST, arrays, ours, (), None, None, None)
    if message:
        with pytest.raises(ConvertError, match=message):
            settle(source, None, [])
    else:
        settled = settle(source, None, [])
        assert settled.assumed == preset and settled.config.model.fusion.kernel == kernel


@pytest.mark.parametrize(("steps", "kept"), [("[0, 4]", True), ("[0, 4, 2]", False)])
def test_a_schedule_never_stops_a_conversion(tmp_path, steps, kept):
    text = (
        "MODEL:\n  NUM_CLASSES: 5\nSLOWFAST:\n  ALPHA: 4\n  BETA_INV: 4\nRESNET:\n  WIDTH_PER_GROUP: 8\nDATA:\n  NUM_FRAMES: 16\n"
    )
    text += f"SOLVER:\n  LR_POLICY: steps_with_relative_lrs\n  STEPS: {steps}\n  LRS: [1, 0.1, 0.01, 0.001]\n  MAX_EPOCH: 9\n"
    source, _ = _foreign(tmp_path, cfg=text)
    converted = convert_file(source, tmp_path / "ours")
    assert (converted.sidecar["config"]["train"]["epochs"] == 9) == kept
    assert [note[:29] for note in converted.notes] == ([] if kept else ["how the weights were trained "])


def test_open_questions_are_refused(tmp_path):
    source, config = _foreign(tmp_path)
    with pytest.raises(ConvertError, match="no published preset has this shape"):
        convert_file(source, tmp_path / "ours")
    with pytest.raises(ConvertError, match="another network: stems"):
        convert_file(source, tmp_path / "ours", config="slowfast_4x16_r50")
    with pytest.raises(ConvertError, match="not named as mmaction2"):
        convert_file(source, tmp_path / "ours", layout="mmaction2", config=config)


def test_x3d_is_ambiguous(tmp_path):
    config = load_config("x3d_s", ["model.num_classes=6"])
    net = build_model(config.model, config.data.num_frames, config.data.crop_px)
    write_torch(tmp_path / "x.pyth", {"model_state": export_state(LAYOUTS["pyslowfast"], net.spec, arrays(net))})
    with pytest.raises(ConvertError, match="x3d_m, x3d_s, x3d_xs"):
        convert_file(tmp_path / "x.pyth", tmp_path / "ours")
    assert convert_file(tmp_path / "x.pyth", tmp_path / "ours", config="x3d_xs").sidecar["config"]["data"]["num_frames"] == 4


@pytest.mark.parametrize("how", ["i3d", "centre"])
def test_inflation(how):
    kernel = np.random.default_rng(0).standard_normal((2, 3, 3, 3)).astype("f4")
    targets = {"a": np.zeros((2, 3, 5, 3, 3), "f4"), "n": np.zeros(2, "f4"), "head.classifier.bias": np.ones(4, "f4")}
    full, initial = inflate({"a": kernel, "n": np.ones(2, "f4")}, targets, how)
    np.testing.assert_allclose(full["a"].sum(2), kernel, rtol=1e-6)  # a still video sees the image's kernel
    assert initial == ["head.classifier.bias"] and full["n"].sum() == 2
    if how == "centre":
        np.testing.assert_array_equal(full["a"][:, :, 2], kernel)
    with pytest.raises(ConvertError, match="does not inflate"):
        inflate({"a": kernel[:1], "n": np.ones(2, "f4")}, targets, how)


@pytest.mark.parametrize("layout", ["torchvision", "paddle"])
def test_imagenet_file(tmp_path, layout):
    """An image ResNet-50 of width 8 in its own names, into an I3D of the same width."""
    config, net = network("i3d")
    table = LAYOUTS["imagenet"][0 if layout == "torchvision" else 1]
    state = {}
    for name, value in arrays(net).items():
        theirs = table.theirs(name)
        if theirs is not None:
            state[theirs] = value[:, :, 0] if value.ndim == 5 else value
    state |= {"fc.weight": np.zeros((1000, 256), "f4"), "fc.bias": np.zeros(1000, "f4")}
    write_torch(tmp_path / "r50.pth", state)
    (tmp_path / "i3d.yaml").write_text(dump_config(config))
    sidecar = convert_file(tmp_path / "r50.pth", tmp_path / "ours", config=str(tmp_path / "i3d.yaml")).sidecar
    assert sidecar["source"]["inflation"] == "i3d" and sidecar["source"]["initial"] == [
        "head.classifier.weight",
        "head.classifier.bias",
    ]
    assert {"fc.weight", "fc.bias"} <= set(sidecar["source"]["ignored"])


def test_fine_tuning(caplog):
    _, old = network("slowfast")
    _, new = network("slowfast", "model.num_classes=9")
    before = new.head.classifier.weight.numpy()
    loaded, missed = load_backbone(new, arrays(old))
    assert not missed and len(loaded) == len(arrays(new)) - 2
    np.testing.assert_array_equal(new.stems[0].conv.weight.numpy(), old.stems[0].conv.weight.numpy())
    np.testing.assert_array_equal(new.head.classifier.weight.numpy(), before)
    _, other = network("slowfast", "model.width=16")
    first = other.stems[0].conv.weight.numpy()
    with pytest.raises(CheckpointError, match="of the backbone is in these weights"):
        load_backbone(other, arrays(old))
    np.testing.assert_array_equal(other.stems[0].conv.weight.numpy(), first)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_torch_reads_what_we_write(tmp_path):
    import torch

    state = collections.OrderedDict(w=np.random.default_rng(0).standard_normal((2, 3)).astype("f4"), n=np.zeros((), "i8"))
    write_torch(tmp_path / "x.pth", {"epoch": 1, "model_state": state, "cfg": "", "meta": {"CLASSES": ("a", "b")}})
    read = torch.load(tmp_path / "x.pth", weights_only=True)
    for name, value in state.items():
        np.testing.assert_array_equal(read["model_state"][name].numpy(), value)
