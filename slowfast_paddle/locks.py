"""Locks that a forked child can go on with: it has the memory of all its parent's threads, but only one of them."""

import os
import threading
import weakref

# Held by who changes settings of Paddle that are the whole process's (how programs are represented, tracing), and by who
# would be disturbed. A fork waits for it: what is half changed nobody would change back in the child.
PADDLE = threading.RLock()

_making = threading.Lock()
_locks: "weakref.WeakSet[ForkLock]" = weakref.WeakSet()


class ForkLock:
    """A lock that is free in a forked child, whichever thread of the parent held it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        with _making:
            _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_) -> None:
        self._lock.release()


def _before_fork() -> None:
    PADDLE.acquire()
    _making.acquire()


def _after_fork() -> None:
    _making.release()
    PADDLE.release()


def _after_fork_in_child() -> None:
    for lock in _locks:
        lock._lock = threading.Lock()
    _after_fork()


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
