"""Decoded frames kept on disk, small, so that later epochs read instead of decode.

Decoding costs more than a small network's training step. A cache folder holds, for each training video, all its frames at the
largest training short side as raw bytes; readers map the file and touch only the frames they need. Every frame of the set takes
3 x width x height bytes: 64 px keep a minute at 30 frames/s in 30 MB, 320 px in 740 MB.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from slowfast_paddle.data.frames import ArraySource
from slowfast_paddle.data.source import FrameSource, Timeline
from slowfast_paddle.data.transforms import resized_size
from slowfast_paddle.errors import DataError, DecodeError
from slowfast_paddle.files import replacing


class FrameCache:
    """Opens videos through a folder of small copies.

    Args:
        folder: made when missing; may be shared by processes and runs.
        short_side_px: of the copies. Smaller videos keep their size.
        resize: (frame, height, width) -> frame.
    """

    def __init__(self, folder: str | Path, short_side_px: int, resize: Callable[[np.ndarray, int, int], np.ndarray]):
        self.folder = Path(folder)
        self.short_side_px = short_side_px
        self.resize = resize

    def open(self, path: str, open_source: Callable[[], FrameSource]) -> FrameSource:
        """The cached copy of a video, made first where it is missing.

        Raises:
            DecodeError: the video holds no decodable frame.
            DataError: the folder cannot be written.
        """
        base = self.folder / self._key(path)
        facts = base.with_suffix(".json")
        try:
            if not facts.is_file():
                self._fill(base, open_source())
            return _read(base, path)
        except OSError as err:
            raise DataError(
                f"{self.folder}: cannot keep decoded frames ({err.strerror or err}); free space, or unset data.cache_dir"
            ) from err

    def _key(self, path: str) -> str:
        """Changes with the file's size and time, and with the size of the copies."""
        try:
            state = os.stat(path)
        except OSError as err:
            raise DecodeError(f"{path}: cannot be opened ({err.strerror}); check the list and data.prefix") from err
        text = f"{os.path.abspath(path)}\n{state.st_size}\n{state.st_mtime_ns}\n{self.short_side_px}\n{self.resize.__name__}"
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]

    def _fill(self, base: Path, source: FrameSource) -> None:
        """Writes frames as they are decoded; the facts come last, so that half a copy is never taken for one."""
        size: tuple[int, int] = (0, 0)
        count = 0
        with replacing(base.with_suffix(".rgb")) as file:
            for frame in source.stream():
                if not count:
                    short = min(self.short_side_px, *frame.shape[:2])
                    size = resized_size(*frame.shape[:2], short)
                file.write(np.ascontiguousarray(self.resize(frame, *size)).tobytes())
                count += 1
            if not count:
                raise DecodeError(f"{source.name}: no frame could be decoded")
        timeline = source.timeline.cut_to(count)
        times = None if timeline.times is None else timeline.times.tolist()
        facts = {"shape": [count, *size, 3], "fps": timeline.fps, "times": times, "expected": max(source.expected, count)}
        with replacing(base.with_suffix(".json")) as file:
            file.write(json.dumps(facts).encode())


def _read(base: Path, path: str) -> FrameSource:
    facts = json.loads(base.with_suffix(".json").read_text())
    frames = np.memmap(base.with_suffix(".rgb"), np.uint8, "r", shape=tuple(facts["shape"]))
    source = ArraySource(frames, facts["fps"])
    source.name, source.expected = path, facts["expected"]
    times = None if facts["times"] is None else np.asarray(facts["times"])
    source.timeline = Timeline(len(frames), facts["fps"], times)
    return source
