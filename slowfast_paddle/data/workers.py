"""Reader processes that survive what video files do to decoders.

Each reader has its own pipe and works through its tasks in order. A task that runs over its time is ended by the kernel (SIGALRM,
even inside a decoder that never returns). A reader that dies is replaced, the file it was at is named, and its unanswered tasks
are given again.
"""

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Iterable
from multiprocessing.connection import Connection, wait

import cv2

from slowfast_paddle.data import transport
from slowfast_paddle.data.kinetics import Key
from slowfast_paddle.data.sources import is_url, remove_scratch
from slowfast_paddle.errors import DataError, SlowFastError

_log = logging.getLogger(__name__)
MAX_DEATHS = 20  # without a sample in between
SLACK = 1.1  # the limits inside decoder and download come first and leave the process alive
_HUNG = -signal.SIGALRM if hasattr(signal, "SIGALRM") else None  # exit code; Windows has no alarms: hanging goes unnoticed


class _Reader:
    """One process, the parent's end of its pipe, the index it is at, and the tasks it has not answered."""

    def __init__(self, process, connection: Connection, at):
        self.process = process
        self.connection = connection
        self.at = at
        self.tasks: deque[tuple[int, Key]] = deque()
        self.told = 0  # entries of `unreadable` it knows


class ReaderPool:
    """Reads `dataset[key]` in several processes.

    Args:
        dataset: indexed by Key; has `name(index)` and a dict `unreadable` (index -> reason) it consults before opening a file. It
            may call `opening(index)`, set by the reader, when it opens another file than the key's.
        timeout_sec: longest time for one sample.
    """

    def __init__(self, dataset, num_workers: int, timeout_sec: float):
        self.dataset = dataset
        self.timeout_sec = timeout_sec
        self._forks = sys.platform == "linux"
        self._context = multiprocessing.get_context("fork" if self._forks else "spawn")
        self._readers: list[_Reader] = []
        self._died_at: dict[int, int] = {}
        self._deaths = 0
        for _ in range(num_workers):
            self._readers.append(self._start())

    def submit(self, tasks: Iterable[tuple[int, Key]]) -> None:
        """Shares tasks among the readers, always to the one with the least to do.

        One message a reader: its results wait in the same pipe, and hundreds of small messages both ways would leave each side
        waiting for the other to read.
        """
        shares: dict[_Reader, list[tuple[int, Key]]] = {}
        for task in tasks:
            reader = min(self._readers, key=lambda reader: len(reader.tasks))
            reader.tasks.append(task)
            shares.setdefault(reader, []).append(task)
        for reader, share in shares.items():
            self._give(reader, share)

    def collect(self) -> list[tuple[int, dict]]:
        """Waits for results and returns them as (task, sample), in any order.

        Raises:
            SlowFastError: what a dataset raised.
            DataError: readers keep dying.
        """
        results = []
        busy = {reader.connection: reader for reader in self._readers if reader.tasks}
        for connection in wait(list(busy)):
            reader = busy[connection]
            try:
                task, sample = transport.receive(connection)
            except (EOFError, ConnectionResetError):
                self._replace(reader)
                continue
            reader.tasks.popleft()
            self._deaths = 0
            if isinstance(sample, SlowFastError):
                raise sample
            results.append((task, sample))
        return results

    def close(self) -> None:
        """Ends all readers."""
        for reader in self._readers:
            reader.connection.close()
            reader.process.kill()
        for reader in self._readers:
            reader.process.join()
            remove_scratch(reader.process.pid)
        self._readers = []

    def _start(self) -> _Reader:
        ours, theirs = self._context.Pipe()
        inherited = [reader.connection for reader in self._readers] + [ours]
        at = self._context.RawValue("q", -1)
        arguments = (theirs, inherited if self._forks else [], at, self.dataset, self.timeout_sec)
        process = self._context.Process(target=_serve, args=arguments, daemon=True)
        process.start()
        theirs.close()
        return _Reader(process, ours, at)

    def _give(self, reader: _Reader, tasks: list[tuple[int, Key]]) -> None:
        news = list(self.dataset.unreadable.items())[reader.told :]
        reader.told += len(news)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died: collect will see it and give the task again
            reader.connection.send((tasks, news))

    def _replace(self, dead: _Reader) -> None:
        """Starts another reader with the tasks of a dead one; the file it was at is given up, or tried once more."""
        dead.process.join()
        dead.connection.close()
        remove_scratch(dead.process.pid)
        index, code = dead.at.value, dead.process.exitcode
        name = self.dataset.name(index) if index >= 0 else "start of a reader"
        self._deaths += 1
        self._died_at[index] = self._died_at.get(index, 0) + 1
        if code == _HUNG:
            why = "with its download" if is_url(name) else "the decoder hangs"
            reason = f"{name}: reading took longer than {self.timeout_sec:g} s, {why} (data.decode_timeout_sec)"
        else:
            reason = f"{name}: the reader process died while reading it ({_ending(code)})"
        if self._deaths > MAX_DEATHS:
            raise DataError(f"reader processes died {self._deaths} times in a row, the last time at {reason}")
        if code == _HUNG or self._died_at[index] > 1:
            self.dataset.unreadable[index] = reason
            _log.warning("%s; skipping it", reason)
        else:  # out of memory or a stray signal: not necessarily the file's doing
            _log.warning("%s; trying once more", reason)
        self._readers.remove(dead)
        fresh = self._start()
        self._readers.append(fresh)
        fresh.tasks.extend(dead.tasks)
        self._give(fresh, list(dead.tasks))


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}, its traceback is above"
    name = signal.Signals(-code).name
    return "killed; out of memory? lower data.workers" if name == "SIGKILL" else f"signal {name}"


def _alarm(seconds: float) -> None:
    """End this process in so many seconds; 0 never."""
    if _HUNG is not None:
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _serve(connection: Connection, inherited: list[Connection], at, dataset, timeout_sec: float) -> None:
    """Body of a reader process; `inherited` are the parent's ends of pipes, open here too after a fork."""
    for other in inherited:  # or a dead parent would go unnoticed
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if _HUNG is not None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    cv2.setNumThreads(0)
    dataset.opening = lambda index: setattr(at, "value", index)
    while True:
        try:
            tasks, news = connection.recv()
        except (EOFError, ConnectionResetError):
            os._exit(0)
        dataset.unreadable.update(news)
        for task, key in tasks:
            at.value = key.index
            _alarm(SLACK * timeout_sec)  # for code that never returns
            try:
                sample = dataset[key]
            except SlowFastError as err:
                sample = err
            _alarm(0)
            try:
                transport.send(connection, (task, sample))
            except (BrokenPipeError, ConnectionResetError):
                os._exit(0)
