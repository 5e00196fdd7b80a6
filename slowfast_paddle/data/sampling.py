"""Which source frames make a clip. Pure index arithmetic; equal to the reference implementations index for index.

A rule places `num_clips` windows over a video of `count` frames and picks the frames inside each. `CLIP_RULES` names them.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from slowfast_paddle.errors import DataError


@dataclass(frozen=True)
class ClipShape:
    """Frames of the fastest pathway and their stride, counted at `target_fps` (1/s).

    With `sampling` "segments" a clip is the whole video: one frame of each of `num_frames` equal parts, whatever the stride.
    """

    num_frames: int
    sampling_rate: int
    target_fps: float = 30.0
    sampling: str = "window"

    def window_frames(self, fps: float) -> float:
        """Length of the clip in source frames, a fraction in general. Source: PySlowFast decoder.decode (clip_size)."""
        return max(1.0, self.sampling_rate * self.num_frames / self.target_fps * fps)


def linspace32(start: float, end: float, num: int) -> np.ndarray:
    """`num` evenly spaced float32 numbers, computed from both ends as torch.linspace does.

    # Parity: about one clip in a hundred truncates to another frame when this is done in float64.
    """
    first, last = np.float32(start), np.float32(end)
    if num == 1:
        return np.array([first])
    step = (last - first) / np.float32(num - 1)
    places = np.arange(num, dtype=np.float32)
    rising, falling = first + step * places, last - step * places[::-1]
    return np.where(np.arange(num) < num // 2, rising, falling).astype(np.float32)


def spread(start: float, end: float, num: int, count: int, linspace=linspace32) -> np.ndarray:
    """int64 [num] frames between `start` and `end`, clamped to the video. Source: PySlowFast decoder.temporal_sampling."""
    return np.clip(linspace(start, end, num), 0, count - 1).astype(np.int64)


def segment_bounds(count: int, num: int) -> np.ndarray:
    """int64 [num + 1] first frame, inner borders and last frame of a video cut into equal parts.

    Source: PySlowFast datasets/ssv2.py get_seq_frames, where a part includes both of its borders.
    """
    return np.round((count - 1) / num * np.arange(num + 1)).astype(np.int64)


def random_clip(count: int, fps: float, shape: ClipShape, rng: np.random.Generator) -> np.ndarray:
    """int64 [T] frames of a training clip with a uniformly drawn start; a short video repeats its last frame.

    Of segments, a frame drawn in each.
    """
    if shape.sampling == "segments":
        bounds = segment_bounds(count, shape.num_frames)
        return rng.integers(bounds[:-1], bounds[1:], endpoint=True)
    window = shape.window_frames(fps)
    start = rng.uniform(0.0, max(count - window, 0.0))
    return spread(start, start + window - 1, shape.num_frames, count)


def centred_clip(count: int, fps: float, shape: ClipShape) -> np.ndarray:
    """int64 [T] frames of the one clip in the middle of the video, used for validation; of segments, the middle of each."""
    if shape.sampling == "segments":
        bounds = segment_bounds(count, shape.num_frames)
        return (bounds[:-1] + bounds[1:]) // 2
    window = shape.window_frames(fps)
    start = max(count - window, 0.0) / 2
    return spread(start, start + window - 1, shape.num_frames, count)


def clips(rule: str, count: int, fps: float, shape: ClipShape, num_clips: int) -> np.ndarray:
    """int64 [num_clips, T] source frames of the test clips of one video; of segments there is one clip, under every rule.

    Raises:
        DataError: the rule is unknown.
    """
    if rule not in CLIP_RULES:
        raise DataError(f"sampling rule {rule!r} is unknown; expected one of {', '.join(CLIP_RULES)}")
    assert count > 0 and fps > 0 and num_clips > 0
    if shape.sampling == "segments":
        assert num_clips == 1
        return centred_clip(count, fps, shape)[None]
    return CLIP_RULES[rule](count, fps, shape, num_clips)


def _pyslowfast(count: int, fps: float, shape: ClipShape, num_clips: int, linspace=linspace32) -> np.ndarray:
    """Starts at delta*i/n, so the last window never reaches the end. Source: PySlowFast decoder.get_start_end_idx."""
    window = shape.window_frames(fps)
    delta = max(count - window, 0.0)
    starts = [delta * i / num_clips for i in range(num_clips)]
    return np.stack([spread(s, s + window - 1, shape.num_frames, count, linspace) for s in starts])


def _pyslowfast_offset(count: int, fps: float, shape: ClipShape, num_clips: int) -> np.ndarray:
    """Starts at i*floor(delta/(n-1)), one clip centred. Source: the same with DATA.USE_OFFSET_SAMPLING."""
    window = shape.window_frames(fps)
    delta = max(count - window, 0.0)
    starts = [i * math.floor(delta / (num_clips - 1)) for i in range(num_clips)] if num_clips > 1 else [math.floor(delta / 2)]
    return np.stack([spread(s, s + window - 1, shape.num_frames, count) for s in starts])


def _paddle(count: int, fps: float, shape: ClipShape, num_clips: int) -> np.ndarray:
    """As pyslowfast with a float64 linspace. Source: PaddlePaddle/models dygraph/slowfast kinetics_dataset.py."""
    return _pyslowfast(count, fps, shape, num_clips, np.linspace)


def _paddle_mp4(count: int, fps: float, shape: ClipShape, num_clips: int) -> np.ndarray:
    """As paddle, but only the frames of the window are read and the clip is spread from the first of them.

    Source: the same file, for names ending in "mp4".
    """
    window = shape.window_frames(fps)
    delta = max(count - window, 0.0)
    rows = []
    for i in range(num_clips):
        start = delta * i / num_clips
        first, last = math.ceil(start), min(math.floor(start + window), count - 1)
        rows.append(first + spread(0.0, window - 1, shape.num_frames, last - first + 1, np.linspace))
    return np.stack(rows)


def _mmaction2(count: int, fps: float, shape: ClipShape, num_clips: int) -> np.ndarray:
    """Fixed stride in source frames whatever the rate, first and last clip touch the ends, short videos loop.

    Source: MMAction2 SampleFrames(test_mode=True), out_of_bound_opt="loop".
    """
    span = (shape.num_frames - 1) * shape.sampling_rate + 1
    room = max(count - span, 0)
    starts = np.arange(num_clips) * (room / (num_clips - 1)) if num_clips > 1 else np.array([room // 2])
    frames = np.round(starts).astype(np.int64)[:, None] + np.arange(shape.num_frames) * shape.sampling_rate
    return frames % count


def _pytorchvideo(count: int, fps: float, shape: ClipShape, num_clips: int) -> np.ndarray:
    """Windows in exact seconds from 0 to the last possible start, evenly thinned out to T frames.

    Source: PyTorchVideo ConstantClipsPerVideoSampler and uniform_temporal_subsample.
    """
    rate = Fraction(fps).limit_denominator(100_000)
    length = Fraction(shape.num_frames * shape.sampling_rate) / Fraction(shape.target_fps).limit_denominator(100_000)
    last_start = max(count / rate - length, Fraction(0))
    rows = []
    for i in range(num_clips):
        start = last_start * i / max(num_clips - 1, 1)
        first, after = math.ceil(start * rate), min(math.ceil((start + length) * rate), count)
        rows.append(first + spread(0.0, after - first - 1, shape.num_frames, after - first))
    return np.stack(rows)


CLIP_RULES = {
    "pyslowfast": _pyslowfast,
    "pyslowfast_offset": _pyslowfast_offset,
    "paddle": _paddle,
    "paddle_mp4": _paddle_mp4,
    "mmaction2": _mmaction2,
    "pytorchvideo": _pytorchvideo,
}


def whole_video(rule: str, count: int, fps: float, shape: ClipShape, step: int) -> np.ndarray:
    """int64 [N] source frames of a whole video at the pace of a clip, N a multiple of `step` and at least the clip's frames.

    A video as long as one clip gives that clip, a shorter one what the rule makes of it. At the end up to half a step is left
    out, or the last frame repeats for as long.
    """
    spaces = max(shape.num_frames - 1, 1)
    span = float(spaces * shape.sampling_rate) if rule == "mmaction2" else max(shape.window_frames(fps) - 1, 1.0)
    length = (count - 1) / (span / spaces) + 1
    num = max(shape.num_frames, step * round(length / step))
    if num == shape.num_frames:
        return clips(rule, count, fps, shape, 1)[0]
    return spread(0.0, span * ((num - 1) / spaces), num, count)


def slow_indices(num_frames: int, alpha: int, rule: str = "linspace") -> tuple[int, ...]:
    """Places of the slow frames among the `num_frames` fast ones.

    linspace: first and last frame included, truncated (PySlowFast, PyTorchVideo, Paddle). nearest: every alpha-th frame from the
    first (MMAction2).

    Raises:
        DataError: alpha does not divide the frames, or the rule is unknown.
    """
    if alpha < 1 or num_frames % alpha:
        raise DataError(f"{num_frames} frames are not divisible by alpha {alpha}; make data.num_frames a multiple of model.alpha")
    if rule == "nearest":
        return tuple(range(0, num_frames, alpha))
    if rule != "linspace":
        raise DataError(f"slow frame rule {rule!r} is unknown; expected linspace or nearest")
    return tuple(int(place) for place in linspace32(0, num_frames - 1, num_frames // alpha))


def frames_at_times(places: np.ndarray, fps: float, times: np.ndarray) -> np.ndarray:
    """Frames shown at the moments `places / fps`, for videos whose rate varies.

    Args:
        places: frame numbers on an even grid of `fps` (1/s), any shape.
        times: float64 [count] seconds from the first frame, ascending.
    """
    shown = np.searchsorted(times, np.asarray(places) / fps + 1e-6, side="right") - 1
    return np.clip(shown, 0, len(times) - 1)
