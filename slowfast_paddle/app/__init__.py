"""Composition root: the only part that reads a Config and wires networks, readers and loops together.

build.py makes the parts, weights.py finds and reads checkpoints, and training.py, testing.py and prediction.py are what
the three entry scripts run.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "start": "machine",
    "build_model": "build",
    "build_loader": "build",
    "load_model": "weights",
    "train": "training",
    "test": "testing",
    "predict": "prediction",
}
__all__ = list(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'slowfast_paddle.app' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
