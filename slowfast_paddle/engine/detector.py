"""People in a picture, found by an exported detector.

A folder exported by PaddleDetection holds infer_cfg.yml beside model.pdmodel (or model.json) and model.pdiparams; the same
folder may hold model.onnx instead. Output rows are class, score, x1, y1, x2, y2 in px of the picture.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from slowfast_paddle.errors import DataError, DependencyError

CONFIG = "infer_cfg.yml"
PERSON = "person"
_INTERPOLATION = {0: cv2.INTER_NEAREST, 1: cv2.INTER_LINEAR, 2: cv2.INTER_CUBIC, 3: cv2.INTER_AREA, 4: cv2.INTER_LANCZOS4}
Inputs = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class People:
    """Boxes of one picture. Shapes: boxes float64 [N, 4] as fractions x1, y1, x2, y2, scores float64 [N], best first."""

    boxes: np.ndarray
    scores: np.ndarray


class Detector:
    """Calls an exported detector on RGB pictures."""

    def __init__(self, folder: str | Path, threshold: float = 0.5, use_gpu: bool = False) -> None:
        """Read the folder and load the model.

        Args:
            threshold: lowest score of a person.

        Raises:
            DataError: the folder is not an exported detector, or asks for a step that is not known.
            DependencyError: model.onnx without onnxruntime.
        """
        folder = Path(folder)
        config = _read_config(folder)
        self._steps = [_step(folder, entry) for entry in config["Preprocess"]]
        names = [str(name) for name in config.get("label_list", [])]
        if names and PERSON not in names:
            raise DataError(
                f"{folder / CONFIG}: label_list has no class {PERSON!r} ({', '.join(names[:5])}, ...); the demo needs people"
            )
        self._person = names.index(PERSON) if names else 0
        self._threshold = threshold
        self._run, self._names = _load(folder, use_gpu)

    def __call__(self, picture: np.ndarray) -> People:
        """Find the people of a picture, uint8 [H, W, 3] RGB."""
        height, width = picture.shape[:2]
        image, scale = picture.astype(np.float32), np.ones(2, dtype=np.float32)
        for step in self._steps:
            image, scale = step(image, scale)
        inputs = {
            "image": image[None].astype(np.float32),
            "im_shape": np.array([image.shape[1:]], dtype=np.float32),
            "scale_factor": scale[None].astype(np.float32),
        }
        rows = np.asarray(self._run({name: inputs[name] for name in self._names}), dtype=np.float64).reshape(-1, 6)
        rows = rows[(rows[:, 0] == self._person) & (rows[:, 1] >= self._threshold)]
        rows = rows[np.argsort(-rows[:, 1], kind="stable")]
        boxes = np.clip(rows[:, 2:] / [width, height, width, height], 0.0, 1.0)
        real = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        return People(boxes[real], rows[real, 1])


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    if not path.is_file():
        raise DataError(
            f"{folder}: holds no {CONFIG}; expected a folder exported by PaddleDetection's tools/export_model.py"
            f" ({CONFIG}, model.pdmodel, model.pdiparams)"
        )
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as err:
        raise DataError(f"{path}: not a YAML file ({str(err).splitlines()[0]})") from err
    if not isinstance(config, dict) or not isinstance(config.get("Preprocess"), list):
        raise DataError(f"{path}: lists no Preprocess steps; expected the {CONFIG} of an exported detector")
    return config


def _load(folder: Path, use_gpu: bool) -> tuple[Callable[[Inputs], np.ndarray], list[str]]:
    """A function from inputs to rows, and the names of the inputs."""
    programs = [path for path in (folder / "model.pdmodel", folder / "model.json") if path.is_file()]
    if programs and (folder / "model.pdiparams").is_file():
        return _load_paddle(programs[0], folder / "model.pdiparams", use_gpu)
    if (folder / "model.onnx").is_file():
        return _load_onnx(folder / "model.onnx")
    raise DataError(f"{folder}: holds no model; expected model.pdmodel (or model.json) with model.pdiparams, or model.onnx")


def _load_paddle(program: Path, weights: Path, use_gpu: bool) -> tuple[Callable[[Inputs], np.ndarray], list[str]]:
    import paddle
    from paddle import inference

    if program.suffix == ".json" and paddle.__version__.startswith("2."):  # it would end with a segmentation fault
        raise DataError(
            f"{program}: is a model of Paddle 3, and this is Paddle {paddle.__version__}; export model.pdmodel, or use Paddle 3"
        )
    config = inference.Config(str(program), str(weights))
    if use_gpu:
        config.enable_use_gpu(256, 0)
    config.disable_glog_info()
    try:
        predictor = inference.create_predictor(config)
    except (ValueError, RuntimeError, OSError) as err:
        raise DataError(
            f"{program}: Paddle {paddle.__version__} cannot load it ({str(err).strip().splitlines()[-1].strip()});"
            " export the detector again, with this Paddle or an older one"
        ) from err
    names = _known(program, predictor.get_input_names())

    def run(inputs: Inputs) -> np.ndarray:
        for name, value in inputs.items():
            predictor.get_input_handle(name).copy_from_cpu(np.ascontiguousarray(value))
        predictor.run()
        return predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()

    return run, names


def _load_onnx(path: Path) -> tuple[Callable[[Inputs], np.ndarray], list[str]]:
    try:
        import onnxruntime
    except ImportError as err:
        raise DependencyError(f"{path} needs onnxruntime: pip install onnxruntime") from err
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    try:
        session = onnxruntime.InferenceSession(str(path), providers=onnxruntime.get_available_providers())
    except (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented) as err:
        raise DataError(f"{path}: cannot be loaded ({str(err).splitlines()[0]}); export the detector again") from err
    names = _known(path, [entry.name for entry in session.get_inputs()])
    return lambda inputs: session.run(None, dict(inputs))[0], names


def _known(path: Path, names: list[str]) -> list[str]:
    strange = set(names) - {"image", "im_shape", "scale_factor"}
    if strange or "image" not in names:
        raise DataError(f"{path}: takes inputs {', '.join(names)}; expected image, and im_shape and scale_factor where needed")
    return list(names)


def _step(folder: Path, entry: Mapping[str, Any]) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """One preprocessing step: (image, scale y x) -> the same. Source: PaddleDetection deploy/python/preprocess.py."""
    kind = entry.get("type")
    if kind == "Resize":
        return lambda image, scale: _resize(image, scale, entry)
    if kind == "NormalizeImage":
        return lambda image, scale: (_normalize(image, entry), scale)
    if kind == "Permute":
        return lambda image, scale: (np.ascontiguousarray(image.transpose(2, 0, 1)), scale)
    if kind == "PadStride":
        return lambda image, scale: (_pad(image, int(entry.get("stride", 0))), scale)
    raise DataError(f"{folder / CONFIG}: step {kind!r} is not known; expected Resize, NormalizeImage, Permute or PadStride")


def _resize(image: np.ndarray, scale: np.ndarray, entry: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    height, width = image.shape[:2]
    target = entry["target_size"]
    target_height, target_width = (target, target) if isinstance(target, int) else target
    if entry.get("keep_ratio"):
        factor = min(min(target_height, target_width) / min(height, width), max(target_height, target_width) / max(height, width))
        factors = np.array([factor, factor], dtype=np.float32)
    else:
        factors = np.array([target_height / height, target_width / width], dtype=np.float32)
    interpolation = _INTERPOLATION[int(entry.get("interp", 1))]
    return cv2.resize(image, None, fx=float(factors[1]), fy=float(factors[0]), interpolation=interpolation), scale * factors


def _normalize(image: np.ndarray, entry: Mapping[str, Any]) -> np.ndarray:
    image = image / 255.0 if entry.get("is_scale", True) else image
    if entry.get("norm_type", "mean_std") == "none":
        return image
    return (image - np.array(entry["mean"], dtype=np.float32)) / np.array(entry["std"], dtype=np.float32)


def _pad(image: np.ndarray, stride: int) -> np.ndarray:
    """Zeros below and right of [C, H, W] up to multiples of stride."""
    if stride <= 0:
        return image
    height, width = image.shape[1:]
    return np.pad(image, ((0, 0), (0, -height % stride), (0, -width % stride)))
