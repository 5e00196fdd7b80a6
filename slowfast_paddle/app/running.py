"""What runs a network in evaluation and prediction: itself, or its compiled form on the CPU."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from paddle import nn

from slowfast_paddle.config.schema import Config
from slowfast_paddle.export.compile import CompiledNetwork
from slowfast_paddle.export.engines import check_precision
from slowfast_paddle.models.pack import PackPathways


def runner_of(config: Config, network: nn.Layer, gpu: bool, example: Sequence[np.ndarray] | None = None) -> Callable[..., Any]:
    """What to call instead of the network, for the same logits.

    Args:
        network: in eval mode, its weights final.
        example: as in `CompiledNetwork`, for inputs that differ in size from video to video.

    Raises:
        ConfigError: test.precision is not one of this machine.
    """
    compiled = config.test.compiled and not gpu
    check_precision(config.test.precision, compiled)
    return CompiledNetwork(network, example=example, precision=config.test.precision) if compiled else network


def pack_for(runner: Callable[..., Any], pack: PackPathways) -> Callable[[np.ndarray], tuple]:
    """How a runner wants its pathways: on the network's device, or as the arrays a compiled program takes."""
    return pack.arrays if isinstance(runner, CompiledNetwork) else pack


def example_clip(network: nn.Layer, size: int, boxes: int = 0) -> list[np.ndarray]:
    """Noise to compile and verify a program with that takes clips of every length and size.

    Returns:
        [1, 3, T_p, H, W] for each pathway; then boxes [R, 4] and their number [1] for a region network.
    """
    noise = np.random.default_rng(0)
    clips = [noise.normal(size=(1, 3, p.frames, size, size)).astype(np.float32) for p in network.spec.pathways]
    if not boxes:
        return clips
    corners = np.sort(noise.uniform(0, size, (boxes, 2, 2)), axis=1)
    return [*clips, corners.reshape(boxes, 4).astype(np.float32), np.array([boxes], np.int32)]
