"""Names of PyTorchVideo's hub networks: residual networks, SlowFast, X3D, and both with a box head.

Source: facebookresearch/pytorchvideo pytorchvideo/models. In its X3D stem conv_t is the spatial convolution and conv_xy
the temporal one; squeeze-excitation sits in norm_b.1. C2D and I3D carry their temporal pool as blocks.2.
"""

from collections.abc import Callable
from dataclasses import replace

from slowfast_paddle.convert.layout import BRANCHES, LEAVES, OTHER_FAMILY, TORCH_BN, TORCH_IGNORED, Layout, Pairs
from slowfast_paddle.models.spec import NetSpec

_WORDS = {
    "bn": TORCH_BN,
    "c": BRANCHES,
    "leaf": LEAVES,
    "fc": {"fc1": "0", "fc2": "2"},
}
# Source: pytorchvideo/models/hub.
_HUB = (
    "slow_8x8_r50", "slowfast_4x16_r50", "slowfast_8x8_r50", "slowfast_8x8_r101", "slowfast_16x8_r101_50_50", "c2d_8x8_r50",
    "i3d_8x8_r50", "x3d_xs", "x3d_s", "x3d_m", "x3d_l",
)  # fmt: skip
_AVERAGE = {"model.head.average": "logits"}


def _stage(theirs: str, ours: str, norm_b: str = "") -> Pairs:
    pairs = [
        (theirs + "res_blocks.{b}.branch1_conv.weight", ours + "blocks.{b}.shortcut.conv.weight"),
        (theirs + "res_blocks.{b}.branch1_norm.{bn}", ours + "blocks.{b}.shortcut.bn.{bn}"),
        (theirs + "res_blocks.{b}.branch2.conv_{c}.weight", ours + "blocks.{b}.{c}.conv.weight"),
        (theirs + "res_blocks.{b}.branch2.norm_{c}.{bn}", ours + "blocks.{b}.{c}.bn.{bn}"),
    ]
    if norm_b:  # X3D: the norm of branch b is a sequence of BN and squeeze-excitation
        pairs.insert(3, (theirs + "res_blocks.{b}.branch2.norm_b.0.{bn}", ours + "blocks.{b}.b.bn.{bn}"))
        pairs.insert(4, (theirs + "res_blocks.{b}.branch2.norm_b.1.block.{fc}.{leaf}", ours + "blocks.{b}.se.{fc}.{leaf}"))
    return tuple(pairs)


def _head(theirs: str) -> Pairs:
    return ((theirs + ".{leaf}", "head.classifier.{leaf}"),)


_STEM = (("blocks.0.conv.weight", "stems.0.conv.weight"), ("blocks.0.norm.{bn}", "stems.0.bn.{bn}"))
_SINGLE = (*_STEM, *_stage("blocks.{i+1}.", "stages.{i}.0."))
_MULTI = (
    ("blocks.0.multipathway_blocks.{p}.conv.weight", "stems.{p}.conv.weight"),
    ("blocks.0.multipathway_blocks.{p}.norm.{bn}", "stems.{p}.bn.{bn}"),
    ("blocks.{i}.multipathway_fusion.conv_fast_to_slow.weight", "laterals.{i}.conv.weight"),
    ("blocks.{i}.multipathway_fusion.norm.{bn}", "laterals.{i}.bn.{bn}"),
    *_stage("blocks.{i+1}.multipathway_blocks.{p}.", "stages.{i}.{p}."),
)


def _refuses(pathways: int, pooled: bool = False, x3d: bool = False, boxes: bool = False) -> Callable[[NetSpec], str]:
    def reason(spec: NetSpec) -> str:
        stages = [stage for pathway in spec.pathways for stage in pathway.stages]
        blocks = [block for stage in stages for block in stage.blocks]
        same_channels = [block for block in blocks if block.has_shortcut and block.in_channels == block.out_channels]
        kind = (len(spec.pathways), any(stage.pool > 1 for stage in stages), blocks[0].kind == "x3d", spec.head.kind == "roi")
        if kind != (pathways, pooled, x3d, boxes) or blocks[0].kind == "basic":
            return OTHER_FAMILY
        if any(not lateral.norm for lateral in spec.laterals):
            return "its laterals always have BN, and those of this network have none"
        if x3d and any(block.shortcut_norm for block in same_channels):
            return "its X3D has no BN in the shortcut of the first block, and this network has one"
        return ""

    return reason


PTV_RESNET = Layout(
    name="pytorchvideo",
    pairs=(*_SINGLE, *_head("blocks.5.proj")),
    words=_WORDS,
    signature=r"blocks\.2\.res_blocks\.0\.branch2\.norm_b\.weight",
    ignored=TORCH_IGNORED,
    facts=_AVERAGE,
    protocol="pytorchvideo",
    published=_HUB,
    refuses=_refuses(1),
)
PTV_POOLED = replace(
    PTV_RESNET,
    pairs=(*_STEM, *_stage("blocks.1.", "stages.0.0."), *_stage("blocks.{i+2}.", "stages.{i}.0."), *_head("blocks.6.proj")),
    signature=r"blocks\.5\.res_blocks\.0\.branch2\.norm_b\.weight",
    refuses=_refuses(1, pooled=True),
)
PTV_SLOWFAST = replace(
    PTV_RESNET,
    pairs=(*_MULTI, *_head("blocks.6.proj")),
    signature=r"blocks\.0\.multipathway_blocks\.0\.conv\.weight",
    refuses=_refuses(2),
)
PTV_X3D = replace(
    PTV_RESNET,
    pairs=(
        ("blocks.0.conv.conv_t.weight", "stems.0.conv_xy.weight"),
        ("blocks.0.conv.conv_xy.weight", "stems.0.conv.weight"),
        ("blocks.0.norm.{bn}", "stems.0.bn.{bn}"),
        *_stage("blocks.{i+1}.", "stages.{i}.0.", norm_b="sequence"),
        ("blocks.5.pool.pre_conv.weight", "head.conv5.conv.weight"),
        ("blocks.5.pool.pre_norm.{bn}", "head.conv5.bn.{bn}"),
        ("blocks.5.pool.post_conv.weight", "head.lin5.weight"),
        ("blocks.5.pool.post_norm.{bn}", "head.lin5_bn.{bn}"),
        *_head("blocks.5.proj"),
    ),
    signature=r"blocks\.0\.conv\.conv_t\.weight",
    facts={**_AVERAGE, "model.x3d.shortcut_norm": "on_channel_change"},
    refuses=_refuses(1, x3d=True),
)


def _with_boxes(layout: Layout, pairs: Pairs, pathways: int) -> Layout:
    return replace(
        layout,
        pairs=(*(("model." + theirs, ours) for theirs, ours in pairs), *_head("detection_head.proj")),
        signature=r"model\." + layout.signature,
        facts={"model.head.kind": "roi", "model.head.roi_aligned": False, "model.head.activation": "sigmoid"},
        published=(),
        refuses=_refuses(pathways, boxes=True),
    )


PTV_RESNET_BOXES = _with_boxes(PTV_RESNET, _SINGLE, pathways=1)
PTV_SLOWFAST_BOXES = _with_boxes(PTV_SLOWFAST, _MULTI, pathways=2)
