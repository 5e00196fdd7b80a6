"""Live sources: the newest frames are scored, older ones are dropped, so that the answer never falls behind."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from slowfast_paddle.errors import DataError

CLOSING_SEC = 2.0  # a camera that stands still may block for longer; its thread ends with the process


@dataclass(frozen=True, eq=False)
class LiveResult:
    """One answer.

    Attributes:
        scores: [K] of the window that ended with `frame`.
        frame: the newest frame of the window, uint8 [H, W, 3] RGB, as it came.
        latency_sec: from the arrival of that frame to the answer.
        dropped: frames so far that were never the newest of a window, because the network was busy.
    """

    scores: np.ndarray
    frame: np.ndarray
    latency_sec: float
    dropped: int


class LatestFrames:
    """Reads a camera in its own thread and keeps the last `window_sec` seconds, at most `limit` frames."""

    def __init__(
        self, read: Callable[[], np.ndarray | None], window_sec: float, limit: int, keep: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        """Starts reading.

        Args:
            read: next frame uint8 [H, W, 3] RGB, or None at the end; may block.
            window_sec: seconds a window spans.
            limit: most frames held, whatever the camera's rate.
            keep: applied to every frame that is held (a resize), so that a large camera does not fill the memory.
        """
        self._read, self._keep, self._window_sec = read, keep, window_sec
        self._frames: deque[tuple[float, np.ndarray]] = deque(maxlen=limit)
        self._changed = threading.Condition()
        self._newest: np.ndarray | None = None
        self._arrived = self._used = self.dropped = 0  # dropped: frames that came and went while the network was busy
        self._ended = self._stopped = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stopped and (frame := self._read()) is not None:
                frame = _checked(frame).copy()  # the camera may fill the same array again
                entry = (time.monotonic(), self._keep(frame))
                with self._changed:
                    self._frames.append(entry)
                    self._newest = frame
                    self._arrived += 1
                    self._changed.notify_all()
        except BaseException as err:  # noqa: BLE001  raised again where the frames are used
            self._failure = err
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def window(self, count: int, until: float = math.inf) -> tuple[np.ndarray, np.ndarray, float] | None:
        """Waits for a frame that no window has seen; None when the source has ended, or at `until` (monotonic seconds).

        Returns:
            clip uint8 [count, h, w, 3], evenly spread over the last `window_sec` seconds (the first frame repeats while fewer
            have come), the newest frame as it came, and its arrival (monotonic seconds).
        """
        with self._changed:
            left = min(until - time.monotonic(), threading.TIMEOUT_MAX)
            self._changed.wait_for(lambda: self._arrived > self._used or self._ended, left)
            if self._failure is not None:
                raise self._failure
            if self._arrived == self._used or time.monotonic() >= until:
                return None
            self.dropped += self._arrived - self._used - 1
            held, newest, self._used = list(self._frames), self._newest, self._arrived
        end = held[-1][0]
        times = np.array([when for when, _ in held])
        wanted = np.linspace(end - self._window_sec, end, count)
        places = np.clip(np.searchsorted(times, wanted, side="right") - 1, 0, len(held) - 1)
        return np.stack([held[place][1] for place in places]), newest, end

    def close(self) -> None:
        """Stops reading; waits for a read under way, CLOSING_SEC at most."""
        self._stopped = True
        self._thread.join(timeout=CLOSING_SEC)


def _checked(frame: np.ndarray) -> np.ndarray:
    if isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3 and frame.size:
        return frame
    found = f"{frame.dtype} {list(frame.shape)}" if isinstance(frame, np.ndarray) else type(frame).__name__
    raise DataError(f"live frame: found {found}; expected uint8 [H, W, 3] in RGB, or None at the end")


def live(
    frames: LatestFrames, count: int, score: Callable[[np.ndarray], np.ndarray], until: float = math.inf
) -> Iterator[LiveResult]:
    """Scores the newest window again and again until the source ends.

    Args:
        frames: the running reader; closed at the end.
        count: frames in a clip.
        score: clip [T, h, w, 3] to scores [K].
        until: when to stop (monotonic seconds), whether frames come or not.

    Raises:
        DataError: a frame of the wrong type or shape. What `read` raises comes out as it is.
    """
    try:
        while (got := frames.window(count, until)) is not None:
            clip, newest, arrived = got
            scores = score(clip)
            yield LiveResult(scores, newest, time.monotonic() - arrived, frames.dropped)
    finally:
        frames.close()
