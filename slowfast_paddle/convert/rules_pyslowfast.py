"""Names of PySlowFast, of PaddleVideo and of the original Paddle project, which both follow PySlowFast.

Source: facebookresearch/SlowFast slowfast/models; PaddlePaddle/PaddleVideo paddlevideo/modeling/backbones/resnet_slowfast.py.
"""

import re

from slowfast_paddle.convert.layout import BRANCHES, LEAVES, PADDLE_BN, TORCH_BN, TORCH_IGNORED, Layout
from slowfast_paddle.models.spec import NetSpec

_NON_LOCAL = {"theta": "conv_theta", "phi": "conv_phi", "g": "conv_g", "out": "conv_out"}
_WORDS = {"bn": TORCH_BN, "c": BRANCHES, "attention": _NON_LOCAL, "leaf": LEAVES, "fc": {"fc1": "fc1", "fc2": "fc2"}}

_BLOCKS = (
    ("s{i+2}.pathway{p}_res{b}.branch1.weight", "stages.{i}.{p}.blocks.{b}.shortcut.conv.weight"),
    ("s{i+2}.pathway{p}_res{b}.branch1_bn.{bn}", "stages.{i}.{p}.blocks.{b}.shortcut.bn.{bn}"),
    ("s{i+2}.pathway{p}_res{b}.branch2.{c}.weight", "stages.{i}.{p}.blocks.{b}.{c}.conv.weight"),
    ("s{i+2}.pathway{p}_res{b}.branch2.{c}_bn.{bn}", "stages.{i}.{p}.blocks.{b}.{c}.bn.{bn}"),
)
_CLASSIFIER = ("head.projection.{leaf}", "head.classifier.{leaf}")


def _bare_lateral(spec: NetSpec) -> str:
    bare = any(not lateral.norm for lateral in spec.laterals)
    return "its laterals always have BN, and those of this network have none" if bare else ""


PYSLOWFAST = Layout(
    name="pyslowfast",
    pairs=(
        ("s1.pathway{p}_stem.conv.weight", "stems.{p}.conv.weight"),
        ("s1.pathway{p}_stem.conv_xy.weight", "stems.{p}.conv_xy.weight"),
        ("s1.pathway{p}_stem.bn.{bn}", "stems.{p}.bn.{bn}"),
        ("s{i+1}_fuse.conv_f2s.weight", "laterals.{i}.conv.weight"),
        ("s{i+1}_fuse.bn.{bn}", "laterals.{i}.bn.{bn}"),
        *_BLOCKS,
        ("s{i+2}.pathway{p}_res{b}.branch2.se.{fc}.{leaf}", "stages.{i}.{p}.blocks.{b}.se.{fc}.{leaf}"),
        ("s{i+2}.pathway{p}_nonlocal{b}.{attention}.{leaf}", "stages.{i}.{p}.non_local.{b}.{attention}.{leaf}"),
        ("s{i+2}.pathway{p}_nonlocal{b}.bn.{bn}", "stages.{i}.{p}.non_local.{b}.bn.{bn}"),
        ("head.conv_5.weight", "head.conv5.conv.weight"),
        ("head.conv_5_bn.{bn}", "head.conv5.bn.{bn}"),
        ("head.lin_5.weight", "head.lin5.weight"),
        ("head.lin_5_bn.{bn}", "head.lin5_bn.{bn}"),
        _CLASSIFIER,
    ),
    words=_WORDS,
    signature=r"s1\.pathway0_stem\.conv\.weight",
    ignored=TORCH_IGNORED,
    refuses=_bare_lateral,
)


def _paddle(name: str, prefix: str, protocol: str) -> Layout:
    pairs = (
        ("s1.pathway{p}_stem._conv.weight", "stems.{p}.conv.weight"),
        ("s1.pathway{p}_stem._bn.{bn}", "stems.{p}.bn.{bn}"),
        ("s{i+1}_fuse._conv_f2s.weight", "laterals.{i}.conv.weight"),
        ("s{i+1}_fuse._bn.{bn}", "laterals.{i}.bn.{bn}"),
        *_BLOCKS,
    )
    return Layout(
        name=name,
        pairs=(*((prefix + theirs, ours) for theirs, ours in pairs), _CLASSIFIER),
        words={**_WORDS, "bn": PADDLE_BN},
        signature=re.escape(prefix) + r"s1\.pathway0_stem\._conv\.weight",
        transposed=False,
        counters=False,
        protocol=protocol,
    )


PADDLEVIDEO = _paddle("paddlevideo", "backbone.", "paddlevideo")
PADDLE_MODELS = _paddle("paddle_models", "", "paddle")
