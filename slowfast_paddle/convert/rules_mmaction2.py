"""Names of MMAction2: SlowFast and SlowOnly.

Source: open-mmlab/mmaction2 mmaction/models/backbones/resnet3d_slowfast.py. Its head takes the fast features first, pools
the whole map and averages nothing; by default the lateral is a bare convolution.
"""

from collections.abc import Callable
from dataclasses import replace

from slowfast_paddle.convert.layout import LEAVES, NUMBERED_BRANCHES, OTHER_FAMILY, TORCH_BN, TORCH_IGNORED, Layout, Pairs
from slowfast_paddle.models.spec import NetSpec

_WORDS = {"bn": TORCH_BN, "c": NUMBERED_BRANCHES, "leaf": LEAVES}
_MEAN = [123.675 / 255, 116.28 / 255, 103.53 / 255]
_STD = [58.395 / 255, 57.12 / 255, 57.375 / 255]
# Source: configs/recognition/slowfast and slowonly.
_ZOO = (
    "slowfast_4x16_r50", "slowfast_8x8_r50", "slowfast_8x8_r101", "slowfast_4x16_r101_r50",
    "slow_4x16_r50", "slow_8x8_r50", "slow_8x8_r101",
)  # fmt: skip
_FACTS = {"model.head.pool": "adaptive", "data.mean": _MEAN, "data.std": _STD}


def _pathway(prefix: str, pathway: int) -> Pairs:
    block = f"stages.{{i}}.{pathway}.blocks.{{b}}."
    return (
        (prefix + "conv1.conv.weight", f"stems.{pathway}.conv.weight"),
        (prefix + "conv1.bn.{bn}", f"stems.{pathway}.bn.{{bn}}"),
        (prefix + "layer{i+1}.{b}.conv{c}.conv.weight", block + "{c}.conv.weight"),
        (prefix + "layer{i+1}.{b}.conv{c}.bn.{bn}", block + "{c}.bn.{bn}"),
        (prefix + "layer{i+1}.{b}.downsample.conv.weight", block + "shortcut.conv.weight"),
        (prefix + "layer{i+1}.{b}.downsample.bn.{bn}", block + "shortcut.bn.{bn}"),
    )


def _refuses(pathways: int) -> Callable[[NetSpec], str]:
    def reason(spec: NetSpec) -> str:
        if spec.head.kind != "classification" or spec.head.conv_channels:
            return "only its SlowFast and SlowOnly classifiers are known here"
        pooled = any(stage.pool > 1 for pathway in spec.pathways for stage in pathway.stages)
        return OTHER_FAMILY if pooled or len(spec.pathways) != pathways else ""

    return reason


_CLASSIFIER = ("cls_head.fc_cls.{leaf}", "head.classifier.{leaf}")

MM_SLOWFAST = Layout(
    name="mmaction2",
    pairs=(
        *_pathway("backbone.slow_path.", 0),
        *_pathway("backbone.fast_path.", 1),
        ("backbone.slow_path.conv1_lateral.conv.weight", "laterals.0.conv.weight"),
        ("backbone.slow_path.conv1_lateral.bn.{bn}", "laterals.0.bn.{bn}"),
        ("backbone.slow_path.layer{i}_lateral.conv.weight", "laterals.{i}.conv.weight"),
        ("backbone.slow_path.layer{i}_lateral.bn.{bn}", "laterals.{i}.bn.{bn}"),
        _CLASSIFIER,
    ),
    words=_WORDS,
    signature=r"backbone\.slow_path\.conv1\.conv\.weight",
    ignored=TORCH_IGNORED,
    concat="fast_slow",
    facts={**_FACTS, "model.head.concat": "fast_slow"},
    protocol="mmaction2",
    published=_ZOO,
    refuses=_refuses(pathways=2),
)
MM_SLOWONLY = replace(
    MM_SLOWFAST,
    pairs=(*_pathway("backbone.", 0), _CLASSIFIER),
    signature=r"backbone\.layer1\.0\.conv1\.conv\.weight",
    concat="slow_fast",
    facts=_FACTS,
    refuses=_refuses(pathways=1),
)
