"""Batch norm over the clips of all processes on CPU, where Paddle has no kernel for it."""

import numpy as np
import paddle
from paddle import nn
from paddle.autograd import PyLayer

from slowfast_paddle import distributed

_AXES = (0, 2, 3, 4)


def _columns(values: np.ndarray) -> paddle.Tensor:
    """Per-channel float64 numbers as a float32 tensor [1, C, 1, 1, 1]."""
    return paddle.to_tensor(values.astype(np.float32)).reshape([1, -1, 1, 1, 1])


def _channel_sums(*tensors: paddle.Tensor) -> np.ndarray:
    """Local sums over everything but channels, float64, one after the other."""
    return np.concatenate([tensor.sum(_AXES).numpy() for tensor in tensors]).astype(np.float64)


class _Normalise(PyLayer):
    """y = (x - mean) / std * weight + bias, where mean and std depend on the x of every process."""

    @staticmethod
    def forward(ctx, x, weight, bias, mean, inverse_std, count):
        """Shapes: x [B, C, T, H, W]; weight, bias [C]; mean, inverse_std: numpy [C]; count: samples of all processes."""
        normalised = (x - _columns(mean)) * _columns(inverse_std)
        ctx.save_for_backward(normalised, weight)
        ctx.inverse_std, ctx.count = inverse_std, count
        return normalised * weight.reshape([1, -1, 1, 1, 1]) + bias.reshape([1, -1, 1, 1, 1])

    @staticmethod
    def backward(ctx, grad):
        """The gradient through mean and std needs the sums over all processes; those of weight and bias stay local."""
        normalised, weight = ctx.saved_tensor()
        local = _channel_sums(grad, grad * normalised)
        through_mean, through_std = np.split(distributed.all_sum(local) / ctx.count, 2)
        scale = weight.reshape([1, -1, 1, 1, 1]) * _columns(ctx.inverse_std)
        grad_x = scale * (grad - _columns(through_mean) - normalised * _columns(through_std))
        grad_bias, grad_weight = (paddle.to_tensor(part.astype(np.float32)) for part in np.split(local, 2))
        return grad_x, grad_weight, grad_bias


class SyncBatchNorm3D(nn.BatchNorm3D):
    """BatchNorm3D whose batch is that of all processes; equal to it in one process and in evaluation.

    Every process must run the same forwards in the same order. With gradients averaged over processes, as DataParallel
    does, training equals one process on the whole batch.
    """

    def forward(self, x):
        """[B, C, T, H, W] to the same shape."""
        if not self.training or self._use_global_stats or distributed.world_size() == 1:
            return nn.BatchNorm3D.forward(self, x)  # Paddle: 2.6 cannot trace super() for export
        channels = x.shape[1]
        with paddle.no_grad():
            total = distributed.all_sum(np.append(_channel_sums(x), x.size / channels))
            count, mean = total[-1], total[:-1] / total[-1]
            # Centred before squaring: a difference of large sums would lose the digits of a small variance.
            variance = distributed.all_sum(_channel_sums((x - _columns(mean)).square())) / count
            for running, value in ((self._mean, mean), (self._variance, variance)):
                kept = self._momentum * running.numpy() + (1.0 - self._momentum) * value
                running.set_value(kept.astype(np.float32))
        return _Normalise.apply(x, self.weight, self.bias, mean, 1.0 / np.sqrt(variance + self._epsilon), count)
