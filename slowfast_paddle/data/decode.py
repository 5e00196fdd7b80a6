"""Video files through PyAV, and the choice of a source for a path.

The header's frame count is never used: packets are counted by demuxing (no decoding, milliseconds) and the count is corrected
when decoding ends early. Rotation flags are obeyed. The decoder is opened in `read` and closed before it returns, so that no
reader process inherits one.
"""

import logging
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from pathlib import Path

import numpy as np

from slowfast_paddle.data.frames import ArraySource, FolderSource
from slowfast_paddle.data.opencv import OpenCVSource
from slowfast_paddle.data.source import Frames, FrameSource, Keep, ReadOptions, Timeline
from slowfast_paddle.errors import DataError, DecodeError, DependencyError

try:
    import av
except ImportError:  # OpenCV reads then
    av = None
else:
    from av.video.reformatter import VideoReformatter

# Titles in odd encodings must not stop a video; PyAV 19 no longer takes the argument that says so.
_MAJOR = 0 if av is None else int(av.__version__.split(".")[0])
_OPEN = {"metadata_errors": "ignore"} if _MAJOR < 19 else {}
# From PyAV 17 on a conversion starts a thread for each core, which takes milliseconds a frame.
_CONVERT = {"threads": 1} if _MAJOR >= 17 else {}
_log = logging.getLogger(__name__)
DEFAULT_FPS = 30.0
FPS_RANGE = 1e-3, 1e6  # of given rates, 1/s
CLOCKED_CONTAINERS = ("mov", "matroska")  # packets carry true presentation times, so that one can seek and skip by them


def open_source(video: str | Path | np.ndarray, options: ReadOptions, fps: float | None = None) -> FrameSource:
    """Source for a video file, a folder of images, or uint8 frames [T, H, W, 3] in RGB (with their `fps`, default 30).

    Raises:
        DecodeError: no such file, or nothing in it can be decoded.
        DataError: an fps that is no frame rate.
        DependencyError: the decoder asked for is not installed.
    """
    if fps is not None and not (isinstance(fps, Real) and FPS_RANGE[0] <= fps <= FPS_RANGE[1]):
        raise DataError(f"fps is {fps!r}; expected frames a second, {FPS_RANGE[0]:g} to {FPS_RANGE[1]:.0f}")
    if isinstance(video, np.ndarray):
        return ArraySource(video, DEFAULT_FPS if fps is None else fps)
    path = str(video)
    if _is_folder(path):
        return FolderSource(path, options.frame_template, options.frame_fps if fps is None else fps)
    if options.decoder == "opencv" or (options.decoder == "auto" and av is None):
        return OpenCVSource(path, options)
    if options.decoder not in ("auto", "pyav"):
        raise DataError(f"decoder {options.decoder!r} is unknown; expected auto, pyav or opencv (data.decoder)")
    if av is None:
        raise DependencyError("data.decoder is pyav, but PyAV is not installed: pip install av")
    source = PyAVSource(path, options)
    return _FallbackSource(source, OpenCVSource(path, options)) if options.decoder == "auto" else source


def _is_folder(path: str) -> bool:
    """Whether this is a folder, else a file; pipes and devices, which may never end, are refused."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise DecodeError(f"{path}: no such file") from None
    except (OSError, ValueError) as err:  # a name too long, links in a circle, a folder without permission
        raise DecodeError(f"{path}: cannot be opened ({_reason(err)})") from err
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise DecodeError(f"{path}: neither a file nor a folder; expected a video or a folder of images")
    return stat.S_ISDIR(mode)


@dataclass(frozen=True)
class _Packets:
    """Result of demuxing.

    Shapes: pts int64 [N], ascending, empty without a usable clock; keys int64, the pts of key frames.
    """

    count: int
    header: int
    fps: float
    time_base: float
    pts: np.ndarray
    keys: np.ndarray


class PyAVSource:
    """One video file read with PyAV."""

    def __init__(self, path: str, options: ReadOptions):
        self.name = path
        self.options = options
        self._colours = VideoReformatter()  # one for all frames: preparing it takes as long as a small frame

    @cached_property
    def _packets(self) -> _Packets:
        with self._open() as container:
            stream = self._stream(container)
            packets, discarded = [], 0  # an edit list discards what lies outside it
            deadline = time.monotonic() + self.options.timeout_sec
            try:
                for packet in container.demux(stream):
                    if packet.size and not packet.is_discard:
                        packets.append((packet.pts, packet.is_keyframe))
                    discarded += packet.is_discard
                    self._check(deadline)
            except av.FFmpegError as err:
                _log.debug("%s: demuxing ends early (%s)", self.name, _reason(err))  # what was read so far can be decoded
            rate = stream.average_rate or stream.guessed_rate or stream.base_rate
            times = [pts for pts, _ in packets]
            clocked = container.format.name.startswith(CLOCKED_CONTAINERS) and None not in times and len(set(times)) == len(times)
            return _Packets(
                count=len(packets),
                header=stream.frames - discarded,
                fps=float(rate) if rate else DEFAULT_FPS,
                time_base=float(stream.time_base),
                pts=np.array(sorted(times) if clocked else [], np.int64),
                keys=np.array(sorted(pts for pts, key in packets if key) if clocked else [], np.int64),
            )

    @property
    def expected(self) -> int:
        return max(self._packets.count, self._packets.header)

    @cached_property
    def timeline(self) -> Timeline:
        packets = self._packets
        times = (packets.pts - packets.pts[0]) * packets.time_base if len(packets.pts) else None
        return Timeline(max(packets.count, 1), packets.fps, times)

    def read(self, wanted: np.ndarray, keep: Keep, whole: bool) -> Frames:
        if not whole and len(self._packets.pts) > wanted[-1]:
            frames = self._read_by_clock(wanted, keep)
            if len(frames) == len(wanted):
                return Frames(frames, None)
        return self._read_in_order(wanted, keep, whole)

    def stream(self) -> Iterator[np.ndarray]:
        with self._open() as container:
            try:
                for frame in container.decode(self._stream(container)):
                    yield self._upright(frame)
            except av.FFmpegError as err:
                _log.debug("%s: decoding ends early (%s)", self.name, _reason(err))

    def _read_in_order(self, wanted: np.ndarray, keep: Keep, whole: bool) -> Frames:
        """Decodes from the start; frame numbers are places in output order."""
        pending, frames, total = iter(wanted.tolist()), {}, 0
        place = next(pending, None)
        deadline = time.monotonic() + self.options.timeout_sec
        with self._open() as container:
            try:
                for frame in container.decode(self._stream(container)):
                    if total == place:
                        frames[total] = keep(self._upright(frame))
                        place = next(pending, None)
                    total += 1
                    if place is None and not whole:
                        return Frames(frames, None)
                    self._check(deadline)
            except av.FFmpegError as err:
                return Frames(frames, total, _reason(err))
        return Frames(frames, total)

    def _read_by_clock(self, wanted: np.ndarray, keep: Keep) -> dict[int, np.ndarray]:
        """Seeks to the last key frame before the clip and skips frames nothing else depends on; may return fewer than wanted.

        Frames are recognised by presentation time, so the result is the one decoding from the start would give.
        """
        packets, frames = self._packets, {}
        places = {int(packets.pts[place]): int(place) for place in wanted}
        first, last = min(places), max(places)
        earlier = packets.keys[packets.keys <= first]
        deadline = time.monotonic() + self.options.timeout_sec
        with self._open() as container:
            stream = self._stream(container)
            try:
                if len(earlier) and earlier[-1] > packets.pts[0]:
                    container.seek(int(earlier[-1]), stream=stream, backward=True)
                for packet in container.demux(stream):
                    # The flush (no pts) must release everything. Of the other packets FFmpeg drops those no frame depends on.
                    needed = packet.pts is None or packet.pts in places
                    stream.codec_context.skip_frame = "DEFAULT" if needed else "NONREF"
                    for frame in packet.decode():
                        if frame.pts in places:
                            frames[places[frame.pts]] = keep(self._upright(frame))
                        if frame.pts is not None and frame.pts >= last:
                            return frames
                    self._check(deadline)
            except av.FFmpegError:
                return frames  # the caller decodes again from the start, which finds the true count
        return frames

    def _upright(self, frame) -> np.ndarray:
        """uint8 RGB [H, W, 3], turned as the file's display matrix asks; angles other than quarter turns are ignored."""
        pixels = self._colours.reformat(frame, format="rgb24", **_CONVERT).to_ndarray()
        quarters, rest = divmod(frame.rotation, 90)
        return np.rot90(pixels, quarters % 4) if rest == 0 and quarters % 4 and abs(frame.rotation) <= 360 else pixels

    def _open(self):
        try:
            return av.open(self.name, timeout=self.options.timeout_sec, **_OPEN)
        except (av.FFmpegError, OSError) as err:
            raise DecodeError(f"{self.name}: cannot be opened as a video ({_reason(err)})") from err

    def _stream(self, container):
        streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
        if not streams:
            other = "audio only" if container.streams.audio else "no stream at all"
            raise DecodeError(f"{self.name}: holds no video ({'only a cover picture' if container.streams.video else other})")
        if streams[0].codec_context is None:
            raise DecodeError(f"{self.name}: this FFmpeg has no decoder for its video stream")
        streams[0].thread_count = self.options.threads
        if self.options.threads != 1:
            streams[0].thread_type = "AUTO"
        return streams[0]

    def _check(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise DecodeError(f"{self.name}: decoding took longer than {self.options.timeout_sec:g} s (data.decode_timeout_sec)")


class _FallbackSource:
    """PyAV, and OpenCV where PyAV finds no frame in the file."""

    def __init__(self, first: PyAVSource, second: OpenCVSource):
        self.name = first.name
        self._current, self._second = first, second

    @property
    def expected(self) -> int:
        return self._current.expected

    @property
    def timeline(self) -> Timeline:
        return self._current.timeline

    def read(self, wanted: np.ndarray, keep: Keep, whole: bool) -> Frames:
        read = self._current.read(wanted, keep, whole)
        if read.total == 0 and self._current is not self._second and self._second.can_open():
            self._current = self._second
            return self._current.read(wanted, keep, whole)
        return read

    def stream(self) -> Iterator[np.ndarray]:
        empty = True
        for frame in self._current.stream():
            empty = False
            yield frame
        if empty and self._current is not self._second and self._second.can_open():
            yield from self._second.stream()


def _reason(err: Exception) -> str:
    return (getattr(err, "strerror", None) or str(err)).strip()
