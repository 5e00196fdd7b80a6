"""Faster CPU forms of a 3-D convolution, equal to `F.conv3d` up to rounding.

Paddle's CPU conv3d copies every patch into a matrix, element by element, before it multiplies; conv2d and 1x1x1
convolutions hardly do. So the convolution is written as one of those, and what is left over, moving data between
layouts and adding frames, is done in numpy on the memory of the tensors themselves.

    planes      kt x kh x kw: every frame is an image, a conv2d gives kt * O maps an image, and output frame t is the
                sum over k of map k of frame t + k - kt // 2 ("shifted sum").
    stem        the same for a strided stem: the phases of the stride become channels first (space to depth), which
                turns 7x7 stride 2 over 3 channels into 4x4 stride 1 over 12. With few maps an image each of the 4 rows
                of taps gives maps of its own, summed afterwards like the frames. Gives no gradient to its input.
    pointwise   kt x 1 x 1: a 1x1x1 convolution to kt * O channels and the shifted sum; strided in space: subsample
                first.

The layout moves are differentiable once (no gradient of a gradient).
"""

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle.autograd import PyLayer

# With so few maps an image (kt * O) copying patches takes longer than multiplying them, and two MKL threads longer
# than one (measured: 38 and 21 ms). Making the rows of the kernel maps quarters the copies and multiplies the maps.
_FEW_MAPS = 32

DTYPES = {paddle.float32: "<f4", paddle.float64: "<f8"}


def planes(x, weight, stride, padding):
    """Stride-1-in-time convolution [B, C, T, H, W] -> [B, O, T, H', W'] as conv2d over frames; padding kt // 2 in time."""
    frames = ToFrames.apply(x)  # [B*T, C, H, W]
    y = F.conv2d(frames, _as_2d(weight), stride=list(stride), padding=list(padding))  # [B*T, kt*O, H', W']
    return SumFrames.apply(y, x.shape[0], weight.shape[2])


def stem(x, weight, stride, padding):
    """`planes` with the phases of the stride as channels; x gets no gradient."""
    sh, sw = stride
    rows, columns = (-(-k // s) for k, s in zip(weight.shape[3:], stride))  # kernel size per phase, rounded up
    w = _as_2d(weight)
    maps, channels, kh, kw = w.shape
    w = F.pad(w, [0, columns * sw - kw, 0, rows * sh - kh])
    w = w.reshape([maps, channels, rows, sh, columns, sw]).transpose([0, 1, 3, 5, 2, 4])
    w = w.reshape([maps, channels * sh * sw, rows, columns])
    frames = space_to_depth(x, weight.shape[3:], stride, padding)  # [B*T, C*sh*sw, H'+rows-1, W'+columns-1]
    kt = weight.shape[2]
    if maps > _FEW_MAPS:
        return SumFrames.apply(F.conv2d(frames, w), x.shape[0], kt)
    w = w.reshape([kt, maps // kt, channels * sh * sw, rows, columns]).transpose([0, 3, 1, 2, 4])
    y = F.conv2d(frames, w.reshape([rows * maps, channels * sh * sw, 1, columns]))
    return SumFrames.apply(y, x.shape[0], kt, rows)


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


def _shifted_sum(maps, out, add=False):
    """out[:, :, t] = sum over k of maps[:, k, :, t + k - K // 2], or adds it; maps [B, K, O, T, M], out [B, O, T, M]."""
    taps, frames = maps.shape[1], maps.shape[3]
    if add:
        out += maps[:, taps // 2]
    else:
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
    """Shifted sum of maps that belong to images: [B*T, taps*rows*O, H+rows-1, W] -> [B, O, T, H, W].

    Map (k, r, o) of an image also belongs r rows further up.
    """

    @staticmethod
    def forward(ctx, y, batch, taps, rows=1):
        images, channels, h, w = y.shape
        ctx.taps, ctx.rows = taps, rows
        out = paddle.empty([batch, channels // (taps * rows), images // batch, h - rows + 1, w], y.dtype)
        total = array_of(out).reshape(*out.shape[:3], -1)
        for row, maps in enumerate(SumFrames._maps(y, batch, taps, rows)):
            _shifted_sum(maps, total, add=row > 0)
        return out

    @staticmethod
    def backward(ctx, grad):
        b, channels, t, h, w = grad.shape
        make = paddle.zeros if ctx.rows > 1 else paddle.empty  # of several rows each leaves some untouched
        result = make([b * t, ctx.taps * ctx.rows * channels, h + ctx.rows - 1, w], grad.dtype)
        for maps in SumFrames._maps(result, b, ctx.taps, ctx.rows):
            _spread(array_of(grad).reshape(b, channels, t, h * w), maps)
        return result

    @staticmethod
    def _maps(y, batch, taps, rows):
        """For every row r views [B, taps, O, T, H*W] of the maps (k, r, o), from row r on."""
        images, _, h, w = y.shape
        maps = array_of(y).reshape(batch, images // batch, taps, rows, -1, h * w).transpose(3, 0, 2, 4, 1, 5)
        for row in range(rows):
            yield maps[row, ..., row * w : (row + h - rows + 1) * w]


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
