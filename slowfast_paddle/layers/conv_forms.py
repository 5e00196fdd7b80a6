"""Faster CPU forms of a 3-D convolution, equal to `F.conv3d` up to rounding.

Paddle's CPU conv3d copies every patch into a matrix, element by element, before it multiplies; conv2d and 1x1x1
convolutions hardly do. So the convolution is written as one of those, and what is left over, moving data between
layouts and adding frames, is done in numpy on the memory of the tensors themselves.

    planes      kt x kh x kw: every frame is an image, a conv2d gives kt * O maps an image, and output frame t is the
                sum over k of map k of frame t + k - kt // 2 ("shifted sum").
    stem        the same for a strided stem: the phases of the stride become channels first (space to depth), which
                turns 7x7 stride 2 over 3 channels into 4x4 stride 1 over 12. Gives no gradient to its input.
    pointwise   kt x 1 x 1: a 1x1x1 convolution to kt * O channels and the shifted sum; strided in space: subsample
                first.

The layout moves are differentiable once (no gradient of a gradient).
"""

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle.autograd import PyLayer

DTYPES = {paddle.float32: "<f4", paddle.float64: "<f8"}


def planes(x, weight, stride, padding):
    """Stride-1-in-time convolution [B, C, T, H, W] -> [B, O, T, H', W'] as conv2d over frames; padding kt // 2 in time."""
    frames = ToFrames.apply(x)  # [B*T, C, H, W]
    y = F.conv2d(frames, _as_2d(weight), stride=list(stride), padding=list(padding))  # [B*T, kt*O, H', W']
    return SumFrames.apply(y, x.shape[0], weight.shape[2])


def stem(x, weight, stride, padding):
    """`planes` with the phases of the stride as channels; x gets no gradient."""
    sh, sw = stride
    taps = [-(-k // s) for k, s in zip(weight.shape[3:], stride)]  # kernel size per phase, rounded up
    w = _as_2d(weight)
    channels, kh, kw = w.shape[1:]
    w = F.pad(w, [0, taps[1] * sw - kw, 0, taps[0] * sh - kh])
    w = w.reshape([-1, channels, taps[0], sh, taps[1], sw]).transpose([0, 1, 3, 5, 2, 4])
    frames = space_to_depth(x, weight.shape[3:], stride, padding)  # [B*T, C*sh*sw, H'+taps-1, W'+taps-1]
    y = F.conv2d(frames, w.reshape([-1, channels * sh * sw, *taps]))
    return SumFrames.apply(y, x.shape[0], weight.shape[2])


def pointwise(x, weight, stride):
    """kt x 1 x 1 convolution, stride 1 in time, padding kt // 2 in time and none in space."""
    kt = weight.shape[2]
    if tuple(stride) != (1, 1):
        x = Subsample.apply(x, tuple(stride))
    if kt == 1:
        return F.conv3d(x, weight)
    return SumChannels.apply(F.conv3d(x, _as_2d(weight).unsqueeze(2)), kt)


def _as_2d(weight):
    """[O, C, kt, kh, kw] -> [kt*O, C, kh, kw]."""
    out_channels, channels, kt, kh, kw = weight.shape
    return weight.transpose([2, 0, 1, 3, 4]).reshape([kt * out_channels, channels, kh, kw])


class _Memory:
    """Lends the memory of a contiguous CPU tensor to numpy and keeps the tensor alive as long as the array."""

    def __init__(self, tensor):
        self.tensor = tensor
        self.__array_interface__ = {
            "version": 3,
            "data": (tensor.data_ptr(), False),
            "shape": tuple(tensor.shape),
            "typestr": DTYPES[tensor.dtype],
        }


def array_of(tensor) -> np.ndarray:
    """The tensor as a numpy array that shares its memory (`Tensor.numpy` copies)."""
    return np.asarray(_Memory(tensor if tensor.is_contiguous() else tensor.contiguous()))


def _shifts(frames, taps):
    """For every tap k the output frames and the input frames (out + k - taps // 2) that meet, as two slices."""
    for k in range(taps):
        d = k - taps // 2
        count = max(0, frames - abs(d))
        yield k, slice(max(0, -d), max(0, -d) + count), slice(max(0, d), max(0, d) + count)


def _shifted_sum(maps, out):
    """out[:, :, t] = sum over k of maps[:, k, :, t + k - K // 2]; maps [B, K, O, T, M], out [B, O, T, M]."""
    taps, frames = maps.shape[1], maps.shape[3]
    out[...] = maps[:, taps // 2]
    for k, target, source in _shifts(frames, taps):
        if k != taps // 2:
            out[:, :, target] += maps[:, k, :, source]


def _spread(grad, maps):
    """The transpose of `_shifted_sum`: fills maps [B, K, O, T, M] from grad [B, O, T, M]."""
    taps, frames = maps.shape[1], maps.shape[3]
    for k, target, source in _shifts(frames, taps):
        maps[:, k, :, source] = grad[:, :, target]
        maps[:, k, :, : source.start] = 0
        maps[:, k, :, source.stop :] = 0
        if source.stop == source.start:
            maps[:, k] = 0


class SumChannels(PyLayer):
    """Shifted sum of maps that are channels: [B, K*O, T, H, W] -> [B, O, T, H, W]."""

    @staticmethod
    def forward(ctx, y, taps):
        b, channels, t, h, w = y.shape
        ctx.taps = taps
        out = paddle.empty([b, channels // taps, t, h, w], y.dtype)
        _shifted_sum(array_of(y).reshape(b, taps, -1, t, h * w), array_of(out).reshape(b, -1, t, h * w))
        return out

    @staticmethod
    def backward(ctx, grad):
        b, channels, t, h, w = grad.shape
        result = paddle.empty([b, ctx.taps * channels, t, h, w], grad.dtype)
        _spread(array_of(grad).reshape(b, channels, t, h * w), array_of(result).reshape(b, ctx.taps, channels, t, h * w))
        return result


class SumFrames(PyLayer):
    """Shifted sum of maps that belong to images: [B*T, K*O, H, W] -> [B, O, T, H, W]."""

    @staticmethod
    def forward(ctx, y, batch, taps):
        images, channels, h, w = y.shape
        ctx.taps = taps
        out = paddle.empty([batch, channels // taps, images // batch, h, w], y.dtype)
        maps = array_of(y).reshape(batch, images // batch, taps, channels // taps, h * w)
        _shifted_sum(maps.transpose(0, 2, 3, 1, 4), array_of(out).reshape(*out.shape[:3], h * w))
        return out

    @staticmethod
    def backward(ctx, grad):
        b, channels, t, h, w = grad.shape
        result = paddle.empty([b * t, ctx.taps * channels, h, w], grad.dtype)
        maps = array_of(result).reshape(b, t, ctx.taps, channels, h * w)
        _spread(array_of(grad).reshape(b, channels, t, h * w), maps.transpose(0, 2, 3, 1, 4))
        return result


class ToFrames(PyLayer):
    """[B, C, T, H, W] -> [B*T, C, H, W]."""

    @staticmethod
    def forward(ctx, x):
        b, c, t, h, w = x.shape
        ctx.batch = b
        out = paddle.empty([b * t, c, h, w], x.dtype)
        array_of(out).reshape(b, t, c, h * w)[...] = array_of(x).reshape(b, c, t, h * w).transpose(0, 2, 1, 3)
        return out

    @staticmethod
    def backward(ctx, grad):
        images, c, h, w = grad.shape
        b, t = ctx.batch, images // ctx.batch
        result = paddle.empty([b, c, t, h, w], grad.dtype)
        array_of(result).reshape(b, c, t, h * w)[...] = array_of(grad).reshape(b, t, c, h * w).transpose(0, 2, 1, 3)
        return result


class Subsample(PyLayer):
    """Every sh-th row and sw-th column: what a strided 1x1 convolution reads."""

    @staticmethod
    def forward(ctx, x, stride):
        sh, sw = ctx.stride = stride
        ctx.shape = x.shape
        *lead, h, w = x.shape
        out = paddle.empty([*lead, -(-h // sh), -(-w // sw)], x.dtype)
        array_of(out)[...] = array_of(x)[..., ::sh, ::sw]
        return out

    @staticmethod
    def backward(ctx, grad):
        sh, sw = ctx.stride
        result = paddle.zeros(ctx.shape, grad.dtype)
        array_of(result)[..., ::sh, ::sw] = array_of(grad)
        return result


def space_to_depth(x, kernel, stride, padding):
    """Zero-pads [B, C, T, H, W] and moves the phases of the stride into channels: [B*T, C*sh*sw, h, w].

    Row i of phase p is row i * sh + p - padding of the input; enough rows for every tap of the last output.
    """
    b, c, t, *size = x.shape
    sh, sw = stride
    h, w = ((n + 2 * p - k) // s - (-k // s) for n, k, s, p in zip(size, kernel, stride, padding))
    out = paddle.zeros([b * t, c * sh * sw, h, w], x.dtype)
    phases = array_of(out).reshape(b, t, c, sh, sw, h, w)
    images = array_of(x).transpose(0, 2, 1, 3, 4)
    for p in range(sh):
        rows, from_row = _phase(p - padding[0], sh, h)
        for q in range(sw):
            columns, from_column = _phase(q - padding[1], sw, w)
            part = images[..., from_row::sh, from_column::sw][..., : h - rows, : w - columns]
            phases[:, :, :, p, q, rows : rows + part.shape[-2], columns : columns + part.shape[-1]] = part
    return out


def _phase(offset, step, length):
    """First i >= 0 with i * step + offset >= 0, and that sum."""
    first = min(length, max(0, -(offset // step)))
    return first, first * step + offset
