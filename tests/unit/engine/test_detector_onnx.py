"""The person detector adapter on an ONNX model with the inputs and outputs of PaddleDetection; needs no Paddle."""

import sys

import numpy as np
import pytest

from slowfast_paddle.engine.detector import Detector
from slowfast_paddle.errors import DataError, DependencyError

CONFIG = """
Preprocess:
- {type: Resize, interp: 1, keep_ratio: false, target_size: [32, 64]}
- {type: NormalizeImage, is_scale: true, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}
- {type: Permute}
label_list: [person]
"""


def write_model(folder, image="image"):
    """Two people and a doubtful one, at fixed fractions of the picture whatever it shows."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    constants = {
        "fractions": np.array([[0.5, 0.5, 1, 1], [0, 0, 0.5, 0.5], [0.1, 0.1, 0.2, 0.2]], np.float32),
        "heads": np.array([[0, 0.6], [0, 0.9], [0, 0.2]], np.float32),
        "xyxy": np.array([1, 0, 1, 0], np.int64),
    }
    nodes = [
        helper.make_node("Div", ["im_shape", "scale_factor"], ["size"]),
        helper.make_node("Gather", ["size", "xyxy"], ["corners"], axis=1),
        helper.make_node("Mul", ["fractions", "corners"], ["boxes"]),
        helper.make_node("ReduceMax", [image], ["largest"], keepdims=0),
        helper.make_node("Sub", ["largest", "largest"], ["zero"]),
        helper.make_node("Add", ["heads", "zero"], ["scored"]),
        helper.make_node("Concat", ["scored", "boxes"], ["rows"], axis=1),
    ]
    inputs = [
        helper.make_tensor_value_info(name, float32, shape)
        for name, shape in (("im_shape", [1, 2]), (image, [1, 3, 32, 64]), ("scale_factor", [1, 2]))
    ]
    rows = helper.make_tensor_value_info("rows", float32, [3, 6])
    tensors = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "people", inputs, [rows], tensors), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    onnx.checker.check_model(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "infer_cfg.yml").write_text(CONFIG)


def test_people_come_back_in_fractions_best_first(tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    write_model(tmp_path)
    people = Detector(tmp_path, threshold=0.5)(np.zeros((240, 320, 3), np.uint8))
    np.testing.assert_allclose(people.scores, [0.9, 0.6], rtol=1e-6)
    np.testing.assert_allclose(people.boxes, [[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], atol=1e-6)


def test_other_inputs_are_named(tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    write_model(tmp_path, image="pixels")
    with pytest.raises(DataError, match="takes inputs im_shape, pixels, scale_factor; expected image"):
        Detector(tmp_path)


def test_a_damaged_model_is_named(tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    (tmp_path / "model.onnx").write_bytes(b"no model")
    (tmp_path / "infer_cfg.yml").write_text(CONFIG)
    with pytest.raises(DataError, match=r"model\.onnx: cannot be loaded"):
        Detector(tmp_path)


def test_without_onnxruntime_the_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "model.onnx").write_bytes(b"")
    (tmp_path / "infer_cfg.yml").write_text(CONFIG)
    with pytest.raises(DependencyError, match="pip install onnxruntime"):
        Detector(tmp_path)
