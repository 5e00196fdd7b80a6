"""Residual blocks: basic, bottleneck and X3D's."""

import paddle.nn.functional as F
from paddle import nn

from slowfast_paddle.layers.conv_norm import ConvNorm, same_conv
from slowfast_paddle.layers.squeeze_excite import SqueezeExcite


class ResidualBlock(nn.Layer):
    """relu(shortcut(x) + branch(x)); a subclass defines `branch`, which ends in a normalisation without activation.

    `final_norm` is that normalisation, whose scale starts at zero.
    """

    def __init__(self, spec, norm):
        super().__init__()
        self.shortcut = self._shortcut(spec, norm)

    @staticmethod
    def _shortcut(spec, norm) -> nn.Layer:
        if not spec.has_shortcut:
            return nn.Identity()
        conv = same_conv(spec.in_channels, spec.out_channels, (1, 1, 1), spec.stride)
        return ConvNorm(conv, norm if spec.shortcut_norm else None)

    def forward(self, x):
        """[B, C, T, H, W] -> [B, out, T, H / stride, W / stride]."""
        return F.relu_(self.shortcut(x) + self.branch(x))


class BasicBlock(ResidualBlock):
    """Tx3x3, 1x3x3. Source: PySlowFast resnet_helper.BasicTransform."""

    def __init__(self, spec, norm):
        super().__init__(spec, norm)
        out = spec.out_channels
        kernel = (spec.temporal_kernel, 3, 3)
        self.a = ConvNorm(same_conv(spec.in_channels, out, kernel, spec.stride, spec.dilation), norm, "relu")
        self.b = ConvNorm(same_conv(out, out, (1, 3, 3), dilation=spec.dilation), norm)
        self.final_norm = [self.b.bn]  # in a list: not a second name of the same parameters

    def branch(self, x):
        return self.b(self.a(x))


class Bottleneck(ResidualBlock):
    """Tx1x1, 1x3x3 with the stride, 1x1x1. Source: PySlowFast resnet_helper.BottleneckTransform."""

    def __init__(self, spec, norm):
        super().__init__(spec, norm)
        inner = spec.inner_channels
        spatial = same_conv(inner, inner, (1, 3, 3), spec.stride, spec.dilation, spec.groups)
        self.a = ConvNorm(same_conv(spec.in_channels, inner, (spec.temporal_kernel, 1, 1)), norm, "relu")
        self.b = ConvNorm(spatial, norm, "relu")
        self.c = ConvNorm(same_conv(inner, spec.out_channels, (1, 1, 1)), norm)
        self.final_norm = [self.c.bn]

    def branch(self, x):
        return self.c(self.b(self.a(x)))


class X3DBlock(ResidualBlock):
    """1x1x1, 3x3x3 channel-wise, gates, swish, 1x1x1. Source: PySlowFast resnet_helper.X3DTransform."""

    def __init__(self, spec, norm):
        super().__init__(spec, norm)
        inner = spec.inner_channels
        depthwise = same_conv(inner, inner, (spec.temporal_kernel, 3, 3), spec.stride, groups=spec.groups)
        self.a = ConvNorm(same_conv(spec.in_channels, inner, (1, 1, 1)), norm, "relu")
        self.b = ConvNorm(depthwise, norm)
        self.se = SqueezeExcite(inner, spec.squeeze_channels) if spec.squeeze_channels else nn.Identity()
        self.c = ConvNorm(same_conv(inner, spec.out_channels, (1, 1, 1)), norm)
        self.final_norm = [self.c.bn]

    def branch(self, x):
        return self.c(F.silu(self.se(self.b(self.a(x)))))


BLOCKS = {"basic": BasicBlock, "bottleneck": Bottleneck, "x3d": X3DBlock}
