"""Where frames come from, seen through one interface: a video file, a folder of images, an array in memory.

A source knows its timeline and reads the frames one asks for, each passed through `keep` (usually a resize) as it appears, so
that a long or large video never lies in memory as a whole. `read_clips` is the entry point.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from slowfast_paddle.data.sampling import frames_at_times
from slowfast_paddle.errors import DecodeError

Keep = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ReadOptions:
    """How videos are read.

    Attributes:
        decoder: "pyav", "opencv" or "auto" (PyAV, then OpenCV where PyAV is missing or gets no frame).
        threads: FFmpeg threads; 1 inside reader processes, 0 lets FFmpeg choose.
        frame_index: "reference" counts frames at the average rate, "timestamps" follows the clock of a variable-rate video.
        min_decoded: share of the expected frames below which a video is an error.
        timeout_sec: a video that takes longer to decode is an error.
        frame_template: image names in a frame folder; any numbered images when the folder has none of these names.
        frame_fps: rate of frame folders, 1/s.
    """

    decoder: str = "auto"
    threads: int = 1
    frame_index: str = "reference"
    min_decoded: float = 0.0
    timeout_sec: float = 120.0
    frame_template: str = "img_{:05d}.jpg"
    frame_fps: float = 30.0


DEFAULT_OPTIONS = ReadOptions()


@dataclass(frozen=True)
class Timeline:
    """What is believed about a video before it is decoded.

    Attributes:
        count: frames, from demuxed packets, never from the header.
        fps: average rate, 1/s.
        times: float64 [count] seconds from the first frame, ascending, or None where the container has no usable clock.
    """

    count: int
    fps: float
    times: np.ndarray | None = None

    def cut_to(self, count: int) -> "Timeline":
        """The same timeline with the number of frames that really came out of the decoder."""
        times = self.times[:count] if self.times is not None and count <= len(self.times) else None
        return replace(self, count=count, times=times)


@dataclass(frozen=True)
class Frames:
    """Frames read in one pass, by their number in the source.

    Attributes:
        total: the true number of frames where the end was reached, else None.
        stopped_by: the decoder's complaint where it gave up.
    """

    frames: dict[int, np.ndarray]
    total: int | None
    stopped_by: str = ""


class FrameSource(Protocol):
    """Anything frames can be read from."""

    name: str

    @property
    def expected(self) -> int: ...

    @property
    def timeline(self) -> Timeline: ...

    def read(self, wanted: np.ndarray, keep: Keep, whole: bool) -> Frames:
        """Reads the wanted frames (ascending, unique); `whole` goes on to the end so that the true count is known."""
        ...

    def stream(self) -> Iterator[np.ndarray]:
        """All frames in order, one at a time; a video that breaks off ends early."""
        ...


@dataclass(frozen=True)
class Clips:
    """Frames of several clips of one video, each stored once.

    Shapes: frames uint8 [U, H, W, 3]; index int32 [clips, T] into frames; source_index int64 [clips, T], numbers in the source.
    """

    frames: np.ndarray
    index: np.ndarray
    source_index: np.ndarray
    decoded: int
    expected: int
    fps: float


def read_clips(
    source: FrameSource, plan: Callable[[int, float], np.ndarray], keep: Keep, options: ReadOptions, whole: bool = True
) -> Clips:
    """Decodes a video once for all its clips.

    Args:
        plan: (frame count, fps) -> int [clips, T] source frames. Asked again when decoding shows another count.
        keep: applied once to every needed frame.
        whole: decode to the end, so that the plan rests on the true count. Off in training, where a clip that came out is enough.

    Raises:
        DecodeError: no frame decoded, less than `options.min_decoded`, or a count that keeps changing.
    """
    timeline = source.timeline
    for _ in range(3):
        asked = planned(plan, timeline, options.frame_index)
        wanted, index = np.unique(asked, return_inverse=True)
        store = _Store(source.name, keep, len(wanted))
        read = source.read(wanted, store, whole)
        if read.total == 0:
            raise DecodeError(f"{source.name}: no frame could be decoded{f' ({read.stopped_by})' if read.stopped_by else ''}")
        if len(read.frames) == len(wanted) and read.total in (None, timeline.count):
            break
        assert read.total is not None, "a source that lacks wanted frames has reached its end"
        timeline = timeline.cut_to(read.total)
    else:
        raise DecodeError(f"{source.name}: the number of decodable frames changes from pass to pass")
    expected = max(source.expected, timeline.count)
    if timeline.count < options.min_decoded * expected:
        raise DecodeError(
            f"{source.name}: only {timeline.count} of {expected} frames decoded"
            f"{f' ({read.stopped_by})' if read.stopped_by else ''}; data.min_decoded asks for {options.min_decoded:.0%}"
        )
    return Clips(
        store.array_of(read.frames, wanted),
        index.reshape(asked.shape).astype(np.int32),
        asked,
        timeline.count,
        expected,
        timeline.fps,
    )


class _Store:
    """Puts kept frames into one array as they come: gathered at the end, they would lie in memory twice."""

    def __init__(self, name: str, keep: Keep, count: int):
        self.name, self.keep, self.count = name, keep, count
        self.array: np.ndarray | None = None
        self.seen = 0

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        kept = self.keep(frame)
        if self.array is None:
            self.array = np.empty((self.count, *kept.shape), np.uint8)
        if kept.shape != self.array.shape[1:]:
            raise DecodeError(
                f"{self.name}: the frame size changes from {self.array.shape[1:3]} to {kept.shape[:2]} (height, width)"
            )
        self.seen += 1
        if self.seen > self.count:  # the source began again from the start
            return np.array(kept)
        self.array[self.seen - 1] = kept
        return self.array[self.seen - 1]

    def array_of(self, frames: dict[int, np.ndarray], wanted: np.ndarray) -> np.ndarray:
        """uint8 [U, H, W, 3] in the order of `wanted`."""
        if self.seen == self.count and self.array is not None:
            return self.array
        return np.stack([frames[place] for place in wanted.tolist()])


def planned(plan: Callable[[int, float], np.ndarray], timeline: Timeline, frame_index: str) -> np.ndarray:
    """The frames a plan asks for.

    With `frame_index` "timestamps" the plan is made on an even grid over the duration and gets the frame shown at each moment;
    without a clock, and with "reference", it counts frames.
    """
    if frame_index != "timestamps" or timeline.times is None:
        return plan(timeline.count, timeline.fps)
    grid = int(timeline.times[-1] * timeline.fps + 1e-6) + 1
    return frames_at_times(plan(grid, timeline.fps), timeline.fps, timeline.times)
