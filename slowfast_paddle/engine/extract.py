"""Features of sliding windows, stored with their times, frame rate and stride."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import paddle

from slowfast_paddle.errors import ConfigError
from slowfast_paddle.files import replacing
from slowfast_paddle.views import cut_views, num_views


@dataclass(frozen=True, eq=False)
class Features:
    """Features of the N windows of one video.

    Attributes:
        features: float32 [N, D]; the mean of the last maps, slow pathway first (2048 + 256 for SlowFast R50).
        start_sec, end_sec: float64 [N], span of each window in the video.
        fps: of the video, 1/s.
        stride_sec: between the starts of two windows.
    """

    features: np.ndarray
    start_sec: np.ndarray
    end_sec: np.ndarray
    fps: float
    stride_sec: float

    @property
    def timestamps(self) -> np.ndarray:
        """Centre of each window in seconds, float64 [N]."""
        return (self.start_sec + self.end_sec) / 2

    def save(self, path: str | Path) -> None:
        """Writes an .npz (features, timestamps, start_sec, end_sec, fps, stride_sec, window_sec), whole or not at all."""
        with replacing(path) as file:
            np.savez(
                file,
                features=self.features,
                timestamps=self.timestamps,
                start_sec=self.start_sec,
                end_sec=self.end_sec,
                fps=np.float64(self.fps),
                stride_sec=np.float64(self.stride_sec),
                window_sec=np.float64(self.end_sec[0] - self.start_sec[0]),
            )


class FeatureNet(paddle.nn.Layer):
    """The network up to its last maps, averaged over time and space: pathways to [B, D]."""

    def __init__(self, network: paddle.nn.Layer) -> None:
        """Raises ConfigError for a Layer of a plugin that shows no maps."""
        super().__init__()
        if not hasattr(network, "features"):
            raise ConfigError(
                f"{type(network).__name__} has no last maps to take features from; expected a method features(pathways)"
            )
        self.network = network

    def forward(self, pathways):
        """Tuple of [B, 3, T, H, W] to [B, D]."""
        return paddle.concat([x.mean([2, 3, 4]) for x in self.network.features(pathways)], axis=1)


def extract(items: Iterable[dict], run: Callable[[tuple], object], pack: Callable, stride_sec: float) -> Features:
    """Features of window after window; several crops of a window are averaged.

    Args:
        items: test items with "start_sec" and "end_sec", at least one.
        run: pathways to [B, D]: a FeatureNet in eval mode or its compiled form.
        pack: uint8 clips to pathways.
        stride_sec: between windows, to be stored.
    """
    rows, starts, ends, fps = [], [], [], 0.0
    with paddle.no_grad():
        for item in items:
            clips = cut_views(item, 0, num_views(item))
            rows.append(np.asarray(run(pack(clips)), dtype=np.float32).mean(axis=0))
            starts.append(item["start_sec"])
            ends.append(item["end_sec"])
            fps = item["fps"]
    return Features(np.stack(rows), np.array(starts), np.array(ends), float(fps), stride_sec)
