"""From a ModelConfig to a NetSpec, one function per architecture. What cannot be built is refused here, by field.

Source: Feichtenhofer et al. 2019, table 1, and PySlowFast slowfast/models/video_model_builder.py.
"""

from collections.abc import Sequence

from slowfast_paddle.config.model import Kernels, ModelConfig
from slowfast_paddle.errors import ConfigError
from slowfast_paddle.models.spec import (
    BlockSpec,
    HeadSpec,
    LateralSpec,
    NetSpec,
    NonLocalSpec,
    NormSpec,
    PathwaySpec,
    StageSpec,
    StemSpec,
)

# 14 and 26 are bottleneck networks for small data: one and two blocks a stage.
BLOCKS = {14: (1, 1, 1, 1), 18: (2, 2, 2, 2), 26: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3),
          152: (3, 8, 36, 3)}  # fmt: skip
BASIC = (18, 34)  # depths of basic blocks; the others have bottlenecks
SLOW_KERNELS: tuple[Kernels, ...] = (1, 1, 1, 3, 3)
FAST_KERNELS: tuple[Kernels, ...] = (5, 3, 3, 3, 3)
I3D_KERNELS: tuple[Kernels, ...] = (5, 3, (3, 1), (3, 1), (1, 3))
C2D_KERNELS: tuple[Kernels, ...] = (1, 1, 1, 1, 1)


def slowfast(config: ModelConfig, num_frames: int, crop: int) -> NetSpec:
    """Few frames with many channels and many frames with few, joined by laterals before every stage."""
    if num_frames % config.alpha:
        raise ConfigError(
            f"model.alpha: {config.alpha} does not divide data.num_frames {num_frames}; the slow pathway takes "
            f"num_frames / alpha frames (4x16: 32 frames with alpha 8, 8x8: 32 with 4)"
        )
    if config.fusion.kernel % 2 == 0:
        kernel = config.fusion.kernel
        raise ConfigError(f"model.fusion.kernel: {kernel} is even; expected an odd number of frames (4x16: 5, 8x8: 7)")
    _check_lengths(config, pathways=2)
    fast = _pathway(config, 1, num_frames, _fast_width(config), FAST_KERNELS)
    laterals = tuple(
        LateralSpec(channels, channels * config.fusion.ratio, config.fusion.kernel, config.alpha, config.fusion.norm)
        for channels in (fast.stem.out_channels, *(stage.out_channels for stage in fast.stages[:-1]))
    )
    fused = tuple(lateral.out_channels for lateral in laterals)
    slow = _pathway(config, 0, num_frames // config.alpha, config.width, SLOW_KERNELS, fused)
    return _network(config, crop, (slow, fast), laterals)


def slow(config: ModelConfig, num_frames: int, crop: int) -> NetSpec:
    """The slow pathway alone."""
    return _single(config, num_frames, crop, config.width, SLOW_KERNELS)


def fast(config: ModelConfig, num_frames: int, crop: int) -> NetSpec:
    """The fast pathway alone: width / beta_inv channels."""
    return _single(config, num_frames, crop, _fast_width(config), FAST_KERNELS)


def c2d(config: ModelConfig, num_frames: int, crop: int) -> NetSpec:
    """An image network over frames; time is only pooled. Source: Wang et al. 2018, table 1."""
    return _single(config, num_frames, crop, config.width, C2D_KERNELS, temporal_pool=2)


def i3d(config: ModelConfig, num_frames: int, crop: int) -> NetSpec:
    """The inflated network, 3x1x1 in every other block. Source: Wang et al. 2018, section 4."""
    return _single(config, num_frames, crop, config.width, I3D_KERNELS, temporal_pool=2)


def _single(
    config: ModelConfig, num_frames: int, crop: int, width: int, kernels: tuple[Kernels, ...], temporal_pool: int = 1
) -> NetSpec:
    _check_lengths(config, pathways=1)
    return _network(config, crop, (_pathway(config, 0, num_frames, width, kernels, temporal_pool=temporal_pool),), ())


def _fast_width(config: ModelConfig) -> int:
    if config.width % config.beta_inv:
        raise ConfigError(
            f"model.beta_inv: {config.beta_inv} does not divide model.width {config.width}; "
            f"the fast pathway has width / beta_inv channels"
        )
    return config.width // config.beta_inv


def _check_lengths(config: ModelConfig, pathways: int) -> None:
    """Lists with one entry per pathway (and five or four per pathway) have that length."""
    named = {"depth": config.depth, "temporal_kernels": config.temporal_kernels, "temporal_blocks": config.temporal_blocks}
    for field, value in named.items():
        if isinstance(value, tuple) and len(value) != pathways:
            raise ConfigError(
                f"model.{field}: {len(value)} entries, but {config.architecture} has {pathways} pathway(s); "
                f"give one entry each, slow first"
            )
    for field, rows, length in (
        ("temporal_kernels", config.temporal_kernels or (), 5),
        ("temporal_blocks", config.temporal_blocks or (), 4),
        ("non_local.blocks", config.non_local.blocks, 4),
    ):
        for row in rows:
            if len(row) != length:
                names = "stem, res2, res3, res4, res5" if length == 5 else "res2, res3, res4, res5"
                raise ConfigError(f"model.{field}: {len(row)} stages in {list(row)}; expected {length}: {names}")
    if len(config.non_local.blocks) > pathways:
        given = len(config.non_local.blocks)
        raise ConfigError(f"model.non_local.blocks: {given} pathways, but {config.architecture} has {pathways}")


def _pathway(
    config: ModelConfig,
    index: int,
    frames: int,
    width: int,
    kernels: tuple[Kernels, ...],
    fused: Sequence[int] = (0, 0, 0, 0),
    temporal_pool: int = 1,
) -> PathwaySpec:
    """Stem and four ResNet stages; `fused` channels arrive by the lateral before each stage."""
    kernels = config.temporal_kernels[index] if config.temporal_kernels else kernels
    stem_kernel = kernels[0] if isinstance(kernels[0], int) else kernels[0][0]
    _check_kernel(stem_kernel, frames, "stem")
    stages: list[StageSpec] = []
    channels, stage_frames = width, frames
    for stage in range(4):
        pool = (config.temporal_pool or temporal_pool) if stage == 1 else 1
        if stage_frames // pool == 0:
            raise ConfigError(
                f"model.temporal_pool: {pool} leaves nothing of {stage_frames} frame(s); "
                f"use at least {pool} frames (data.num_frames) or model.temporal_pool 1"
            )
        stage_frames //= pool
        blocks = _blocks(config, index, stage, channels + fused[stage], width, kernels[stage + 1], stage_frames)
        channels = blocks[-1].out_channels
        stages.append(StageSpec(blocks, _non_local(config, index, stage, len(blocks), channels, stage_frames), pool))
    return PathwaySpec(frames, StemSpec(width, (stem_kernel, 7, 7)), tuple(stages))


def _blocks(
    config: ModelConfig, index: int, stage: int, channels: int, width: int, kernels: Kernels, frames: int
) -> tuple[BlockSpec, ...]:
    depth = config.depth if isinstance(config.depth, int) else config.depth[index]
    if depth not in BLOCKS:
        raise ConfigError(f"model.depth: {depth} is unknown; expected one of {', '.join(map(str, BLOCKS))}")
    count = BLOCKS[depth][stage]
    temporal = config.temporal_blocks[index][stage] if config.temporal_blocks else count
    if temporal > count:
        raise ConfigError(f"model.temporal_blocks: {temporal} of res{stage + 2}, which has {count} blocks at depth {depth}")
    pattern = (kernels,) if isinstance(kernels, int) else kernels
    kind = "basic" if depth in BASIC else "bottleneck"
    out = width * (config.expansion or (1 if kind == "basic" else 4)) * 2**stage
    blocks = []
    for block in range(count):
        kernel = pattern[block % len(pattern)] if block < temporal else 1
        _check_kernel(kernel, frames, f"res{stage + 2}")
        blocks.append(
            BlockSpec(
                kind=kind,
                in_channels=channels,
                inner_channels=width * config.groups * 2**stage,
                out_channels=out,
                temporal_kernel=kernel,
                stride=config.strides[stage] if block == 0 else 1,
                dilation=config.dilations[stage],
                groups=config.groups,
            )
        )
        channels = out
    return tuple(blocks)


def _check_kernel(kernel: int, frames: int, where: str) -> None:
    if kernel % 2 == 0:
        raise ConfigError(
            f"model.temporal_kernels: {kernel} in {where} is even; expected an odd number of frames, "
            f"so that the clip keeps its length"
        )
    if kernel // 2 >= frames:
        raise ConfigError(
            f"model.temporal_kernels: kernel {kernel} in {where} reaches past a clip of {frames} frame(s) (data.num_frames) "
            f"on both sides; use at most {2 * frames - 1} or more frames"
        )


def _non_local(
    config: ModelConfig, index: int, stage: int, blocks: int, channels: int, frames: int
) -> tuple[tuple[int, NonLocalSpec], ...]:
    wanted = config.non_local.blocks[index][stage] if index < len(config.non_local.blocks) else ()
    groups = config.non_local.groups[stage]
    for block in wanted:
        if not 0 <= block < blocks:
            raise ConfigError(
                f"model.non_local.blocks: res{stage + 2} of pathway {index} has blocks 0..{blocks - 1}, not {block}"
            )
        if frames % groups:
            raise ConfigError(f"model.non_local.groups: {groups} does not divide the {frames} frames of res{stage + 2}")
    spec = NonLocalSpec(channels, channels // 2, config.non_local.pool, groups, config.non_local.kind)
    return tuple((block, spec) for block in wanted)


def _network(config: ModelConfig, crop: int, pathways: tuple[PathwaySpec, ...], laterals: tuple[LateralSpec, ...]) -> NetSpec:
    return NetSpec(pathways, laterals, head_spec(config, pathways, crop), norm_spec(config))


def norm_spec(config: ModelConfig) -> NormSpec:
    """Plain values of config.norm."""
    if config.norm.kind != "sub" and config.norm.splits > 1:
        raise ConfigError(f"model.norm.splits: {config.norm.splits} needs model.norm.kind sub, found {config.norm.kind}")
    return NormSpec(**config.norm.model_dump())


def head_spec(config: ModelConfig, pathways: tuple[PathwaySpec, ...], crop: int, **extra: int | bool) -> HeadSpec:
    """Windows are the maps of the training clip, so that a training crop gives one place.

    Raises:
        ConfigError: a crop smaller than the network's stride.
    """
    stride = pathways[0].total_stride
    if crop < stride:
        raise ConfigError(
            f"data.crop_px: {crop} is smaller than the network's stride {stride} (model.strides); use at least {stride} px"
        )
    head = config.head
    return HeadSpec(
        kind=head.kind,
        in_channels=tuple(pathway.stages[-1].out_channels for pathway in pathways),
        num_classes=config.num_classes,
        windows=tuple(pathway.window(crop) for pathway in pathways) if head.pool == "window" else None,
        average=head.average,
        concat=head.concat,
        dropout=config.dropout,
        roi_size=head.roi_size,
        roi_aligned=head.roi_aligned,
        total_stride=stride,
        **extra,  # type: ignore[arg-type]
    )
