"""Exact batch-norm statistics: what the weights of this moment produce, not a trail of what older weights produced."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import paddle
from paddle import nn
from paddle.nn.layer.norm import _BatchNormBase

from slowfast_paddle import distributed


class _Moments:
    """Sums of one layer's inputs over batches; channels are axis 1."""

    def __init__(self, channels: int) -> None:
        self.sum = np.zeros(channels)
        self.sum_of_squares = np.zeros(channels)
        self.count = 0.0

    def add(self, x: paddle.Tensor) -> None:
        axes = [axis for axis in range(x.ndim) if axis != 1]
        count = x.size // x.shape[1]
        x = x.astype("float32")
        # float32 within a batch, float64 across batches; the centred second moment keeps the digits of the variance.
        mean = x.mean(axes, keepdim=True)
        variance = (x - mean).square().mean(axes).numpy().astype(np.float64)
        mean = mean.flatten().numpy().astype(np.float64)
        self.sum += count * mean
        self.sum_of_squares += count * (variance + mean**2)
        self.count += count

    def population(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and biased variance over all batches of all processes."""
        total = distributed.all_sum(np.concatenate([[self.count], self.sum, self.sum_of_squares]))
        count, rest = total[0], total[1:]
        mean, mean_of_squares = rest[: len(self.sum)] / count, rest[len(self.sum) :] / count
        return mean, np.maximum(mean_of_squares - mean**2, 0.0)


def update_bn_statistics(network: nn.Layer, batches: Iterable[Any], forward: Callable[[Any], Any]) -> int:
    """Replace the running statistics of every training BN by those of whole batches.

    The network runs in training mode without gradient, so that each layer sees inputs normalised by the batch, as in
    training. Frozen BN layers (use_global_stats) and BN layers in eval mode keep theirs. The network's own modes are
    restored. Every process must pass at least one batch.

    Args:
        network: holds the BN layers.
        batches: what to run; ranks may run different numbers of them unless BN is synchronised.
        forward: runs the network on one batch.

    Returns:
        Number of batches this process ran.

    Source: fvcore.nn.precise_bn.update_bn_stats (population mean and biased variance, weighted by batch size).
    """
    modes = [(layer, layer.training) for layer in network.sublayers(include_self=True)]
    layers = [layer for layer in network.sublayers(include_self=True) if isinstance(layer, _BatchNormBase)]
    layers = [layer for layer in layers if not layer._use_global_stats and layer.training]
    if not layers:
        return 0
    moments = [_Moments(layer._mean.shape[0]) for layer in layers]
    kept = [(layer._mean.numpy(), layer._variance.numpy()) for layer in layers]
    hooks = [layer.register_forward_pre_hook(_collector(moment)) for layer, moment in zip(layers, moments)]
    ran = 0
    try:
        with paddle.no_grad():
            for batch in batches:
                forward(batch)
                ran += 1
    finally:
        for hook in hooks:
            hook.remove()
        for layer, mode in modes:
            layer.training = mode
        for layer, (mean, variance) in zip(layers, kept):
            layer._mean.set_value(mean)
            layer._variance.set_value(variance)
    for layer, moment in zip(layers, moments):
        mean, variance = moment.population()
        layer._mean.set_value(mean.astype(np.float32))
        layer._variance.set_value(variance.astype(np.float32))
    return ran


def _collector(moments: _Moments) -> Callable[[nn.Layer, tuple], None]:
    def collect(layer: nn.Layer, inputs: tuple) -> None:
        moments.add(inputs[0])

    return collect


def average_bn_statistics(network: nn.Layer) -> None:
    """Give every rank the mean of all ranks' running statistics, which differ because each rank sees its own clips."""
    if distributed.world_size() == 1:
        return
    layers = [layer for layer in network.sublayers(include_self=True) if isinstance(layer, _BatchNormBase)]
    statistics = [tensor for layer in layers for tensor in (layer._mean, layer._variance)]
    if not statistics:
        return
    joined = np.concatenate([tensor.numpy() for tensor in statistics]).astype(np.float64)
    averaged = distributed.all_sum(joined) / distributed.world_size()
    ends = np.cumsum([tensor.shape[0] for tensor in statistics])
    for tensor, values in zip(statistics, np.split(averaged.astype(np.float32), ends[:-1])):
        tensor.set_value(values)
