"""A file in its true format -> convert -> load_model -> the reference's numbers -> back, bit for bit."""

import collections
import importlib.util
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

from slowfast_paddle.app.weights import load_model
from slowfast_paddle.config.load import load_config
from slowfast_paddle.convert.convert import convert_file, export_file
from slowfast_paddle.convert.proof import TOLERANCE, noise, prove, run
from slowfast_paddle.convert.torch_file import write_torch
from slowfast_paddle.unpickle import load
from tests.conftest import SHARED

FOLDER = SHARED / "golden" / "models"
if not FOLDER.is_dir():
    pytest.skip(f"{FOLDER} is absent; set SLOWFAST_SHARED to the folder that holds golden/", allow_module_level=True)
TORCH_LAYOUTS = {"pyslowfast": "model_state", "pytorchvideo": "model_state", "mmaction2": "state_dict"}

# case -> what neither its names nor its shapes say: a preset where several fit, and the small crop it was recorded with
CASES = {
    "mm_slowfast_r50_4x16_c64": (None, []),
    "mm_slowfast_r50_4x16_latnorm_c96": (None, []),
    "pv_slowfast_4x16_c64": (None, ["data.crop_px=64"]),
    "pm_slowfast_4x16_c64": (None, ["data.crop_px=64"]),
    "c2_slowfast_4x16_r50_c64": (None, ["data.crop_px=64"]),
    "psf_c2d_8x8_r50_c96": (None, ["data.crop_px=96"]),
    "psf_i3d_8x8_r50_c64_test96x128": (None, ["data.crop_px=64"]),
    "psf_x3d_s_160": ("x3d_s", []),
    "psf_slowfast_8x8_r50_c64": ("slowfast_8x8_r50", ["data.crop_px=64"]),
    "psf_slowfast_nln_4x16_r50_c96": (None, ["data.crop_px=96"]),
    "psf_slowfast_8x8_r50_multigrid_c64_test96": ("slowfast_8x8_r50", ["data.crop_px=64", "model.head.pool=adaptive"]),
    "psf_slow_8x8_r50_c64": ("slow_8x8_r50", ["data.crop_px=64"]),
    "psf_x3d_s_test182": ("x3d_s", []),
    "psf_slowfast_4x16_r50_224": (None, []),
    "psf_slowfast_4x16_r50_test256": (None, []),
    "ptv_slow_r50_test256": (None, []),
    "ptv_slowfast_r50_224": (None, []),
    "psf_ava_slowfast_32x2_r50_short": (None, []),
}
QUICK = ("mm_slowfast_r50_4x16_c64", "pv_slow", "c2_slow", "psf_c2d", "psf_x3d_s_160", "ptv_slow_r50")


def _recipe():
    spec = importlib.util.spec_from_file_location("golden_recipe", FOLDER / "recipe.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def foreign_file(name, folder):
    """The case's checkpoint in the container its project writes, and its weights by foreign name."""
    case = json.loads((FOLDER / f"{name}.json").read_text())
    layout, recipe = case["layout"], _recipe()
    in_out = layout in ("paddlevideo", "paddle_models")
    state = collections.OrderedDict((key, recipe.weight(key, shape, in_out)) for key, shape in case["params"])
    path = folder / name
    if layout == "caffe2":
        extra = {key: recipe.weight(key, shape) for key, shape in case["caffe2"]["distractors_same_recipe"]}
        blobs = {**state, **extra, "lr": np.array([0.1], "f4"), "model_iter": np.array([196000])}
        path.write_bytes(pickle.dumps({"blobs": blobs}, protocol=2))
    elif in_out:
        table = {"StructuredToParameterName@@": {key: f"param_{i}" for i, key in enumerate(state)}}
        path.write_bytes(pickle.dumps({**state, **table}, protocol=2))
    else:
        content = {"epoch": 195, "cfg": "", TORCH_LAYOUTS[layout]: state}
        if importlib.util.find_spec("torch"):
            import torch

            content[TORCH_LAYOUTS[layout]] = collections.OrderedDict((k, torch.from_numpy(v.copy())) for k, v in state.items())
            torch.save(content, path)
        else:
            write_torch(path, content)
    return path, case, state


@pytest.mark.parametrize("name", [pytest.param(c, marks=() if c.startswith(QUICK) else pytest.mark.full) for c in CASES])
def test_there_and_back(name, tmp_path):
    source, case, state = foreign_file(name, tmp_path)
    config, overrides = CASES[name]
    converted = convert_file(source, tmp_path / "ours.pdparams", config=config, overrides=overrides)
    network = load_model(converted.path)
    arrays = np.load(FOLDER / f"{name}.npz")
    clip = noise(case["input"]["case_seed"], tuple(case["input"]["full_rate_shape"]))
    boxes = arrays["boxes"] if "boxes" in arrays.files else None
    settings = load_config(converted.sidecar["config"])
    logits, scores = run(settings, network, clip, case["packing"].get("slow_indices"), boxes)
    assert np.abs(logits - arrays["logits"]).max() <= TOLERANCE * np.abs(arrays["logits"]).max()
    assert np.abs(scores - arrays["probs"]).max() <= TOLERANCE
    if case["layout"] in TORCH_LAYOUTS:
        export_file(converted.path, tmp_path / "back.pth", case["layout"])
        back = load(tmp_path / "back.pth")[TORCH_LAYOUTS[case["layout"]]]
        assert set(back) == set(state)
        for key, value in state.items():
            np.testing.assert_array_equal(back[key], value, err_msg=key)
            assert back[key].dtype == value.dtype, key


def test_sidecar_and_proof(tmp_path):
    source, case, _ = foreign_file("mm_slowfast_r50_4x16_c64", tmp_path)
    converted = convert_file(source, tmp_path / "ours.pdparams")
    facts = json.loads((tmp_path / "ours.json").read_text())
    assert facts["source"]["layout"] == "mmaction2" and facts["source"]["assumed"] == "slowfast_4x16_r50"
    assert facts["protocol"]["name"] == "mmaction2" and facts["protocol"]["head_pool"] == "adaptive"
    assert len(facts["class_names"]) == 400 and facts["class_names"][0] == "abseiling"
    proof = prove(converted, FOLDER / "mm_slowfast_r50_4x16_c64.npz")
    assert proof["parameters"] == case["n_params"] and proof["verified"]["passed"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")
def test_memory_of_a_140_mb_file(tmp_path):
    source, _, _ = foreign_file("psf_slowfast_4x16_r50_224", tmp_path)
    code = (
        "import sys; from slowfast_paddle.convert.convert import convert_file; convert_file(sys.argv[1], sys.argv[2]);"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, source, tmp_path / "o.pdparams"], capture_output=True, text=True, check=True
    )
    assert int(done.stdout.split()[-1]) * 1024 < 1e9
