"""Batch norm over the clips of all processes on CPU, where Paddle has no kernel for it."""

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn
from paddle.autograd import PyLayer

from slowfast_paddle import distributed
from slowfast_paddle.layers.conv_forms import array_of


def _rows(tensor: paddle.Tensor) -> np.ndarray:
    """[B, C, T, H, W] as [B, C, T*H*W], the same memory."""
    return array_of(tensor).reshape(*tensor.shape[:2], -1)


def _statistics(x: paddle.Tensor) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean [C], biased variance [C] and number of samples a channel, over all processes, from one exchange.

    Each process centres on its own mean before squaring (a difference of large sums would lose the digits of a small
    variance); the parts are joined as by Chan et al. 1979.
    """
    rows = _rows(x)
    count = x.size // x.shape[1]
    mean = rows.sum(2).sum(0, dtype=np.float64) / count
    centred = rows - mean.astype(rows.dtype)[:, None]
    squares = np.einsum("bcm,bcm->bc", centred, centred).sum(0, dtype=np.float64)
    parts = distributed.all_gather(np.stack([mean, squares, np.full_like(mean, count)], axis=1))  # [ranks, C, 3]
    means, squares, counts = np.moveaxis(parts, 2, 0)
    total = counts.sum(0)
    mean = (counts * means).sum(0) / total
    return mean, (squares + counts * (means - mean) ** 2).sum(0) / total, float(total[0])


class _Normalise(PyLayer):
    """y = (x - mean) / sqrt(variance + epsilon) * weight + bias, where mean and variance depend on the x of every process."""

    @staticmethod
    def forward(ctx, x, weight, bias, mean, variance, count, epsilon):
        """Shapes: x [B, C, T, H, W]; weight, bias, mean, variance [C]; count: samples a channel of all processes."""
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.count, ctx.epsilon = count, epsilon
        return F.batch_norm(x, mean, variance, weight, bias, training=False, epsilon=epsilon)

    @staticmethod
    def backward(ctx, grad):
        """The gradient through mean and variance needs the sums over all processes; those of weight and bias stay local."""
        x, weight, mean, variance = ctx.saved_tensor()
        ones, zeros = paddle.ones_like(mean), paddle.zeros_like(mean)
        normalised = F.batch_norm(x, mean, variance, ones, zeros, training=False, epsilon=ctx.epsilon)
        result, gradient = _rows(normalised), _rows(grad)
        grad_bias = gradient.sum(2).sum(0, dtype=np.float64)
        grad_weight = np.einsum("bcm,bcm->bc", gradient, result).sum(0, dtype=np.float64)
        through_mean, through_std = distributed.all_sum(np.stack([grad_bias, grad_weight])) / ctx.count
        scale = weight.numpy() / np.sqrt(variance.numpy() + ctx.epsilon)

        def column(values: np.ndarray) -> np.ndarray:
            return values.astype(result.dtype)[:, None]

        # scale * (grad - through_mean - normalised * through_std), in the memory of `normalised`.
        result *= column(-through_std)
        result += gradient
        result -= column(through_mean)
        result *= column(scale)
        return normalised, *(paddle.to_tensor(values.astype(result.dtype)) for values in (grad_weight, grad_bias)), None, None


class SyncBatchNorm3D(nn.BatchNorm3D):
    """BatchNorm3D whose batch is that of all processes; equal to it in one process and in evaluation.

    Every process must run the same forwards in the same order. With gradients averaged over processes, as DataParallel
    does, training equals one process on the whole batch.
    """

    def forward(self, x):
        """[B, C, T, H, W] to the same shape."""
        if not self.training or self._use_global_stats or distributed.world_size() == 1:
            return nn.BatchNorm3D.forward(self, x)  # Paddle: 2.6 cannot trace super() for export
        with paddle.no_grad():
            *statistics, count = _statistics(x)
            mean, variance = (paddle.to_tensor(values.astype(self._mean.numpy().dtype)) for values in statistics)
            for running, value in ((self._mean, mean), (self._variance, variance)):
                running.set_value(self._momentum * running + (1.0 - self._momentum) * value)
        return _Normalise.apply(x, self.weight, self.bias, mean, variance, count, self._epsilon)
