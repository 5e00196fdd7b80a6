"""Run a converted network on a fixed input and compare it with recorded reference output."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F

from slowfast_paddle import checkpoint
from slowfast_paddle.config.load import load_config
from slowfast_paddle.config.schema import Config
from slowfast_paddle.convert.convert import Converted
from slowfast_paddle.errors import ConvertError
from slowfast_paddle.models.registry import build_model

# The seed of the golden inputs, to which a case adds its own.
_SEED = 20260101
TOLERANCE = 1e-4


def prove(converted: Converted, golden: Path | None = None) -> dict[str, Any]:
    """A record of what the converted weights compute.

    Args:
        golden: an npz with `logits` and `probs`, and beside it the json that says which input they belong to.

    Returns:
        JSON-ready facts: counts, ignored tensors, digest of the output on a fixed input, differences to `golden`.

    Raises:
        ConvertError: the golden files are missing or belong to another network.
    """
    config = load_config(converted.sidecar["config"])
    network = build_model(config.model, config.data.num_frames, config.data.crop_px)
    state = checkpoint.load_state(converted.path)
    checkpoint.load_weights(network, state, converted.path)
    network.eval()
    statistics = sum(value.size for name, value in state.items() if name.endswith(("._mean", "._variance")))
    report: dict[str, Any] = {
        "weights": converted.path.name,
        "source": converted.sidecar["source"],
        "tensors": len(state),
        "parameters": int(sum(value.size for value in state.values()) - statistics),
        "statistics": int(statistics),
        "fixed_input": _fixed_output(config, network),
    }
    if golden is not None:
        report["verified"] = _verify(config, network, golden)
    return report


def _fixed_output(config: Config, network) -> dict[str, Any]:
    """The output on noise of the training size."""
    side = config.data.crop_px
    clip = noise(0, (1, 3, config.data.num_frames, side, side))
    boxes = np.array([[0, 0, 0, side - 1, side - 1]], np.float32) if config.model.head.kind == "roi" else None
    logits, _ = run(config, network, clip, None, boxes)
    return {
        "shape": list(clip.shape),
        "seed": _SEED,
        "logits_sha256": hashlib.sha256(logits.astype("<f4").tobytes()).hexdigest(),
        "logits_first": [float(value) for value in logits.ravel()[:8]],
        "logits_mean": float(logits.mean()),
        "logits_std": float(logits.std()),
    }


def noise(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """The standard normal clip [B, 3, T, H, W] that golden outputs belong to."""
    return np.random.Generator(np.random.PCG64(_SEED + seed)).standard_normal(shape).astype(np.float32)


def run(config: Config, network, clip: np.ndarray, slow: Any, boxes: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """(logits, scores) of a clip, each the mean over the head's positions.

    Args:
        slow: frame indices of the slow pathway; None for the reference's truncated linspace.
        boxes: for RoI heads, rows of (clip, x1, y1, x2, y2) in px.
    """
    pathways = (clip,)
    if config.model.architecture == "slowfast":
        frames = clip.shape[2]
        index = np.linspace(0, frames - 1, frames // config.model.alpha).astype(int) if slow is None else np.asarray(slow)
        pathways = (np.ascontiguousarray(clip[:, :, index]), clip)
    tensors = tuple(paddle.to_tensor(part) for part in pathways)
    activation = F.sigmoid if config.model.head.activation == "sigmoid" else F.softmax
    with paddle.no_grad():
        if boxes is None:
            positions = network(tensors)
            return positions.mean(1).numpy(), activation(positions).mean(1).numpy()
        order = np.argsort(boxes[:, 0], kind="stable")  # Paddle's RoIAlign wants the boxes grouped by clip
        counts = np.bincount(boxes[:, 0].astype(int), minlength=clip.shape[0]).astype("int32")
        rows = paddle.to_tensor(boxes[order, 1:].astype("float32"))
        logits = network(tensors, rows, paddle.to_tensor(counts))
        back = np.argsort(order, kind="stable")
        return logits.numpy()[back], activation(logits).numpy()[back]


def _verify(config: Config, network, golden: Path) -> dict[str, Any]:
    case_file = golden.with_suffix(".json")
    if not golden.is_file() or not case_file.is_file():
        raise ConvertError(f"{golden}: expected an npz of outputs and {case_file.name} beside it, which says what the input was")
    case: Mapping[str, Any] = json.loads(case_file.read_text(encoding="utf-8"))
    arrays = np.load(golden)
    boxes = arrays.get("boxes")
    clip = noise(case["input"]["case_seed"], tuple(case["input"]["full_rate_shape"]))
    logits, scores = run(config, network, clip, case["packing"].get("slow_indices"), boxes)
    if logits.shape != arrays["logits"].shape:
        raise ConvertError(
            f"{golden}: outputs of shape {arrays['logits'].shape}, the network gives {logits.shape}; it is another network's"
        )
    relative = float(np.abs(logits - arrays["logits"]).max() / np.abs(arrays["logits"]).max())
    return {
        "golden": golden.name,
        "largest_logit_difference": float(np.abs(logits - arrays["logits"]).max()),
        "largest_relative_difference": relative,
        "largest_score_difference": float(np.abs(scores - arrays["probs"]).max()),
        "tolerance": TOLERANCE,
        "passed": relative <= TOLERANCE,
    }
