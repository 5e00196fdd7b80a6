"""Names of PySlowFast, of PaddleVideo and of the original Paddle project, which both follow PySlowFast.

Source: facebookresearch/SlowFast slowfast/models; PaddlePaddle/PaddleVideo paddlevideo/modeling/backbones/resnet_slowfast.py.
"""

import re

from slowfast_paddle.convert.rules import BRANCHES, PADDLE_BN, TORCH_BN, TORCH_IGNORED, Layout

_NON_LOCAL = {"theta": "conv_theta", "phi": "conv_phi", "g": "conv_g", "out": "conv_out"}
_LEAF = {"weight": "weight", "bias": "bias"}
_WORDS = {"bn": TORCH_BN, "c": BRANCHES, "attention": _NON_LOCAL, "leaf": _LEAF, "fc": {"fc1": "fc1", "fc2": "fc2"}}

_BLOCKS = (
    ("s{i+2}.pathway{p}_res{b}.branch1.weight", "stages.{i}.{p}.blocks.{b}.shortcut.conv.weight"),
    ("s{i+2}.pathway{p}_res{b}.branch1_bn.{bn}", "stages.{i}.{p}.blocks.{b}.shortcut.bn.{bn}"),
    ("s{i+2}.pathway{p}_res{b}.branch2.{c}.weight", "stages.{i}.{p}.blocks.{b}.{c}.conv.weight"),
    ("s{i+2}.pathway{p}_res{b}.branch2.{c}_bn.{bn}", "stages.{i}.{p}.blocks.{b}.{c}.bn.{bn}"),
)
_CLASSIFIER = ("head.projection.{leaf}", "head.classifier.{leaf}")

PYSLOWFAST = Layout(
    name="pyslowfast",
    rules=(
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
)


def _paddle(name: str, prefix: str) -> Layout:
    rules = (
        ("s1.pathway{p}_stem._conv.weight", "stems.{p}.conv.weight"),
        ("s1.pathway{p}_stem._bn.{bn}", "stems.{p}.bn.{bn}"),
        ("s{i+1}_fuse._conv_f2s.weight", "laterals.{i}.conv.weight"),
        ("s{i+1}_fuse._bn.{bn}", "laterals.{i}.bn.{bn}"),
        *_BLOCKS,
    )
    return Layout(
        name=name,
        rules=(*((prefix + theirs, ours) for theirs, ours in rules), _CLASSIFIER),
        words={**_WORDS, "bn": PADDLE_BN},
        signature=re.escape(prefix) + r"s1\.pathway0_stem\._conv\.weight",
        in_out=True,
        counters=False,
        protocol="paddle",
    )


PADDLEVIDEO = _paddle("paddlevideo", "backbone.")
PADDLE_MODELS = _paddle("paddle_models", "")
