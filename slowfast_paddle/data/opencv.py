"""Video files through OpenCV, where PyAV is not installed or cannot read them."""

import os
import time
from collections.abc import Iterator
from functools import cached_property

import numpy as np

from slowfast_paddle.data.source import Frames, Keep, ReadOptions, Timeline
from slowfast_paddle.errors import DecodeError

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet: what matters is reported once, with the file's name
import cv2  # noqa: E402

DEFAULT_FPS = 30.0


class OpenCVSource:
    """One video file read with cv2.VideoCapture; frames are turned as the file's rotation flag asks."""

    def __init__(self, path: str, options: ReadOptions):
        self.name = path
        self.options = options

    def can_open(self) -> bool:
        """Whether OpenCV finds a video stream in the file."""
        capture = self._capture()
        opened = capture.isOpened()
        capture.release()
        return opened

    @cached_property
    def _clock(self) -> np.ndarray:
        """float64 [count] seconds of every frame; OpenCV cannot demux alone, so this decodes without converting colours."""
        capture, times = self._open(), []
        deadline = time.monotonic() + self.options.timeout_sec
        while capture.grab():
            times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            self._check(deadline)
        capture.release()
        return np.array(times)

    @cached_property
    def expected(self) -> int:
        capture = self._open()
        header = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()
        return max(header, len(self._clock))

    @cached_property
    def timeline(self) -> Timeline:
        capture = self._open()
        fps = capture.get(cv2.CAP_PROP_FPS)
        capture.release()
        times = self._clock - self._clock[0] if len(self._clock) else None
        ascending = times is not None and bool((np.diff(times) > 0).all())
        return Timeline(max(len(self._clock), 1), fps if fps > 0 else DEFAULT_FPS, times if ascending else None)

    def read(self, wanted: np.ndarray, keep: Keep, whole: bool) -> Frames:
        capture, total = self._open(), 0
        frames: dict[int, np.ndarray] = {}
        needed = set(wanted.tolist())
        deadline = time.monotonic() + self.options.timeout_sec
        while (whole or len(frames) < len(needed)) and capture.grab():
            if total in needed:
                decoded, pixels = capture.retrieve()
                if not decoded:
                    break
                frames[total] = keep(_upright(pixels, capture))
            total += 1
            self._check(deadline)
        capture.release()
        return Frames(frames, None if len(frames) == len(needed) and not whole else total)

    def stream(self) -> Iterator[np.ndarray]:
        capture = self._open()
        try:
            while (read := capture.read())[0]:
                yield _upright(read[1], capture)
        finally:
            capture.release()

    def _capture(self):
        try:
            self.name.encode()
        except UnicodeEncodeError:  # the process would die
            raise DecodeError(f"{self.name}: OpenCV reads no names that are not UTF-8; rename the file") from None
        parameters = [cv2.CAP_PROP_N_THREADS, max(self.options.threads, 1)] if self.options.threads else []
        capture = cv2.VideoCapture(self.name, cv2.CAP_FFMPEG, parameters)
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)  # builds differ in whether they turn frames by themselves
        return capture

    def _open(self):
        capture = self._capture()
        if not capture.isOpened():
            raise DecodeError(f"{self.name}: OpenCV finds no video in it")
        return capture

    def _check(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise DecodeError(f"{self.name}: decoding took longer than {self.options.timeout_sec:g} s (data.decode_timeout_sec)")


def _upright(pixels: np.ndarray, capture) -> np.ndarray:
    """RGB from OpenCV's BGR, turned by the file's flag, which counts clockwise."""
    turns = -round(capture.get(cv2.CAP_PROP_ORIENTATION_META) / 90) % 4
    return np.rot90(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), turns)
