"""A drop-in `paddle.nn.Conv3D`: the same arguments, parameters and state dict, faster on CPU.

Which form a convolution takes was measured (`python -m slowfast_paddle bench step` compares the two on any machine).
On a GPU, in static graphs (jit.save, to_static with full_graph=True), and for every case the forms do not cover it is `F.conv3d`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import paddle

from slowfast_paddle.layers import conv_forms

# Below this many output positions a frame, changing the layout for a conv2d costs more than it saves.
_MIN_PLANE = 28 * 28
# A stem sees colours (or flow); with more channels the phases of its stride no longer fill the matrix product.
_MAX_STEM_CHANNELS = 4

_plain_only = False


@contextmanager
def plain_conv3d() -> Iterator[None]:
    """Within it every Conv3D is an ordinary F.conv3d: for comparisons and for gradients of gradients."""
    global _plain_only
    before, _plain_only = _plain_only, True
    try:
        yield
    finally:
        _plain_only = before


class Conv3D(paddle.nn.Conv3D):
    """3-D convolution [B, C, T, H, W] -> [B, O, T', H', W']; arguments as in `paddle.nn.Conv3D`."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._covered = (
            self._groups == 1
            and self._data_format == "NCDHW"
            and self._padding_mode == "zeros"
            and self._padding_algorithm == "EXPLICIT"
            and len(self._updated_padding) == 3
            and list(self._dilation) == [1, 1, 1]
            and self._stride[0] == 1
            and 2 * self._updated_padding[0] + 1 == self._kernel_size[0]
        )

    def forward(self, x):
        # One expression: tracing rewrites nested ifs and would evaluate the conditions on a symbol.
        return self._fast(x) if paddle.in_dynamic_mode() and self._applies(x) else self._plain(x)

    def _applies(self, x) -> bool:
        known = x.dtype == self.weight.dtype and x.dtype in conv_forms.DTYPES
        return self._covered and known and not _plain_only and x.place.is_cpu_place()

    def _plain(self, x):
        # Paddle: 2.6 cannot trace super() without arguments.
        return paddle.nn.Conv3D.forward(self, x)

    def _fast(self, x):
        """One of the forms, whichever is fastest for this shape."""
        kernel, stride, padding = self._kernel_size[1:], self._stride[1:], self._updated_padding[1:]
        constant = x.stop_gradient or not paddle.is_grad_enabled()
        if list(kernel) == [1, 1]:
            if padding != [0, 0] or (self._kernel_size[0] == 1 and list(stride) == [1, 1]):
                return self._plain(x)
            y = conv_forms.pointwise(x, self.weight, stride)
        elif constant and max(stride) > 1 and self._in_channels <= _MAX_STEM_CHANNELS:
            y = conv_forms.stem(x, self.weight, stride, padding)
        elif x.shape[3] * x.shape[4] >= _MIN_PLANE * stride[0] * stride[1]:
            y = conv_forms.planes(x, self.weight, stride, padding)
        else:
            return self._plain(x)
        return y if self.bias is None else y + self.bias.reshape([1, -1, 1, 1, 1])
