"""The person detector adapter, on a tiny exported network with the inputs and outputs of PaddleDetection."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest

from slowfast_paddle.engine.detector import Detector
from slowfast_paddle.errors import DataError

CONFIG = """
mode: paddle
arch: YOLO
Preprocess:
- {type: Resize, interp: 2, keep_ratio: false, target_size: [32, 64]}
- {type: NormalizeImage, is_scale: true, mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0], norm_type: none}
- {type: Permute}
label_list: [car, person]
"""


class _Detector(paddle.nn.Layer):
    """Answers with fixed rows at the size of the input, mapped back by the scale factor, as the real ones do."""

    def __init__(self):
        super().__init__()
        self.backbone = paddle.nn.Conv2D(3, 1, 1)

    def forward(self, im_shape, image, scale_factor):
        size = paddle.concat([im_shape[:, 1:], im_shape[:, :1], im_shape[:, 1:], im_shape[:, :1]], axis=1)
        scale = paddle.concat([scale_factor[:, 1:], scale_factor[:, :1], scale_factor[:, 1:], scale_factor[:, :1]], axis=1)
        fractions = paddle.to_tensor(
            [[0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.5, 0.5], [0.1, 0.1, 0.2, 0.2], [0.2, 0.2, 0.2, 0.4]], "float32"
        )
        heads = paddle.to_tensor([[1.0, 0.6], [1.0, 0.9], [0.0, 0.99], [1.0, 0.8]], "float32")
        return paddle.concat([heads, fractions * size / scale + self.backbone(image).mean() * 0], axis=1), paddle.to_tensor(
            [4], "int32"
        )


def export(folder):
    """Write the network in the form of this Paddle: model.json from 3 on, model.pdmodel before."""
    spec = [
        paddle.static.InputSpec([1, 2], "float32", "im_shape"),
        paddle.static.InputSpec([1, 3, 32, 64], "float32", "image"),
        paddle.static.InputSpec([1, 2], "float32", "scale_factor"),
    ]
    network = _Detector()
    network.eval()
    paddle.jit.save(network, str(folder / "model"), input_spec=spec)
    (folder / "infer_cfg.yml").write_text(CONFIG)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("detector")
    export(folder)
    return folder


def test_people_come_back_in_fractions_best_first(exported):
    people = Detector(exported, threshold=0.5)(np.zeros((240, 320, 3), np.uint8))
    np.testing.assert_allclose(people.scores, [0.9, 0.6], rtol=1e-6)  # the car and the box without area are left out
    np.testing.assert_allclose(people.boxes, [[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], atol=1e-6)
    assert len(Detector(exported, threshold=0.95)(np.zeros((24, 32, 3), np.uint8)).boxes) == 0


def test_the_older_form_is_read_too(tmp_path):
    code = f"from pathlib import Path; from tests.unit.engine.test_detector import export; export(Path({str(tmp_path)!r}))"
    environment = os.environ | {"FLAGS_enable_pir_api": "0"}
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], env=environment, check=True, capture_output=True)
    assert (tmp_path / "model.pdmodel").is_file()
    assert len(Detector(tmp_path)(np.zeros((24, 32, 3), np.uint8)).boxes) == 2


@pytest.mark.skipif(not paddle.__version__.startswith("2."), reason="Paddle 3 reads its own form")
def test_the_newer_form_is_refused_by_name(exported, tmp_path):
    for entry in exported.iterdir():
        (tmp_path / entry.name.replace("pdmodel", "json")).write_bytes(entry.read_bytes())
    with pytest.raises(DataError, match="is a model of Paddle 3"):
        Detector(tmp_path)


def test_a_damaged_model_is_named(exported, tmp_path):
    for entry in exported.iterdir():
        (tmp_path / entry.name).write_bytes(entry.read_bytes())
    (tmp_path / "model.pdiparams").write_bytes(b"")
    with pytest.raises(DataError, match="cannot load it"):
        Detector(tmp_path)


@pytest.mark.parametrize(
    "change, message",
    [
        (None, "holds no infer_cfg.yml"),
        (lambda text: "a: [", "not a YAML file"),
        (lambda text: "mode: paddle", "lists no Preprocess steps"),
        (lambda text: text.replace("Permute", "Rotate"), "step 'Rotate' is not known"),
        (lambda text: text.replace("person", "dog"), "label_list has no class 'person'"),
        (lambda text: text, "holds no model"),
    ],
)
def test_a_wrong_folder_is_named(tmp_path, change, message):
    if change:
        (tmp_path / "infer_cfg.yml").write_text(change(CONFIG))
    with pytest.raises(DataError, match=message):
        Detector(tmp_path)
