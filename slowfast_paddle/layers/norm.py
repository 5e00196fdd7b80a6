"""Batch normalisation in the four kinds the references use. All have the state of a plain BatchNorm3D."""

import paddle
import paddle.nn.functional as F
from paddle import nn

from slowfast_paddle.errors import ConfigError
from slowfast_paddle.layers.sync_bn import SyncBatchNorm3D


def build_norm(spec, channels: int) -> nn.Layer:
    """Normalisation of `channels` channels.

    Args:
        spec: has kind, eps, momentum and splits (`models.spec.NormSpec`).
    """
    if spec.kind == "sub":
        return SubBatchNorm3D(channels, spec.splits, momentum=spec.momentum, epsilon=spec.eps)
    if spec.kind == "frozen":
        return nn.BatchNorm3D(channels, momentum=spec.momentum, epsilon=spec.eps, use_global_stats=True)
    if spec.kind == "sync" and paddle.device.get_device().startswith("gpu"):
        return GpuSyncBatchNorm(channels, momentum=spec.momentum, epsilon=spec.eps)
    if spec.kind == "sync":  # Paddle: SyncBatchNorm has no CPU kernel in 2.6 and 3.3, not even for evaluation
        return SyncBatchNorm3D(channels, momentum=spec.momentum, epsilon=spec.eps)
    return nn.BatchNorm3D(channels, momentum=spec.momentum, epsilon=spec.eps)


def set_splits(network: nn.Layer, splits: int) -> None:
    """Let every SubBatchNorm3D of a network see its batches in so many parts."""
    for layer in network.sublayers():
        if isinstance(layer, SubBatchNorm3D):
            layer.splits = splits


class GpuSyncBatchNorm(nn.SyncBatchNorm):
    """Paddle's, which ignores the switch that freezes statistics."""

    def forward(self, x):
        """[B, C, T, H, W] to the same shape."""
        if not self._use_global_stats:
            return nn.SyncBatchNorm.forward(self, x)
        return F.batch_norm(x, self._mean, self._variance, self.weight, self.bias, training=False, epsilon=self._epsilon)


class SubBatchNorm3D(nn.BatchNorm3D):
    """Normalises each of `splits` parts of the batch by its own statistics, as if each were on a device of its own.

    The running statistics are those of the average part; the reference keeps one set per part and averages
    them before testing, which differs only by the small variance of the running means.
    Source: Wu et al. 2020 (multigrid); PySlowFast batchnorm_helper.SubBatchNorm3d.
    """

    def __init__(self, channels: int, splits: int, **kwargs):
        super().__init__(channels, **kwargs)
        self.splits = splits

    def forward(self, x):
        """[B, C, T, H, W], B divisible by splits when training."""
        if not self.training or self._use_global_stats or self.splits == 1:
            return nn.BatchNorm3D.forward(self, x)  # Paddle: 2.6 cannot trace super() for export
        batch, channels, *size = x.shape
        if batch % self.splits:
            raise ConfigError(f"model.norm.splits: {self.splits} does not divide the {batch} clips of a process's batch")
        # Parts become channels, so that one call normalises all of them apart.
        parts = x.reshape([self.splits, batch // self.splits, channels, *size]).transpose([1, 0, 2, 3, 4, 5])
        parts = parts.reshape([batch // self.splits, self.splits * channels, *size])
        # With momentum 0 the call leaves the statistics of this batch in the two buffers.
        mean = paddle.zeros([self.splits * channels], self._mean.dtype)
        variance = paddle.zeros_like(mean)
        parts = F.batch_norm(
            parts,
            mean,
            variance,
            self.weight.tile([self.splits]),
            self.bias.tile([self.splits]),
            training=True,
            momentum=0.0,
            epsilon=self._epsilon,
        )
        self._track(self._mean, mean)
        self._track(self._variance, variance)
        parts = parts.reshape([batch // self.splits, self.splits, channels, *size]).transpose([1, 0, 2, 3, 4, 5])
        return parts.reshape(x.shape)

    @paddle.no_grad()
    def _track(self, running, parts) -> None:
        now = parts.reshape([self.splits, -1]).mean(0)
        running.set_value(self._momentum * running + (1 - self._momentum) * now)
