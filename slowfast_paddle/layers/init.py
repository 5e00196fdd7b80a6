"""Initial weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

import paddle
from paddle import nn
from paddle.nn import initializer

CLASSIFIER_STD = 0.01
_random = True


@contextmanager
def without_random_weights() -> Iterator[None]:
    """Within it networks are built with zeros, for weights that are loaded at once: random ones take a second."""
    global _random
    before, _random = _random, False
    initializer.set_global_initializer(initializer.Constant(0.0))
    try:
        yield
    finally:
        _random = before
        initializer.set_global_initializer(None)


@paddle.no_grad()
def initialise(network: nn.Layer, zero_final_norm: bool) -> None:
    """He normal by fan-out for convolutions, normal for classifiers, zero for the last scale of residual branches.

    Layers say which normalisation is the last of a residual branch by a list attribute `final_norm`.
    Source: He et al. 2015; Goyal et al. 2017; PySlowFast weight_init_helper.init_weights.
    """
    for layer in network.sublayers() if _random else ():
        if isinstance(layer, nn.Conv3D):
            out_channels, _, *kernel = layer.weight.shape
            # Paddle: KaimingNormal knows only fan_in, so fan_out is passed under that name.
            initializer.KaimingNormal(fan_in=out_channels * prod(kernel))(layer.weight)
            if layer.bias is not None:
                layer.bias.set_value(paddle.zeros_like(layer.bias))
        elif isinstance(layer, nn.Linear):
            initializer.Normal(0.0, CLASSIFIER_STD)(layer.weight)
            layer.bias.set_value(paddle.zeros_like(layer.bias))
        if zero_final_norm:
            for norm in getattr(layer, "final_norm", ()):
                norm.weight.set_value(paddle.zeros_like(norm.weight))
