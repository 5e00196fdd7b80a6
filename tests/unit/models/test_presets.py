"""What cannot be built says which field is wrong, in one line."""

import pytest

from slowfast_paddle.config.model import ModelConfig
from slowfast_paddle.errors import ConfigError
from slowfast_paddle.models.registry import build_spec

BAD = [
    ("model.architecture: 'slowfsat' is unknown; did you mean 'slowfast'", {"architecture": "slowfsat"}, 32, 224),
    ("model.alpha: 8 does not divide data.num_frames 30", {}, 30, 224),
    ("model.beta_inv: 7 does not divide model.width 64", {"beta_inv": 7}, 32, 224),
    ("model.fusion.kernel: 4 is even", {"fusion": {"kernel": 4}}, 32, 224),
    ("model.depth: 19 is unknown; expected one of", {"depth": 19}, 32, 224),
    ("model.depth: 1 entries, but slowfast has 2", {"depth": [50]}, 32, 224),
    ("model.temporal_kernels: kernel 5 in stem reaches past a clip of 2 frame", {"architecture": "i3d"}, 2, 224),
    ("model.temporal_kernels: 2 in res4 is even", {"architecture": "slow", "temporal_kernels": [[1, 1, 1, 2, 3]]}, 8, 224),
    ("model.temporal_kernels: 4 stages", {"architecture": "slow", "temporal_kernels": [[1, 1, 1, 3]]}, 8, 224),
    ("model.temporal_blocks: 5 of res2", {"architecture": "slow", "temporal_blocks": [[5, 4, 6, 3]]}, 8, 224),
    ("model.temporal_pool: 2 leaves nothing of 1 frame", {"architecture": "c2d"}, 1, 224),
    ("model.non_local.blocks: 2 stages", {"non_local": {"blocks": [[[1], [1]]]}}, 32, 224),
    ("model.non_local.blocks: res3 of pathway 0 has blocks 0..3, not 9", {"non_local": {"blocks": [[[], [9], [], []]]}}, 32, 224),
    (
        "model.non_local.blocks: 2 pathways, but slow has 1",
        {"architecture": "slow", "non_local": {"blocks": [[[]] * 4] * 2}},
        8,
        224,
    ),
    (
        "model.non_local.groups: 3 does not divide the 4 frames of res3",
        {"non_local": {"blocks": [[[], [1], [], []]], "groups": [1, 3, 1, 1]}},
        32,
        224,
    ),
    ("data.crop_px: 16 is smaller than the network's stride 32", {}, 32, 16),
    ("model.norm.splits: 4 needs model.norm.kind sub", {"norm": {"splits": 4}}, 32, 224),
    ("model.architecture: x3d takes no non_local", {"architecture": "x3d", "temporal_pool": 2}, 13, 160),
]


@pytest.mark.parametrize("message, values, frames, crop", BAD, ids=[row[0][:40] for row in BAD])
def test_bad_configurations_name_the_field(message, values, frames, crop):
    with pytest.raises(ConfigError) as caught:
        build_spec(ModelConfig(**values), frames, crop)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_laterals_widen_only_the_slow_pathway():
    spec = build_spec(ModelConfig(), 32, 224)
    slow, fast = spec.pathways
    assert [lateral.out_channels for lateral in spec.laterals] == [16, 64, 128, 256]
    assert [stage.blocks[0].in_channels for stage in slow.stages] == [80, 320, 640, 1280]
    assert [stage.blocks[0].in_channels for stage in fast.stages] == [8, 32, 64, 128]
    assert spec.head.windows == ((4, 7, 7), (32, 7, 7))


def test_depths_differ_per_pathway():
    spec = build_spec(ModelConfig(depth=(101, 50)), 32, 224)
    assert [len(pathway.stages[2].blocks) for pathway in spec.pathways] == [23, 6]


@pytest.mark.parametrize(("depth", "kind", "counts"), [(34, "basic", [3, 4, 6, 3]), (152, "bottleneck", [3, 8, 36, 3])])
def test_depths_of_he_et_al(depth, kind, counts):
    (slow, _) = build_spec(ModelConfig(depth=depth), 32, 224).pathways
    assert [len(stage.blocks) for stage in slow.stages] == counts and slow.stages[0].blocks[0].kind == kind


def test_temporal_kernels_repeat_over_blocks_and_stop():
    spec = build_spec(ModelConfig(architecture="i3d"), 8, 224)
    kernels = [[block.temporal_kernel for block in stage.blocks] for stage in spec.pathways[0].stages]
    assert kernels == [[3, 3, 3], [3, 1, 3, 1], [3, 1, 3, 1, 3, 1], [1, 3, 1]]
    late = ModelConfig(architecture="slow", depth=101, temporal_blocks=((3, 4, 6, 3),))
    blocks = build_spec(late, 8, 224).pathways[0].stages[2].blocks
    assert [block.temporal_kernel for block in blocks] == [3] * 6 + [1] * 17
