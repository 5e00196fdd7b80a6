"""PaddleVideo and the original PaddlePaddle/models project: PySlowFast's modules with Paddle's arrays."""

from slowfast_paddle.convert.layout import Layout, Pairs
from slowfast_paddle.convert.rules_pyslowfast import PAIRS
from slowfast_paddle.models.spec import NetSpec

# Stems and laterals keep their layers in underscored attributes.
RENAMED = ("stem.conv", "stem._conv"), ("stem.bn", "stem._bn"), ("fuse.conv_f2s", "fuse._conv_f2s"), ("fuse.bn", "fuse._bn")


def _theirs(name: str) -> str:
    for ours, theirs in RENAMED:
        name = name.replace(ours, theirs)
    return name


def _bare(spec: NetSpec) -> Pairs:
    return tuple((ours, _theirs(theirs)) for ours, theirs in PAIRS)


def _prefixed(spec: NetSpec) -> Pairs:
    return tuple((ours, theirs if theirs.startswith("head.") else f"backbone.{theirs}") for ours, theirs in _bare(spec))


_SHARED = {"norm": {}, "transposed": False, "counters": False, "ignored": r"StructuredToParameterName@@"}
PADDLEVIDEO = Layout("paddlevideo", _prefixed, r"backbone\.s1\.pathway0_stem\._conv\.weight", **_SHARED)
PADDLE_MODELS = Layout("paddle_models", _bare, r"s1\.pathway0_stem\._conv\.weight", **_SHARED)
