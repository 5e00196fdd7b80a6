"""A network with everything needed to score videos: weights, reading, packing and names, from one checkpoint."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from paddle import nn

from slowfast_paddle import checkpoint
from slowfast_paddle.app import build
from slowfast_paddle.config.schema import Config
from slowfast_paddle.data.protocol import Protocol, get_protocol
from slowfast_paddle.engine.evaluator import score_video
from slowfast_paddle.export.compile import CompiledNetwork
from slowfast_paddle.models.pack import PackPathways


@dataclass(frozen=True)
class Scorer:
    """What scores a test item.

    Attributes:
        network: in eval mode.
        runner: the network, or its compiled form on the CPU; gives the same logits.
        names: one name per class; its number where none is known.
    """

    config: Config
    protocol: Protocol
    network: nn.Layer
    runner: Callable[..., Any]
    pack: PackPathways
    names: tuple[str, ...]

    @property
    def multi_label(self) -> bool:
        """Whether several classes may apply to one video."""
        return self.config.model.head.activation == "sigmoid"

    def score(self, item: dict) -> np.ndarray:
        """Scores [K] of one test item, as evaluation computes them."""
        config = self.config
        views, classes, average = config.test.views_per_forward, config.model.num_classes, config.test.average
        return score_video(self.runner, self.pack, item, classes, views, average, self.multi_label)


def open_scorer(config: Config, weights: Path, gpu: bool) -> Scorer:
    """Builds the network of a configuration, loads the weights and gets ready to score.

    The protocol is that of the configuration, else the one the weights were made for, else pyslowfast.

    Raises:
        CheckpointError: the weights are missing or do not fit.
    """
    facts = checkpoint.load_sidecar(weights)
    protocol = get_protocol(config.test.protocol or (facts.get("protocol") or {}).get("name") or "pyslowfast")
    if config.test.protocol:
        config = under(config, protocol)
    network = build.build_model(config)
    checkpoint.load_weights(network, checkpoint.load_state(weights), checkpoint.part(weights, checkpoint.WEIGHTS))
    network.eval()
    runner = CompiledNetwork(network) if config.test.compiled and not gpu else network
    known = facts.get("class_names") or build.names_of(config) or [None] * config.model.num_classes
    names = tuple(name or str(i) for i, name in enumerate(known))
    return Scorer(config, protocol, network, runner, build.build_pack(config, network, protocol.slow_rule), names)


def under(config: Config, protocol: Protocol) -> Config:
    """The configuration with a protocol's head and averaging, for weights tested as another project would."""
    average = "logits" if protocol.average == "score" else "probabilities"
    head = config.model.head.model_copy(update={"pool": protocol.head, "average": average})
    return config.model_copy(update={"model": config.model.model_copy(update={"head": head})})
