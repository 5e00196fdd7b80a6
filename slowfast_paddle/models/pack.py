"""From decoded frames to the pathways of a network, on the device that computes."""

from collections.abc import Mapping, Sequence

import numpy as np
import paddle
from paddle import nn


class PackPathways(nn.Layer):
    """uint8 [B, T, H, W, 3], a tensor or an array -> one float32 [B, 3, T_p, H, W] per pathway, normalised.

    Args:
        mean, std: of R, G and B scaled to 0..1.
        indices: the frames of each pathway, slow first.
        reverse_channels: the network sees BGR.
        other_indices: the same as `indices` for clips of other lengths, by length (multigrid).
    """

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        indices: Sequence[Sequence[int]],
        reverse_channels: bool = False,
        other_indices: Mapping[int, Sequence[Sequence[int]]] | None = None,
    ):
        super().__init__()
        # 1/255 is folded into both, which saves a pass over the pixels. Not part of a state dict.
        self.register_buffer("mean", paddle.to_tensor([255.0 * m for m in mean], "float32"), persistable=False)
        self.register_buffer("scale", paddle.to_tensor([1.0 / (255.0 * s) for s in std], "float32"), persistable=False)
        self.indices = [tuple(int(i) for i in pathway) for pathway in indices]
        self.reverse_channels = reverse_channels
        self.other_indices = dict(other_indices or {})

    def forward(self, frames):
        clip = self.normalised(frames)
        return tuple(self._pick(clip, tuple(pathway)) for pathway in self._indices(clip.shape[2]))

    def arrays(self, frames: np.ndarray) -> tuple[np.ndarray, ...]:
        """What `forward` gives, bit by bit, as arrays: for programs that take them.

        A third of the time and a quarter of the memory of Paddle's operators, each of which makes a copy in float32.
        """
        batch, count, height, width, channels = frames.shape
        clip = np.empty((batch, channels, count, height, width), np.float32)
        for channel, (mean, scale) in enumerate(zip(self.mean.numpy(), self.scale.numpy())):
            place = clip[:, channels - 1 - channel if self.reverse_channels else channel]
            np.subtract(frames[..., channel], mean, out=place, dtype=np.float32)
            np.multiply(place, scale, out=place)
        everything = tuple(range(count))
        return tuple(clip if tuple(i) == everything else np.take(clip, i, axis=2) for i in self._indices(count))

    def _indices(self, count: int) -> Sequence[Sequence[int]]:
        return self.other_indices.get(count, self.indices)

    def normalised(self, frames):
        """uint8 [B, T, H, W, 3] -> float32 [B, 3, T, H, W], every frame."""
        frames = paddle.to_tensor(frames) if isinstance(frames, np.ndarray) else frames
        clip = (frames.astype("float32") - self.mean) * self.scale
        clip = clip.transpose([0, 4, 1, 2, 3])  # [B, 3, T, H, W]
        return clip.flip([1]) if self.reverse_channels else clip

    @staticmethod
    def _pick(clip, pathway: tuple[int, ...]):
        if pathway == tuple(range(clip.shape[2])):
            return clip
        return paddle.index_select(clip, paddle.to_tensor(pathway, "int32"), axis=2)
