"""SIGTERM and SIGINT as a request to stop after the step, instead of an end in the middle of it."""

import os
import signal
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopNow(Exception):
    """Raised out of an interruptible stretch when a stop is asked for."""


class StopRequest:
    """A context in which the signals are noted; `exit_code` is 143 after SIGTERM and 130 after SIGINT.

    A second SIGINT ends the process at once. Worker processes forked inside inherit the handlers: they ignore SIGINT, of
    which a terminal sends one to every process, and die of SIGTERM as usual. While `interruptible` the first signal raises
    StopNow wherever the process is.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.interruptible = False
        self._previous: dict[int, object] = {}
        self._owner = os.getpid()

    @property
    def exit_code(self) -> int:
        """0 while nothing was asked for."""
        return 128 + self.received if self.received else 0

    def __enter__(self) -> "StopRequest":
        self._previous = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._owner:
            if number == signal.SIGTERM:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
            return
        if self.received == signal.SIGINT == number:
            raise KeyboardInterrupt
        self.received = self.received or number
        if self.interruptible:
            self.interruptible = False
            raise StopNow
