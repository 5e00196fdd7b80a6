"""Convolution, normalisation, activation: the brick of every network."""

import paddle.nn.functional as F
from paddle import nn

from slowfast_paddle.layers.conv3d import Conv3D
from slowfast_paddle.layers.norm import build_norm

# In place: no gradient needs what a convolution or a normalisation puts out.
ACTIVATIONS = {"relu": F.relu_, "swish": F.silu, "none": lambda x: x}


def same_conv(in_channels: int, out_channels: int, kernel, stride=1, dilation: int = 1, groups: int = 1) -> Conv3D:
    """Convolution without bias whose zero padding keeps the size at stride 1.

    Args:
        kernel: odd sizes over (T, H, W).
        stride: over (T, H, W), or one for H and W.
        dilation: over H and W.
    """
    return Conv3D(
        in_channels,
        out_channels,
        kernel,
        stride=(1, stride, stride) if isinstance(stride, int) else stride,
        padding=(kernel[0] // 2, dilation * (kernel[1] // 2), dilation * (kernel[2] // 2)),
        dilation=(1, dilation, dilation),
        groups=groups,
        bias_attr=False,
    )


class ConvNorm(nn.Layer):
    """conv -> bn -> activation over [B, C, T, H, W]; without a norm spec only the convolution."""

    def __init__(self, conv: Conv3D, norm=None, activation: str = "none"):
        super().__init__()
        self.conv = conv
        self.bn = build_norm(norm, conv.weight.shape[0]) if norm else nn.Identity()
        self.activation = ACTIVATIONS[activation]

    def forward(self, x):
        return self.activation(self.bn(self.conv(x)))
