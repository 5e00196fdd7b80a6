"""Grad-CAM: which places of each pathway speak for a class."""

from collections.abc import Sequence

import numpy as np
import paddle

from slowfast_paddle.errors import ConfigError


def grad_cam(network: paddle.nn.Layer, pathways: Sequence[paddle.Tensor], class_index: int) -> list[np.ndarray]:
    """Heat maps of one clip, one per pathway.

    Args:
        network: a classification network in eval mode with `features` and `head`.
        pathways: float32 [1, 3, T_p, H, W] each.
        class_index: the class to explain.

    Returns:
        Per pathway float32 [T_p', h, w] of its last map, 0..1; one scale for all pathways, so that they can be compared. All
        zero when nothing speaks for the class.

    Raises:
        ConfigError: a Layer of a plugin that shows no maps.

    Source: Selvaraju et al. 2017, equations 1 and 2, over time and space.
    """
    if not (hasattr(network, "features") and hasattr(network, "head")):
        raise ConfigError(f"{type(network).__name__} has no maps to look at; expected methods features(pathways) and head(maps)")
    with paddle.no_grad():
        maps = network.features(tuple(pathways))
    for x in maps:  # gradients are needed from the last maps on only
        x.stop_gradient = False
    score = network.head(maps)[:, :, class_index].mean()
    heats = []
    for x, gradient in zip(maps, paddle.grad(score, list(maps))):
        weights = gradient.mean([2, 3, 4], keepdim=True)
        heats.append(paddle.nn.functional.relu((weights * x).sum(1))[0].numpy())
    peak = max(float(heat.max()) for heat in heats)
    return [heat / peak if peak > 0 else heat for heat in heats]
