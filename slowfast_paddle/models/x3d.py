"""X3D: one small pathway, expanded along depth, width and bottleneck width.

Source: Feichtenhofer 2020; PySlowFast X3D in slowfast/models/video_model_builder.py.
"""

from math import ceil

from slowfast_paddle.config.model import ModelConfig
from slowfast_paddle.errors import ConfigError
from slowfast_paddle.models.presets import head_spec, norm_spec
from slowfast_paddle.models.spec import BlockSpec, NetSpec, PathwaySpec, StageSpec, StemSpec

BASE_BLOCKS = (1, 2, 5, 3)
DIVISOR = 8


def round_channels(channels: float, factor: float) -> int:
    """channels * factor to the nearest multiple of 8, never losing more than 10 %."""
    if not factor:
        return int(channels)
    wanted = channels * factor
    rounded = max(DIVISOR, int(wanted + DIVISOR / 2) // DIVISOR * DIVISOR)
    return rounded if rounded >= 0.9 * wanted else rounded + DIVISOR


def x3d(config: ModelConfig, num_frames: int, crop: int) -> NetSpec:
    """Every stage halves the map; the 3x3x3 convolution of a block is channel-wise."""
    if config.non_local.blocks or config.temporal_kernels or config.temporal_blocks or config.temporal_pool:
        raise ConfigError(
            "model.architecture: x3d takes no non_local, temporal_kernels, temporal_blocks or temporal_pool; remove them"
        )
    factors = config.x3d
    stem = round_channels(factors.stem_channels, factors.width_factor)
    base = round_channels(factors.stem_channels, 2.0) if factors.scale_res2 else factors.stem_channels
    channels, stages = stem, []
    for repeats in BASE_BLOCKS:
        out = round_channels(base, factors.width_factor)
        blocks = _blocks(config, channels, out, ceil(factors.depth_factor * repeats))
        stages.append(StageSpec(blocks))
        channels, base = out, round_channels(base, 2.0)
    pathway = PathwaySpec(num_frames, StemSpec(stem, (5, 3, 3), pool=False, factorised=True), tuple(stages))
    head = head_spec(
        config,
        (pathway,),
        crop,
        conv_channels=int(factors.bottleneck_factor * channels),
        hidden_channels=factors.head_channels,
        hidden_norm=factors.head_norm,
    )
    return NetSpec((pathway,), (), head, norm_spec(config))


def _blocks(config: ModelConfig, channels: int, out: int, count: int) -> tuple[BlockSpec, ...]:
    factors = config.x3d
    inner = int(factors.bottleneck_factor * out)
    blocks = []
    for block in range(count):
        squeezed = round_channels(inner, factors.se_ratio) if factors.se_ratio and block % 2 == 0 else 0
        first = block == 0
        blocks.append(
            BlockSpec(
                kind="x3d",
                in_channels=channels if first else out,
                inner_channels=inner,
                out_channels=out,
                temporal_kernel=3,
                stride=2 if first else 1,
                groups=inner,
                squeeze_channels=squeezed,
                shortcut_norm=factors.shortcut_norm == "always" or channels != out,
            )
        )
    return tuple(blocks)
