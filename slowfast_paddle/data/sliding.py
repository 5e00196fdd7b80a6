"""Windows that slide over a video of any length: decoded once, in order, with only the frames of the open windows in memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from slowfast_paddle.data.decode import open_source
from slowfast_paddle.data.protocol import Protocol, get_protocol
from slowfast_paddle.data.sampling import ClipShape, frames_at_times, spread
from slowfast_paddle.data.source import ReadOptions, Timeline
from slowfast_paddle.data.transforms import RESIZERS, crop_offsets, resized_size
from slowfast_paddle.errors import DataError, DecodeError


@dataclass(frozen=True)
class Sliding:
    """How windows are laid over a video.

    Attributes:
        shape: frames of the fastest pathway and their stride.
        stride_sec: from the start of one window to the next; less than a frame's time counts as that.
        short_side_px, crop_px, num_crops, protocol: as in testing.
    """

    shape: ClipShape
    stride_sec: float = 1.0
    short_side_px: int = 256
    crop_px: int = 256
    num_crops: int = 1
    protocol: str | Protocol = "pyslowfast"
    options: ReadOptions = field(default_factory=ReadOptions)

    def __post_init__(self) -> None:
        if not 0 < self.stride_sec < np.inf:
            raise DataError(f"stride of {self.stride_sec} s between windows; expected a finite number above 0")


def stream_frames(video: str | Path | np.ndarray, options: ReadOptions) -> Iterator[np.ndarray]:
    """All frames of a video in order, uint8 [H, W, 3] RGB, one at a time.

    Raises:
        DecodeError: the video cannot be opened. A video that breaks off ends early instead.
    """
    return open_source(video, options).stream()


def sliding_items(video: str | Path | np.ndarray, sliding: Sliding, fps: float | None = None) -> Iterator[dict]:
    """One test item (see views.py) a window, with "start_sec" and "end_sec", and "video_sec", which the last may go beyond.

    A video shorter than one window gives one; frames past the end repeat the last one, as everywhere in testing. A window
    that begins after the last whole one is added when the rest is at least half a stride. Where frames come unevenly, windows
    follow their clock.

    Raises:
        DecodeError: no frame can be decoded.
    """
    source = open_source(video, sliding.options, fps)
    plan = list(_plan(source.timeline, sliding))
    seen = 0

    def stream() -> Iterator[np.ndarray]:
        nonlocal seen
        for seen, frame in enumerate(source.stream(), start=1):  # noqa: B007  counted for the windows past the end
            yield frame

    read = windows_of(stream(), [window.places for window in plan], resizer(sliding))
    for window, (frames, index) in zip(plan, read):
        if window.first < max(seen, 1):
            span = {"fps": source.timeline.fps, "start_sec": window.start_sec, "end_sec": window.end_sec}
            span["video_sec"] = window.video_sec
            yield item_of(frames, index, sliding) | span
    if not seen:
        raise DecodeError(f"{source.name}: no frame could be decoded")


def windows_of(
    frames: Iterable[np.ndarray], plan: Sequence[np.ndarray], resize: Callable[[np.ndarray], np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Frames of overlapping windows from one pass, with only those of the open windows in memory.

    Args:
        frames: uint8 [H, W, 3], in order.
        plan: frame numbers [T] of each window.
        resize: applied once to every needed frame.

    Yields:
        uint8 [U, h, w, 3] and int [T] into it, window by window. A frame that never came is replaced by the last one before it.
    """
    needed: dict[int, int] = {}  # frame -> the last window that wants it
    for number, places in enumerate(plan):
        needed.update(dict.fromkeys(places.tolist(), number))
    kept: dict[int, np.ndarray] = {}
    waiting = 0
    for seen, frame in enumerate(frames, start=1):
        if seen - 1 in needed:
            kept[seen - 1] = resize(frame)
        while waiting < len(plan) and plan[waiting].max() < seen:
            yield _gathered(kept, plan[waiting])
            waiting += 1
            kept = {place: pixels for place, pixels in kept.items() if needed[place] >= waiting}
    for places in plan[waiting:]:  # the video broke off: what it still has of the open windows
        if kept:
            yield _gathered(kept, places)


def _gathered(kept: dict[int, np.ndarray], places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    have = np.array(sorted(kept))
    places = have[np.maximum(np.searchsorted(have, places, side="right") - 1, 0)]
    wanted, index = np.unique(places, return_inverse=True)
    return np.stack([kept[int(place)] for place in wanted]), index.reshape(-1)


@dataclass(frozen=True)
class _Planned:
    """One window: its span, the length of the video, the frame it begins with (a fraction in general), and its frames [T]."""

    start_sec: float
    end_sec: float
    video_sec: float
    first: float
    places: np.ndarray


def _plan(timeline: Timeline, sliding: Sliding) -> Iterator[_Planned]:
    """All windows, laid over the frames, or over an even grid of moments where frames come unevenly."""
    times, shape = uneven_times(timeline), sliding.shape
    fps, count = timeline.fps, timeline.count
    if times is not None:
        fps, count = shape.target_fps, int(times[-1] * shape.target_fps + 1e-6) + 1
    window, stride = shape.window_frames(fps), max(sliding.stride_sec * fps, 1.0)
    number = 0
    while number == 0 or number * stride + window <= count + stride / 2:
        start = number * stride
        first, places = start, spread(start, start + window - 1, shape.num_frames, count)
        if times is not None:
            first, places = frames_at_times(first, fps, times), frames_at_times(places, fps, times)
        yield _Planned(start / fps, (start + window) / fps, count / fps, first, places)
        number += 1


def uneven_times(timeline: Timeline) -> np.ndarray | None:
    """Seconds of every frame where one lies a frame's time or more off an even grid, as in videos of variable rate.

    None elsewhere: frames are counted there, because containers round their times.
    """
    times = timeline.times
    if times is None or len(times) < 2:
        return None
    even = np.linspace(0.0, times[-1], len(times))
    return times if np.abs(times - even).max() * timeline.fps >= 1 else None


def resizer(sliding: Sliding) -> Callable[[np.ndarray], np.ndarray]:
    """The resize of testing, for frames that come one by one; the first frame fixes the size."""
    protocol = get_protocol(sliding.protocol)
    size: list[int] = []

    def resize(frame: np.ndarray) -> np.ndarray:
        size[:] = size or resized_size(*frame.shape[:2], sliding.short_side_px, protocol.side_rounding)
        return RESIZERS[protocol.resize](frame, *size)

    return resize


def item_of(frames: np.ndarray, index: np.ndarray, sliding: Sliding) -> dict:
    """A test item of one window: all its crops.

    Args:
        frames: uint8 [U, H, W, 3], resized.
        index: [T] into frames.
    """
    rounding = get_protocol(sliding.protocol).crop_rounding
    return {
        "index": 0,
        "label": None,
        "error": "",
        "frames": frames,
        "frame_index": np.repeat(index.reshape(1, -1).astype(np.int32), sliding.num_crops, axis=0),
        "offset_yx": crop_offsets(*frames.shape[1:3], sliding.crop_px, sliding.num_crops, rounding),
        "crop": sliding.crop_px,
        "flip": np.zeros(sliding.num_crops, bool),
    }
