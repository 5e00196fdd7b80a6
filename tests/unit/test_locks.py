"""A forked child goes on whatever the other threads of its parent held."""

import os
import threading

import pytest

from slowfast_paddle.locks import PADDLE, ForkLock

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def ends_well(work) -> bool:
    """Whether work() ends without an error in a forked child; a child that hangs is stopped."""
    child = os.fork()
    if not child:
        threading.Timer(5, lambda: os._exit(2)).start()
        work()
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def held(lock, leave):
    """Starts a thread that holds the lock until `leave` is set."""
    entered = threading.Event()

    def hold():
        with lock:
            entered.set()
            leave.wait(5)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(5)
    return thread


def test_a_lock_is_free_in_a_child():
    lock, leave = ForkLock(), threading.Event()
    thread = held(lock, leave)

    def work():
        for _ in range(2):
            with lock:
                pass

    assert ends_well(work)
    leave.set()
    thread.join()


def test_a_fork_waits_until_paddle_is_as_before():
    leave, done = threading.Event(), []
    thread = held(PADDLE, leave)
    threading.Timer(0.1, lambda: (done.append(True), leave.set())).start()

    def work():
        if not done:
            os._exit(3)
        with PADDLE:
            pass

    assert ends_well(work)
    thread.join()
