"""Two-dimensional ImageNet weights in a network over time."""

from collections.abc import Mapping

import numpy as np

from slowfast_paddle.errors import ConvertError


def inflate(
    state: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray], how: str
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Gives 2-D kernels [O, I, H, W] the temporal extent that the network has.

    Args:
        state: 2-D arrays by our name.
        targets: the network's initial arrays; the classifier keeps its own.
        how: i3d repeats a kernel over time and divides it, so that a still video gives the image's response (Carreira
            and Zisserman 2017, section 2.4); centre puts it in the middle of zeros.

    Returns:
        Arrays for the whole network, and the names that kept their initial values.

    Raises:
        ConvertError: the image network is another one than the video network.
    """
    full, initial = {}, []
    for name, target in targets.items():
        if name.startswith("head."):
            full[name] = target
            initial.append(name)
            continue
        if name not in state:
            raise ConvertError(f"the image network has nothing for {name}; expected a ResNet of the same depth and one pathway")
        value = state[name]
        full[name] = _over_time(value, target.shape[2], how) if value.ndim == 4 else value
        if full[name].shape != target.shape:
            raise ConvertError(
                f"{name} is {list(value.shape)} in the image network, which does not inflate to {list(target.shape)}"
            )
    left = [name for name in state if name not in targets]
    if left:
        raise ConvertError(f"the network has no place for {', '.join(left[:3])} of the image network")
    return full, initial


def _over_time(kernel: np.ndarray, frames: int, how: str) -> np.ndarray:
    if how == "i3d":
        return np.repeat(kernel[:, :, None], frames, axis=2) / np.float32(frames)
    full = np.zeros((*kernel.shape[:2], frames, *kernel.shape[2:]), kernel.dtype)
    full[:, :, frames // 2] = kernel
    return full
