"""What a network is made of, as plain frozen data: the layers are built from it, and counters and converters read it.

Kernels, strides and pools are (T, H, W). Nothing here imports paddle.
"""

from dataclasses import dataclass
from math import ceil, prod

Size3 = tuple[int, int, int]


@dataclass(frozen=True)
class NormSpec:
    """Batch normalisation of the whole network; the fields of `config.model.NormConfig`."""

    kind: str = "batch"
    eps: float = 1e-5
    momentum: float = 0.9
    splits: int = 1
    zero_init: bool = True


@dataclass(frozen=True)
class StemSpec:
    """Convolution (factorised into space and time for X3D), BN, ReLU and an optional 3x3 max pool of stride 2."""

    out_channels: int
    kernel: Size3
    stride: int = 2
    pool: bool = True
    factorised: bool = False
    in_channels: int = 3


@dataclass(frozen=True)
class BlockSpec:
    """One residual block.

    kind `bottleneck` is 1x1 (temporal), 3x3, 1x1; `basic` is 3x3 (temporal), 3x3; `x3d` is 1x1, 3x3x3
    channel-wise with squeeze-excitation and swish, 1x1.
    """

    kind: str
    in_channels: int
    inner_channels: int
    out_channels: int
    temporal_kernel: int
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    squeeze_channels: int = 0
    shortcut_norm: bool = True

    @property
    def has_shortcut(self) -> bool:
        """Whether the identity needs a convolution to fit."""
        return self.in_channels != self.out_channels or self.stride != 1


@dataclass(frozen=True)
class NonLocalSpec:
    """Attention over all places of a map; `groups` parts of the clip are handled apart."""

    channels: int
    inner_channels: int
    pool: Size3
    groups: int
    kind: str


@dataclass(frozen=True)
class StageSpec:
    """The blocks of one pathway at one resolution; `pool` comes before the first block."""

    blocks: tuple[BlockSpec, ...]
    non_local: tuple[tuple[int, NonLocalSpec], ...] = ()
    pool: int = 1

    @property
    def out_channels(self) -> int:
        return self.blocks[-1].out_channels

    @property
    def stride(self) -> int:
        """Spatial stride of the whole stage."""
        return prod(block.stride for block in self.blocks)


@dataclass(frozen=True)
class LateralSpec:
    """Fast-to-slow convolution with temporal stride `alpha`, concatenated after the slow channels."""

    in_channels: int
    out_channels: int
    kernel: int
    alpha: int
    norm: bool


@dataclass(frozen=True)
class PathwaySpec:
    """Stem and stages res2..res5 of one pathway, and the frames of its training clip."""

    frames: int
    stem: StemSpec
    stages: tuple[StageSpec, ...]

    @property
    def total_stride(self) -> int:
        """Input px per place of the last map."""
        return self.stem.stride * (2 if self.stem.pool else 1) * prod(stage.stride for stage in self.stages)

    def window(self, crop: int) -> Size3:
        """Shape (T, H, W) of the last map of a training clip: `crop` is its side in px."""
        frames = self.frames
        for stage in self.stages:
            frames //= stage.pool
        side = ceil(crop / self.total_stride)
        return frames, side, side


@dataclass(frozen=True)
class HeadSpec:
    """Pooling windows (one per pathway; None: adaptive) and classifier."""

    kind: str
    in_channels: tuple[int, ...]
    num_classes: int
    windows: tuple[Size3, ...] | None
    average: str = "probabilities"
    concat: str = "slow_fast"
    dropout: float = 0.5
    roi_size: int = 7
    roi_aligned: bool = True
    total_stride: int = 32
    conv_channels: int = 0
    hidden_channels: int = 0
    hidden_norm: bool = False


@dataclass(frozen=True)
class NetSpec:
    """A whole network. `laterals` has one entry before each stage, or is empty."""

    pathways: tuple[PathwaySpec, ...]
    laterals: tuple[LateralSpec, ...]
    head: HeadSpec
    norm: NormSpec
