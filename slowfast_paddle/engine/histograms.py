"""Distributions of weights, gradients and activations, for a look at what a network does inside."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import paddle
from paddle import nn

from slowfast_paddle.engine.curves import Curves

SAMPLED = 100_000  # values of one tensor that are looked at, evenly spread


class Histograms:
    """Collects one step's tensors: run the step inside `activations`, call `gradients` before the update, then `write`."""

    def __init__(self, network: nn.Layer) -> None:
        """Look at every layer of the network with a weight of more than one axis: convolutions and the classifier."""
        self._network = network
        self._layers = {
            name: layer
            for name, layer in network.named_sublayers()
            if isinstance(getattr(layer, "weight", None), paddle.Tensor) and layer.weight.ndim > 1
        }
        self._activations: dict[str, np.ndarray] = {}
        self._gradients: dict[str, np.ndarray] = {}

    @contextmanager
    def activations(self) -> Iterator[None]:
        """Keep what the layers put out inside; of several micro-batches the last."""
        hooks = [layer.register_forward_post_hook(self._keeper(name)) for name, layer in self._layers.items()]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _keeper(self, name: str) -> Callable[[nn.Layer, object, paddle.Tensor], None]:
        def keep(layer: nn.Layer, inputs: object, output: paddle.Tensor) -> None:
            self._activations[name] = _sample(output)

        return keep

    def gradients(self) -> None:
        """Keep the gradients as they are now."""
        parameters = [(name, p) for name, p in self._network.named_parameters() if not p.stop_gradient and p.grad is not None]
        self._gradients = {name: _sample(parameter.grad) for name, parameter in parameters}

    def write(self, curves: Curves, step: int) -> None:
        """Hand everything to the curves."""
        trained = {name: _sample(p) for name, p in self._network.named_parameters() if not p.stop_gradient}
        for kind, values in (("weights", trained), ("gradients", self._gradients), ("activations", self._activations)):
            curves.histogram(kind, step, values)
        self._activations, self._gradients = {}, {}


def _sample(tensor: paddle.Tensor) -> np.ndarray:
    """Up to SAMPLED finite values, float32."""
    values = tensor.detach().astype("float32").numpy().ravel()
    values = values[:: max(1, -(-values.size // SAMPLED))]
    return values[np.isfinite(values)]
