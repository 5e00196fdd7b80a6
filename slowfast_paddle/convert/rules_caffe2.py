"""Blob names of the Caffe2 networks in the PySlowFast zoo (.pkl). `t_` is the fast pathway.

Source: facebookresearch/SlowFast slowfast/utils/c2_model_loading.py. Blobs ending in _riv hold the variance itself.
"""

from slowfast_paddle.convert.layout import BRANCHES, Layout

_BN = {"weight": "s", "bias": "b", "_mean": "rm", "_variance": "riv"}


def _pathway(prefix: str, pathway: int) -> tuple[tuple[str, str], ...]:
    block = f"stages.{{i}}.{pathway}.blocks.{{b}}."
    return (
        (prefix + "conv1_w", f"stems.{pathway}.conv.weight"),
        (prefix + "res_conv1_bn_{bn}", f"stems.{pathway}.bn.{{bn}}"),
        (prefix + "res{i+2}_{b}_branch1_w", block + "shortcut.conv.weight"),
        (prefix + "res{i+2}_{b}_branch1_bn_{bn}", block + "shortcut.bn.{bn}"),
        (prefix + "res{i+2}_{b}_branch2{c}_w", block + "{c}.conv.weight"),
        (prefix + "res{i+2}_{b}_branch2{c}_bn_{bn}", block + "{c}.bn.{bn}"),
    )


CAFFE2 = Layout(
    name="caffe2",
    pairs=(
        *_pathway("", 0),
        *_pathway("t_", 1),
        ("t_pool1_subsample_w", "laterals.0.conv.weight"),
        ("t_pool1_subsample_bn_{bn}", "laterals.0.bn.{bn}"),
        ("t_res{i+1}_{last}_branch2c_bn_subsample_w", "laterals.{i}.conv.weight"),
        ("t_res{i+1}_{last}_branch2c_bn_subsample_bn_{bn}", "laterals.{i}.bn.{bn}"),
        ("nonlocal_conv{i+2}_{b}_{attention}_{leaf}", "stages.{i}.0.non_local.{b}.{attention}.{leaf}"),
        ("nonlocal_conv{i+2}_{b}_bn_{bn}", "stages.{i}.0.non_local.{b}.bn.{bn}"),
        ("pred_{leaf}", "head.classifier.{leaf}"),
    ),
    words={
        "bn": _BN,
        "c": BRANCHES,
        "leaf": {"weight": "w", "bias": "b"},
        "attention": {"theta": "theta", "phi": "phi", "g": "g", "out": "out"},
    },
    signature=r"res_conv1_bn_riv",
    ignored=r".*_momentum|lr|model_iter|weight_order|epoch",
    counters=False,
)
