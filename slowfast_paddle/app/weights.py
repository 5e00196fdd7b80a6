"""Which weights a run takes, and a network from a checkpoint that knows its own configuration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paddle import nn

from slowfast_paddle import checkpoint, log
from slowfast_paddle.app.build import build_model
from slowfast_paddle.app.multigrid import epochs_of
from slowfast_paddle.cli import DEFAULT_WEIGHTS
from slowfast_paddle.config.load import load_config
from slowfast_paddle.config.schema import Config
from slowfast_paddle.errors import CheckpointError
from slowfast_paddle.layers.init import without_random_weights
from slowfast_paddle.locks import PADDLE

_logger = log.get(__name__)


def choose_weights(config: Config, explicit: str | None) -> Path:
    """The checkpoint to test or predict with: the one named, else the last one of train.save_dir, else the default.

    Raises:
        CheckpointError: there is none.
    """
    if explicit is not None:
        _logger.info("weights: %s", explicit)
        return checkpoint.stem(explicit)
    folder = Path(config.train.save_dir)
    final = folder / f"slowfast_epoch{epochs_of(config) - 1}"
    for candidate in (final, checkpoint.find_latest(folder), Path(DEFAULT_WEIGHTS)):
        if candidate is not None and checkpoint.part(candidate, checkpoint.WEIGHTS).is_file():
            _logger.info("weights: %s", candidate)
            return candidate
    raise CheckpointError(
        f"no weights: neither --weights, nor a checkpoint in {folder}, nor {DEFAULT_WEIGHTS}.pdparams; name one with --weights FILE"
    )


def load_model(path: str | Path, config: Config | None = None) -> nn.Layer:
    """A network ready to use, in eval mode.

    Args:
        path: a checkpoint, with or without .pdparams.
        config: what the network is; by default what the checkpoint's sidecar says.

    Raises:
        CheckpointError: no sidecar and no config, or weights that are damaged or do not fit.
    """
    if config is None:
        config = load_config(sidecar_config(path))
    file = checkpoint.part(path, checkpoint.WEIGHTS)
    state = checkpoint.load_state(path)
    classes, numbers = config.model.num_classes, sum(value.size for value in state.values())
    if classes > numbers:  # seen before a network of that size takes all memory
        raise CheckpointError(
            f"{file}: holds {numbers} numbers, too few for model.num_classes {classes}; use the config the weights were trained with"
        )
    with PADDLE:  # Paddle: while another thread traces, 2.6 makes parameters without memory and 3.3 refuses their type
        with without_random_weights():
            network = build_model(config)
        checkpoint.load_weights(network, state, file)
    network.eval()
    return network


def sidecar_config(path: str | Path) -> Mapping[str, Any]:
    """The configuration inside a checkpoint's sidecar.

    Raises:
        CheckpointError: there is none.
    """
    if not checkpoint.part(path, checkpoint.WEIGHTS).is_file():
        raise CheckpointError(
            f"{checkpoint.part(path, checkpoint.WEIGHTS)}: no such weight file; expected the path of a .pdparams (the ending may be left out)"
        )
    facts = checkpoint.load_sidecar(path)
    if facts.get("config") is None:
        raise CheckpointError(
            f"{checkpoint.part(path, checkpoint.SIDECAR)}: no configuration beside the weights; say what the network is with --config"
        )
    return facts["config"]


def stated_names(path: str | Path, config: Config) -> list[str | None] | None:
    """The class names inside a checkpoint's sidecar; None where it has none.

    Raises:
        CheckpointError: there is not one for each class.
    """
    names = checkpoint.load_sidecar(path).get("class_names")
    if names is not None and len(names) != config.model.num_classes:
        raise CheckpointError(
            f"{checkpoint.part(path, checkpoint.SIDECAR)}: class_names: {len(names)} names for {config.model.num_classes} classes; "
            "expected one name (or null) for each class: correct the list or remove it"
        )
    return names
