"""Live sources: the newest frames are scored, older ones are dropped, so that the answer never falls behind."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


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
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stopped and (frame := self._read()) is not None:
                entry = (time.monotonic(), self._keep(frame))
                with self._changed:
                    self._frames.append(entry)
                    self._newest = frame
                    self._arrived += 1
                    self._changed.notify_all()
        except (OSError, ValueError, RuntimeError) as err:
            self._failure = err
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def window(self, count: int) -> tuple[np.ndarray, np.ndarray, float] | None:
        """Waits for a frame that no window has seen; None when the source has ended.

        Returns:
            clip uint8 [count, h, w, 3], evenly spread over the last `window_sec` seconds (the first frame repeats while fewer
            have come), the newest frame as it came, and its arrival (monotonic seconds).
        """
        with self._changed:
            self._changed.wait_for(lambda: self._arrived > self._used or self._ended)
            if self._failure is not None:
                raise self._failure
            if self._arrived == self._used:
                return None
            self.dropped += self._arrived - self._used - 1
            held, newest, self._used = list(self._frames), self._newest, self._arrived
        end = held[-1][0]
        times = np.array([when for when, _ in held])
        wanted = np.linspace(end - self._window_sec, end, count)
        places = np.clip(np.searchsorted(times, wanted, side="right") - 1, 0, len(held) - 1)
        return np.stack([held[place][1] for place in places]), newest, end

    def close(self) -> None:
        """Stops reading; waits for a read under way, two seconds at most."""
        self._stopped = True
        self._thread.join(timeout=2.0)


def live(frames: LatestFrames, count: int, score: Callable[[np.ndarray], np.ndarray]) -> Iterator[LiveResult]:
    """Scores the newest window again and again until the source ends.

    Args:
        frames: the running reader; closed at the end.
        count: frames in a clip.
        score: clip [T, h, w, 3] to scores [K].
    """
    try:
        while (got := frames.window(count)) is not None:
            clip, newest, arrived = got
            scores = score(clip)
            yield LiveResult(scores, newest, time.monotonic() - arrived, frames.dropped)
    finally:
        frames.close()
