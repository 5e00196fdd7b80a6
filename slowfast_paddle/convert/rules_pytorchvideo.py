"""Names of PyTorchVideo's hub networks: residual networks, SlowFast, X3D, and both with a box head.

Source: facebookresearch/pytorchvideo pytorchvideo/models. In its X3D stem conv_t is the spatial convolution and conv_xy
the temporal one; squeeze-excitation sits in norm_b.1. C2D and I3D carry their temporal pool as blocks.2.
"""

from dataclasses import replace

from slowfast_paddle.convert.rules import BRANCHES, TORCH_BN, TORCH_IGNORED, Layout

_WORDS = {
    "bn": TORCH_BN,
    "c": BRANCHES,
    "leaf": {"weight": "weight", "bias": "bias"},
    "fc": {"fc1": "0", "fc2": "2"},
}
_AVERAGE = {"model.head.average": "logits"}
Rules = tuple[tuple[str, str], ...]


def _stage(theirs: str, ours: str, norm_b: str = "") -> Rules:
    rules = [
        (theirs + "res_blocks.{b}.branch1_conv.weight", ours + "blocks.{b}.shortcut.conv.weight"),
        (theirs + "res_blocks.{b}.branch1_norm.{bn}", ours + "blocks.{b}.shortcut.bn.{bn}"),
        (theirs + "res_blocks.{b}.branch2.conv_{c}.weight", ours + "blocks.{b}.{c}.conv.weight"),
        (theirs + "res_blocks.{b}.branch2.norm_{c}.{bn}", ours + "blocks.{b}.{c}.bn.{bn}"),
    ]
    if norm_b:  # X3D: the norm of branch b is a sequence of BN and squeeze-excitation
        rules.insert(3, (theirs + "res_blocks.{b}.branch2.norm_b.0.{bn}", ours + "blocks.{b}.b.bn.{bn}"))
        rules.insert(4, (theirs + "res_blocks.{b}.branch2.norm_b.1.block.{fc}.{leaf}", ours + "blocks.{b}.se.{fc}.{leaf}"))
    return tuple(rules)


def _head(theirs: str) -> Rules:
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

PTV_RESNET = Layout(
    name="pytorchvideo",
    rules=(*_SINGLE, *_head("blocks.5.proj")),
    words=_WORDS,
    signature=r"blocks\.2\.res_blocks\.0\.branch2\.norm_b\.weight",
    ignored=TORCH_IGNORED,
    facts=_AVERAGE,
    protocol="pytorchvideo",
)
PTV_POOLED = replace(
    PTV_RESNET,
    rules=(*_STEM, *_stage("blocks.1.", "stages.0.0."), *_stage("blocks.{i+2}.", "stages.{i}.0."), *_head("blocks.6.proj")),
    signature=r"blocks\.5\.res_blocks\.0\.branch2\.norm_b\.weight",
)
PTV_SLOWFAST = replace(
    PTV_RESNET,
    rules=(*_MULTI, *_head("blocks.6.proj")),
    signature=r"blocks\.0\.multipathway_blocks\.0\.conv\.weight",
)
PTV_X3D = replace(
    PTV_RESNET,
    rules=(
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
)


def _with_boxes(layout: Layout, rules: Rules) -> Layout:
    return replace(
        layout,
        rules=(*(("model." + theirs, ours) for theirs, ours in rules), *_head("detection_head.proj")),
        signature=r"model\." + layout.signature,
        facts={"model.head.kind": "roi", "model.head.roi_aligned": False, "model.head.activation": "sigmoid"},
    )


PTV_RESNET_BOXES = _with_boxes(PTV_RESNET, _SINGLE)
PTV_SLOWFAST_BOXES = _with_boxes(PTV_SLOWFAST, _MULTI)
