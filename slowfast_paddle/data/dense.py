"""Videos for fully convolutional testing: whole frames instead of crops, and whole videos in overlapping blocks of time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from slowfast_paddle.data.decode import open_source
from slowfast_paddle.data.kinetics import VideoViewsDataset
from slowfast_paddle.data.sampling import slow_indices, whole_video
from slowfast_paddle.data.sliding import Sliding, resizer, windows_of
from slowfast_paddle.data.source import FrameSource, Timeline, planned
from slowfast_paddle.data.sources import Video
from slowfast_paddle.data.transforms import crop_offsets
from slowfast_paddle.errors import DecodeError


class WholeFrames(VideoViewsDataset):
    """The clips of a video, each under one window that is the whole resized frame."""

    def _views(self, index: int) -> dict:
        item = super()._views(index)
        return item | {"crop": item["frames"].shape[1:3], "offset_yx": np.zeros((self.num_clips, 2), np.int32)}


@dataclass(frozen=True)
class TimeBlocks:
    """How the time of a video is cut into blocks, counted in places of the network's last map.

    Attributes:
        step: input frames a place.
        window: places under the head's window; a row of logits belongs to `window` places.
        reach: input frames on either side of a place that can change it.
        longest: places of a block at most; bounds memory.
    """

    step: int
    window: int
    reach: int
    longest: int

    @property
    def margin(self) -> int:
        """Places at an inner end of a block whose rows are thrown away. Smaller than the network's reach in short blocks."""
        return min(-(-self.reach // self.step), (self.longest - self.window) // 4)

    def cut(self, places: int) -> Iterator[tuple[int, int, int, int]]:
        """Blocks of a video of so many places: first place, end, first row to keep, end of the rows (rows of the whole video)."""
        row, rows = 0, places - self.window + 1
        while row < rows:
            first = max(row - self.margin, 0)
            end = min(first + self.longest, places)
            last = rows if end == places else end - self.window - self.margin + 1
            yield first, end, row, last
            row = last


@dataclass(frozen=True)
class Block:
    """Frames of one block and crop: uint8 [n, h, w, 3]; which of them the slow pathway takes; rows [first, end) to keep."""

    frames: np.ndarray
    slow: np.ndarray
    first: int
    end: int


@dataclass(frozen=True)
class DenseReading:
    """Reads a video block by block.

    Attributes:
        sliding: resize, crops, protocol and options; its stride is not used.
        blocks: how time is cut.
        alpha: fast frames to a slow one; 1 for a single pathway.
        whole_frame: no crops.
    """

    sliding: Sliding
    blocks: TimeBlocks
    alpha: int
    whole_frame: bool

    def open(self, video: Video, fps: float | None = None) -> FrameSource:
        """The video's source.

        Raises:
            DecodeError: it cannot be opened.
        """
        return open_source(video, self.sliding.options, fps)

    def read(self, source: FrameSource, timeline: Timeline, seen: list[int]) -> Iterator[Block]:
        """Blocks of a video that is believed to have this timeline.

        Args:
            source: the open video.
            timeline: believed frame count and rate.
            seen: gets the true frame count as its last element when the blocks end.
        """
        shape, protocol = self.sliding.shape, self.sliding.protocol
        rule, step = protocol.clip_rule_of(source.name), self.blocks.step
        everything = planned(
            lambda count, fps: whole_video(rule, count, fps, shape, step), timeline, self.sliding.options.frame_index
        )
        slow = np.array(slow_indices(len(everything), self.alpha, protocol.slow_rule))
        cuts = list(self.blocks.cut(len(everything) // step))
        plan = [everything[first * step : end * step] for first, end, _, _ in cuts]
        seen.append(0)
        stream = self._counted(source, seen)
        for (first, end, row, last), (frames, index) in zip(cuts, windows_of(stream, plan, resizer(self.sliding))):
            inside = slow[(slow >= first * step) & (slow < end * step)] - first * step
            for crop in self._crops(frames):
                yield Block(crop[index], inside, row - first, last - first)
        for _ in stream:  # to the end, for the true count
            pass

    @staticmethod
    def _counted(source: FrameSource, seen: list[int]) -> Iterator[np.ndarray]:
        for frame in source.stream():
            seen[-1] += 1
            yield frame

    def _crops(self, frames: np.ndarray) -> Iterator[np.ndarray]:
        if self.whole_frame:
            yield frames
            return
        sliding, size = self.sliding, self.sliding.crop_px
        for y, x in crop_offsets(*frames.shape[1:3], size, sliding.num_crops, sliding.protocol.crop_rounding):
            yield frames[:, y : y + size, x : x + size]

    def checked(self, source: FrameSource, count: int) -> int:
        """The frames the file promised.

        Raises:
            DecodeError: `count`, what came out, is nothing or less than asked for.
        """
        expected, least = max(source.expected, count), self.sliding.options.min_decoded
        if count == 0:
            raise DecodeError(f"{source.name}: no frame could be decoded")
        if count < least * expected:
            raise DecodeError(f"{source.name}: only {count} of {expected} frames decoded; data.min_decoded asks for {least:.0%}")
        return expected
