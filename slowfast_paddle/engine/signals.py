"""SIGTERM and SIGINT as a request to stop after the step, instead of an end in the middle of it."""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import TypeVar

import numpy as np

from slowfast_paddle import distributed

Item = TypeVar("Item")

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopNow(Exception):
    """Raised out of an interruptible stretch when a stop is asked for."""


class StopRequest:
    """A context in which the signals are noted; `exit_code` is 143 after SIGTERM and 130 after SIGINT.

    A second SIGINT ends the process at once. Worker processes forked inside inherit the handlers: they ignore SIGINT, of
    which a terminal sends one to every process, and die of SIGTERM as usual.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._interruptible = False
        self._previous: dict[int, object] = {}
        self._owner = os.getpid()

    @property
    def exit_code(self) -> int:
        """0 while nothing was asked for."""
        return 128 + self.received if self.received else 0

    def agreed(self) -> bool:
        """Whether any rank was told to stop; all ask at the same places, so that none waits for one that has left."""
        told = distributed.all_sum(np.array([float(self.received is not None)]))[0] > 0
        if told:
            self.received = self.received or signal.SIGTERM
        return told

    def until_told(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, equally many on every rank; StopNow before the next one on all of them."""
        for item in items:
            if self.agreed():
                raise StopNow
            yield item

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """A signal inside raises StopNow at once in a single process; several agree before it and see it through."""
        if self.agreed():
            raise StopNow
        self._interruptible = distributed.world_size() == 1
        try:
            yield
        finally:
            self._interruptible = False

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
        if self._interruptible:
            self._interruptible = False
            raise StopNow
