"""A few frames of a video as the network saw them, for reports."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from slowfast_paddle.data.kinetics import VideoViewsDataset
from slowfast_paddle.data.records import from_paths
from slowfast_paddle.data.sampling import ClipShape
from slowfast_paddle.errors import DecodeError
from slowfast_paddle.views import cut_view, num_views


def middle_view(path: str | Path, reading: Mapping, count: int = 6) -> np.ndarray:
    """Evenly spread frames of the middle view of a video.

    Args:
        path: a video or a frame folder.
        reading: how evaluation read it: num_frames, sampling_rate, target_fps, num_clips, num_crops, short_side_px, crop_px,
            protocol. What is missing takes the usual 32 x 2, 10 x 3, 256 px.
        count: frames at most.

    Returns:
        uint8 [n, crop, crop, 3].

    Raises:
        DecodeError: the video cannot be read.
    """
    frames = reading.get("num_frames", 32), reading.get("sampling_rate", 2), reading.get("target_fps", 30.0)
    shape = ClipShape(*frames, reading.get("frame_sampling", "window"))
    grid = {key: reading[key] for key in ("num_clips", "num_crops", "short_side_px", "crop_px", "protocol") if reading.get(key)}
    item = VideoViewsDataset(from_paths([str(path)]), shape, **grid)[0]
    if item["error"]:
        raise DecodeError(item["error"])
    return thin_out(cut_view(item, num_views(item) // 2), count)


def thin_out(clip: np.ndarray, count: int) -> np.ndarray:
    """At most `count` frames of a clip [T, H, W, 3], evenly spread, first and last included."""
    return clip[np.linspace(0, len(clip) - 1, min(count, len(clip))).round().astype(int)]
