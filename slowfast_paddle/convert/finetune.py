"""Start a network for other classes from trained weights: everything but the classifier."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from slowfast_paddle import log
from slowfast_paddle.errors import CheckpointError

if TYPE_CHECKING:
    from paddle.nn import Layer

_logger = log.get(__name__)
_CLASSIFIER = "head.classifier."
_SHOWN = 5
MIN_MATCH = 0.9


def load_backbone(model: "Layer", state: Mapping[str, np.ndarray]) -> tuple[list[str], list[str]]:
    """Copies every tensor whose name and shape fit, the classifier apart, and logs what was and was not loaded.

    Args:
        model: the new network; its classifier keeps its initial weights.
        state: arrays by state-dict name.

    Returns:
        Names that were loaded, and names of the backbone that were not.

    Raises:
        CheckpointError: less than MIN_MATCH of the backbone's numbers were found; the model is left as it was.
    """
    backbone = {name: value for name, value in model.state_dict().items() if not name.startswith(_CLASSIFIER)}
    fitting = [name for name, value in backbone.items() if name in state and list(state[name].shape) == list(value.shape)]
    missed = [name for name in backbone if name not in set(fitting)]
    total = sum(_count(value.shape) for value in backbone.values())
    share = sum(_count(backbone[name].shape) for name in fitting) / total
    if share < MIN_MATCH:
        raise CheckpointError(
            f"only {share:.1%} of the backbone is in these weights ({_reasons(missed, backbone, state)}); expected at least "
            f"{MIN_MATCH:.0%}: use the model section the weights were trained with, or convert a foreign file first"
        )
    for name in fitting:
        backbone[name].set_value(np.asarray(state[name]).astype(backbone[name].numpy().dtype))
    unused = [name for name in state if name not in backbone and not name.startswith(_CLASSIFIER)]
    _logger.info("fine-tuning: loaded %d of %d backbone tensors (%.1f %%)", len(fitting), len(backbone), 100 * share)
    _logger.info("fine-tuning: not loaded: the classifier%s", f"; {_reasons(missed, backbone, state)}" if missed else "")
    if unused:
        _logger.info("fine-tuning: in the weights but not in this network: %s", _listed(unused))
    return fitting, missed


def _reasons(names: list[str], backbone: Mapping, state: Mapping[str, np.ndarray]) -> str:
    return _listed(
        [
            f"{name} {list(state[name].shape)} instead of {list(backbone[name].shape)}" if name in state else f"{name} missing"
            for name in names
        ]
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _count(shape) -> int:
    return int(np.prod(shape))
