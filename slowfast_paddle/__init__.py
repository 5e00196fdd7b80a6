"""SlowFast networks for video action recognition and detection in PaddlePaddle.

Names resolve on first use, so that importing the package (and every `--help`) never imports paddle.
"""

from importlib import import_module
from typing import Any

__version__ = "1.0.0"

_HOMES = {
    "SlowFastError": "slowfast_paddle.errors",
    "load_config": "slowfast_paddle.config.load",
    "list_models": "slowfast_paddle.models.registry",
    "build_model": "slowfast_paddle.app",
    "load_model": "slowfast_paddle.app",
    "build_loader": "slowfast_paddle.app",
    "load_weights": "slowfast_paddle.checkpoint",
    "Trainer": "slowfast_paddle.engine.trainer",
    "evaluate": "slowfast_paddle.engine.evaluator",
    "Predictor": "slowfast_paddle.app.predictor",
}
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'slowfast_paddle' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
