"""Writing videos and picture strips; a file appears under its name only when it is complete."""

import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from slowfast_paddle.errors import DataError, DependencyError
from slowfast_paddle.files import unwritable

CODECS = ("libx264", "h264", "mpeg4")  # the first one this FFmpeg has; MPEG-4 part 2 plays almost anywhere
CLOCK = Fraction(1, 10_000)  # seconds, of frames that come unevenly; MPEG-4 part 2 takes no finer one than 1 / 65535


class VideoFile:
    """An MP4 under construction, used as a context manager. Leaving it by an error removes the file."""

    def __init__(self, path: str | Path, fps: float) -> None:
        """Opens the file.

        Args:
            path: ends in .mp4.
            fps: frames per second, above 0.

        Raises:
            DataError: the suffix is not .mp4 or the folder cannot be written.
            DependencyError: PyAV is missing.
        """
        try:
            import av
        except ImportError as err:
            raise DependencyError("writing videos needs PyAV: pip install av") from err
        self.path = Path(path)
        if self.path.suffix.lower() != ".mp4":
            raise DataError(f"{self.path}: videos are written as .mp4")
        self._scratch = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        self._av, self._fps, self._stream = av, Fraction(fps).limit_denominator(1001), None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._container = av.open(str(self._scratch), "w", format="mp4", options={"movflags": "faststart"})
        except OSError as err:
            raise unwritable(self.path, err) from err

    def add(self, frame: np.ndarray, second: float | None = None) -> None:
        """Appends a frame, uint8 [H, W, 3] RGB. The first one fixes the size; odd sides lose a pixel (H.264).

        Args:
            second: when it is shown, for frames that come unevenly: then every frame has one.
        """
        if self._stream is None:
            self._stream = self._open_stream(frame.shape[0] // 2 * 2 or 2, frame.shape[1] // 2 * 2 or 2)
            if second is not None:
                self._stream.codec_context.time_base = CLOCK
        height, width = self._stream.height, self._stream.width
        if frame.shape[0] < height or frame.shape[1] < width or frame.shape[0] > height + 1 or frame.shape[1] > width + 1:
            frame = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        picture = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(frame[:height, :width]), format="rgb24")
        if second is not None:
            picture.pts, picture.time_base = round(second / CLOCK), CLOCK
        self._write(picture)

    def _write(self, picture) -> None:
        """A picture, or None for the end."""
        try:
            self._container.mux(self._stream.encode(picture))
        except OSError as err:
            raise unwritable(self.path, err) from err

    def _open_stream(self, height: int, width: int):
        codec = next(name for name in CODECS if name in self._av.codecs_available)
        stream = self._container.add_stream(codec, rate=self._fps)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        if codec != "mpeg4":
            stream.options = {"crf": "20", "preset": "veryfast"}
        return stream

    def __enter__(self) -> "VideoFile":
        return self

    def __exit__(self, kind, *_) -> None:
        complete = kind is None and self._stream is not None
        try:
            if complete:
                self._write(None)
            self._close()
            if complete:
                os.replace(self._scratch, self.path)
        finally:
            self._scratch.unlink(missing_ok=True)

    def _close(self) -> None:
        try:
            self._container.close()
        except OSError as err:  # what was held back did not fit
            raise unwritable(self.path, err) from err


def write_picture(path: str | Path, image: np.ndarray) -> None:
    """Writes uint8 [H, W, 3] RGB as the PNG or JPEG its suffix names.

    Raises:
        DataError: it cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg") or not cv2.imwrite(str(path), np.ascontiguousarray(image[..., ::-1])):
        raise DataError(f"{path}: cannot be written; pictures are .png or .jpg")


def strip_of(frames: Sequence[np.ndarray], gap: int = 4) -> np.ndarray:
    """Frames of one size side by side with white gaps: uint8 [H, n * W + gaps, 3]."""
    white = np.full((frames[0].shape[0], gap, 3), 255, np.uint8)
    return np.concatenate([part for frame in frames for part in (frame, white)][:-1], axis=1)
