"""The first convolution of a pathway."""

import paddle.nn.functional as F
from paddle import nn

from slowfast_paddle.layers.conv3d import Conv3D
from slowfast_paddle.layers.conv_norm import same_conv
from slowfast_paddle.layers.norm import build_norm
from slowfast_paddle.models.spec import NormSpec, StemSpec


class Stem(nn.Layer):
    """[conv_xy ->] conv -> bn -> relu [-> pool]: [B, 3, T, H, W] -> [B, C, T, H / s, W / s].

    Factorised (X3D): conv_xy over space, then a channel-wise conv over time.
    """

    def __init__(self, spec: StemSpec, norm: NormSpec):
        super().__init__()
        temporal, *spatial = spec.kernel
        if spec.factorised:
            self.conv_xy = same_conv(spec.in_channels, spec.out_channels, (1, *spatial), spec.stride)
            self.conv = same_conv(spec.out_channels, spec.out_channels, (temporal, 1, 1), groups=spec.out_channels)
        else:
            self.conv_xy = nn.Identity()
            self.conv: Conv3D = same_conv(spec.in_channels, spec.out_channels, spec.kernel, spec.stride)
        self.bn = build_norm(norm, spec.out_channels)
        self.pool = nn.MaxPool3D((1, 3, 3), (1, 2, 2), (0, 1, 1)) if spec.pool else nn.Identity()

    def forward(self, x):
        return self.pool(F.relu_(self.bn(self.conv(self.conv_xy(x)))))
