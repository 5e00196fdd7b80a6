"""Residual stages and the connections between pathways."""

import paddle
from paddle import nn

from slowfast_paddle.layers.conv_norm import ConvNorm, same_conv
from slowfast_paddle.layers.non_local import NonLocal
from slowfast_paddle.layers.residual import BLOCKS
from slowfast_paddle.models.spec import LateralSpec, NormSpec, StageSpec


class Stage(nn.Layer):
    """The blocks of one pathway at one resolution, some followed by a non-local block."""

    def __init__(self, spec: StageSpec, norm: NormSpec):
        super().__init__()
        self.pool = nn.MaxPool3D((spec.pool, 1, 1), (spec.pool, 1, 1)) if spec.pool > 1 else nn.Identity()
        self.blocks = nn.LayerList([BLOCKS[block.kind](block, norm) for block in spec.blocks])
        self.non_local = nn.LayerDict({str(index): NonLocal(part, norm) for index, part in spec.non_local})

    def forward(self, x):
        """[B, C, T, H, W] -> [B, out, T / pool, H / stride, W / stride]."""
        x = self.pool(x)
        for index, block in enumerate(self.blocks):
            x = block(x)
            if str(index) in self.non_local:
                x = self.non_local[str(index)](x)
        return x


class Lateral(ConvNorm):
    """Adds the fast pathway's channels, at the slow frame rate, to the slow pathway. Source: PySlowFast FuseFastToSlow."""

    def __init__(self, spec: LateralSpec, norm: NormSpec):
        conv = same_conv(spec.in_channels, spec.out_channels, (spec.kernel, 1, 1), (spec.alpha, 1, 1))
        super().__init__(conv, norm if spec.norm else None, "relu" if spec.norm else "none")

    def forward(self, pathways):
        slow, fast = pathways
        # Paddle: tracing for export in 2.6 loses the cell that super() without arguments needs.
        return paddle.concat([slow, ConvNorm.forward(self, fast)], axis=1), fast
