"""The network: which architecture, how deep and wide, how the pathways are joined, which head."""

from typing import Literal

from pydantic import Field

from slowfast_paddle.config.base import Section

Kernels = int | tuple[int, ...]
PerPathway = tuple[tuple[int, ...], ...]


class FusionConfig(Section):
    """Lateral connections from the fast to the slow pathway. Source: PySlowFast SLOWFAST.FUSION_*."""

    ratio: int = Field(2, ge=1, description="Lateral channels as a multiple of the fast pathway's channels")
    kernel: int = Field(5, ge=1, description="Temporal kernel of the lateral convolution, frames, odd: 5 for 4x16, 7 for 8x8")
    norm: bool = Field(True, description="BN and ReLU after the lateral convolution; MMAction2 has neither")


class NormConfig(Section):
    """Batch normalisation. Source: PySlowFast BN.*."""

    kind: Literal["batch", "frozen", "sub", "sync"] = Field(
        "batch",
        description="batch; frozen: running statistics even in training; sub: statistics of each of `splits` parts of the "
        "batch; sync: statistics over all processes",
    )
    eps: float = Field(1e-5, gt=0, description="Added to the variance")
    momentum: float = Field(0.9, ge=0, lt=1, description="Share of the old running statistics kept by a step (0.1 in PyTorch)")
    splits: int = Field(1, ge=1, description="Parts of the batch normalised apart, for kind sub")
    zero_init: bool = Field(True, description="Start the last scale of every residual branch at 0 (Goyal et al. 2017)")


class NonLocalConfig(Section):
    """Non-local blocks. Source: Wang et al. 2018; PySlowFast NONLOCAL.*."""

    blocks: tuple[PerPathway, ...] = Field(
        (), description="Per pathway and stage res2..res5 the blocks, from 0, followed by one, e.g. [[[], [1, 3], [1, 3, 5], []]]"
    )
    pool: tuple[int, int, int] = Field((1, 2, 2), description="Max pooling of keys and values over (T, H, W); [1, 1, 1] for none")
    groups: tuple[int, int, int, int] = Field((1, 1, 1, 1), description="Per stage: parts of the clip that attend to themselves")
    kind: Literal["dot_product", "softmax"] = Field("dot_product", description="dot_product divides by the number of places")


class HeadConfig(Section):
    """Pooling and classification. Source: PySlowFast head_helper; MMAction2 slowfast_head."""

    kind: str = Field("classification", description="classification, roi (one row per box, as for AVA) or a registered head")
    pool: Literal["window", "adaptive"] = Field(
        "window", description="window: the map of the training crop, slid over larger maps; adaptive: the whole map"
    )
    average: Literal["probabilities", "logits"] = Field(
        "probabilities", description="What is averaged over the window's places at test time (PyTorchVideo: logits)"
    )
    concat: Literal["slow_fast", "fast_slow"] = Field("slow_fast", description="Order of the features (MMAction2: fast_slow)")
    activation: Literal["softmax", "sigmoid"] = Field("softmax", description="Logits to scores; sigmoid for several labels")
    roi_size: int = Field(7, ge=1, description="RoIAlign output side, cells")
    roi_aligned: bool = Field(True, description="RoIAlign's half-pixel shift; false for PySlowFast AVA/c2 and PyTorchVideo")


class X3DConfig(Section):
    """Expansion factors of X3D. Source: Feichtenhofer 2020, table 2; PySlowFast X3D.*."""

    width_factor: float = Field(2.0, gt=0, description="Multiplies every channel count")
    depth_factor: float = Field(2.2, gt=0, description="Multiplies the blocks 1, 2, 5, 3 of the stages, rounded up")
    bottleneck_factor: float = Field(2.25, gt=0, description="Inner channels of a block as a multiple of its output")
    stem_channels: int = Field(12, ge=1, description="Stem channels before width_factor")
    head_channels: int = Field(2048, ge=1, description="Features before the classifier")
    scale_res2: bool = Field(False, description="Double the channels already in res2")
    se_ratio: float = Field(0.0625, ge=0, description="Squeeze-excitation channels per inner channel; 0 for none")
    head_norm: bool = Field(False, description="BN after the last hidden layer of the head")
    shortcut_norm: Literal["always", "on_channel_change"] = Field(
        "always", description="BN of shortcut convolutions; PyTorchVideo omits it where the channels stay the same"
    )


class ModelConfig(Section):
    """One network. None means: as the architecture defines it."""

    architecture: str = Field("slowfast", description="slowfast, slow, fast, c2d, i3d, x3d or a registered one")
    num_classes: int = Field(400, ge=1, le=1_000_000, description="Outputs of the classifier")
    depth: int | tuple[int, ...] = Field(
        50, description="14, 18, 26, 34, 50, 101 or 152; a list gives one for each pathway, slow first"
    )
    width: int = Field(64, ge=1, description="Stem channels of the slow pathway")
    groups: int = Field(1, ge=1, description="Groups of the spatial convolution; each has `width` inner channels in res2")
    expansion: int | None = Field(
        None,
        ge=1,
        description="res2 output channels / width; 4 for bottlenecks, 1 for depths 18 and 34 (PySlowFast's depth 18 has 4)",
    )
    alpha: int = Field(8, ge=1, description="Frame rate of the fast pathway / frame rate of the slow one")
    beta_inv: int = Field(8, ge=1, description="Channels of the slow pathway / channels of the fast one")
    fusion: FusionConfig = Field(default_factory=FusionConfig, description="Lateral connections")
    temporal_kernels: tuple[tuple[Kernels, ...], ...] | None = Field(
        None, description="Per pathway: temporal kernels of stem, res2..res5; a list is repeated over the blocks of its stage"
    )
    temporal_blocks: PerPathway | None = Field(
        None, description="Per pathway and stage res2..res5: how many blocks, from the first, keep their temporal kernel"
    )
    temporal_pool: int | None = Field(None, ge=1, description="Max pooling over time between res2 and res3 (C2D, I3D: 2)")
    strides: tuple[int, int, int, int] = Field((1, 2, 2, 2), description="Spatial strides of res2..res5")
    dilations: tuple[int, int, int, int] = Field((1, 1, 1, 1), description="Spatial dilations of res2..res5 (AVA: 2 in res5)")
    dropout: float = Field(0.5, ge=0, lt=1, description="Before the classifier")
    norm: NormConfig = Field(default_factory=NormConfig, description="Batch normalisation")
    non_local: NonLocalConfig = Field(default_factory=NonLocalConfig, description="Non-local blocks")
    head: HeadConfig = Field(default_factory=HeadConfig, description="Head")
    x3d: X3DConfig = Field(default_factory=X3DConfig, description="X3D only")
    options: dict[str, bool | int | float | str] = Field(
        default_factory=dict, description="Free values for architectures and heads registered by the user"
    )
