"""Exponential moving average of a network's weights and BN statistics, evaluated beside the raw ones."""

import contextlib
from collections.abc import Iterator, Mapping

import numpy as np
import paddle
from paddle import nn


class Ema:
    """A shadow of the network that follows it slowly.

    Early on it follows faster, min(decay, (1 + n) / (10 + n)) after n steps, so that short runs do not keep the start.
    """

    def __init__(self, network: nn.Layer, decay: float) -> None:
        self._network = network
        self._decay = decay
        self._steps = 0
        self._shadow = {name: value.clone().detach() for name, value in network.state_dict().items()}

    @paddle.no_grad()
    def update(self) -> None:
        """Take one optimizer step into account."""
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        for name, value in self._network.state_dict().items():
            self._shadow[name] = decay * self._shadow[name] + (1.0 - decay) * value.detach()

    @contextlib.contextmanager
    def swapped(self) -> Iterator[None]:
        """The network holds the averaged state inside; what changes there (precise BN) stays in the average."""
        tensors = self._network.state_dict()
        raw = {name: value.clone().detach() for name, value in tensors.items()}
        for name, value in tensors.items():
            value.set_value(self._shadow[name])
        try:
            yield
            self._shadow = {name: value.clone().detach() for name, value in tensors.items()}
        finally:
            for name, value in tensors.items():
                value.set_value(raw[name])

    def state(self) -> dict[str, object]:
        """Plain values for a checkpoint."""
        return {"steps": self._steps, "weights": self.weights()}

    def weights(self) -> dict[str, np.ndarray]:
        """The averaged state by name."""
        return {name: value.numpy() for name, value in self._shadow.items()}

    def load(self, state: Mapping[str, object]) -> None:
        """Put back what `state` returned."""
        self._steps = int(state["steps"])
        self._shadow = {name: paddle.to_tensor(np.array(value)) for name, value in state["weights"].items()}
