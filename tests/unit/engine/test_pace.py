"""Memory in the same unit on every system, and modules that only some systems have."""

import resource
import runpy
import signal
import sys
from types import SimpleNamespace

import pytest

from slowfast_paddle.data import workers
from slowfast_paddle.engine import pace


@pytest.mark.parametrize(("platform", "expected"), [("linux", 2.048), ("darwin", 0.002), ("win32", 0.0)])
def test_peak_memory_is_in_gb(monkeypatch, platform, expected):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=2_000_000))
    assert pace.memory_gb() == pytest.approx(expected)


@pytest.mark.parametrize("module", [pace, workers])
def test_training_is_imported_without_what_windows_lacks(monkeypatch, module):
    monkeypatch.setitem(sys.modules, "resource", None)
    for name in ("SIGALRM", "SIGKILL", "setitimer"):
        monkeypatch.delattr(signal, name)
    assert runpy.run_path(module.__file__)["__doc__"] == module.__doc__
