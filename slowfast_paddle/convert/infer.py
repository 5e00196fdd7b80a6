"""What the names and shapes of a network's tensors say about its configuration."""

import re
from collections.abc import Mapping
from typing import Any

from slowfast_paddle.errors import ConvertError
from slowfast_paddle.models.presets import BASIC, BLOCKS, C2D_KERNELS, FAST_KERNELS, I3D_KERNELS, SLOW_KERNELS

Shapes = Mapping[str, tuple[int, ...]]
_SINGLE = {"slow": SLOW_KERNELS, "c2d": C2D_KERNELS, "i3d": I3D_KERNELS, "fast": FAST_KERNELS}


def infer_model(shapes: Shapes) -> dict[str, Any]:
    """The part of the model configuration that shapes decide, by dotted key.

    Left open: alpha, strides, dilations, pooling, the head's window, and everything about data.

    Raises:
        ConvertError: The tensors are not those of a network that can be built here.
    """
    if "stems.0.conv.weight" not in shapes:
        raise ConvertError("no tensor is the stem of a network; the file holds no complete backbone")
    if "stems.0.conv_xy.weight" in shapes:
        return {**_x3d(shapes), **_head(shapes)}
    pathways = 2 if "stems.1.conv.weight" in shapes else 1
    stem = [shapes[f"stems.{p}.conv.weight"] for p in range(pathways)]
    depths = [_depth(shapes, p) for p in range(pathways)]
    kernels = tuple(_kernels(shapes, p) for p in range(pathways))
    width = stem[0][0]
    spatial = shapes["stages.0.0.blocks.0.b.conv.weight"]
    facts: dict[str, Any] = {
        "model.width": width,
        "model.depth": depths[0] if len(set(depths)) == 1 else tuple(depths),
        "model.groups": spatial[0] // spatial[1] if depths[0] not in BASIC else 1,
        "model.non_local.blocks": _non_local(shapes, pathways),
    }
    out = shapes.get("stages.0.0.blocks.0.c.conv.weight", spatial)[0]
    if out // width != (1 if depths[0] in BASIC else 4):
        facts["model.expansion"] = out // width
    if pathways == 2:
        facts |= {"model.architecture": "slowfast", **_fusion(shapes, width, stem[1][0])}
        usual: tuple = (SLOW_KERNELS, FAST_KERNELS)
    else:
        fitting = [name for name, pattern in _SINGLE.items() if _same_kernels(kernels[0], pattern)]
        facts["model.architecture"] = fitting[0] if fitting else "slow"
        usual = (_SINGLE[facts["model.architecture"]],)
        if facts["model.architecture"] == "fast":
            facts["model.beta_inv"] = 1
    if not all(map(_same_kernels, kernels, usual)):
        facts["model.temporal_kernels"] = kernels
    return {**facts, **_head(shapes)}


def _head(shapes: Shapes) -> dict[str, Any]:
    bias = shapes.get("head.classifier.bias")
    return {"model.num_classes": bias[0]} if bias else {}


def _blocks(shapes: Shapes, stage: int, pathway: int) -> int:
    pattern = re.compile(rf"stages\.{stage}\.{pathway}\.blocks\.(\d+)\.a\.conv\.weight")
    return len({match[1] for name in shapes if (match := pattern.fullmatch(name))})


def _depth(shapes: Shapes, pathway: int) -> int:
    counts = tuple(_blocks(shapes, stage, pathway) for stage in range(4))
    basic = f"stages.0.{pathway}.blocks.0.c.conv.weight" not in shapes
    for depth, blocks in BLOCKS.items():
        if blocks == counts and (depth in BASIC) == basic:
            return depth
    known = ", ".join(f"{depth} {blocks}" for depth, blocks in BLOCKS.items())
    raise ConvertError(
        f"pathway {pathway} has {counts} {'basic ' if basic else ''}blocks in res2..res5; known depths are {known}"
    )


def _kernels(shapes: Shapes, pathway: int) -> tuple[Any, ...]:
    """Temporal kernels of the stem (one number) and of res2..res5 (one number a block, or one for all)."""
    kernels: list[Any] = [shapes[f"stems.{pathway}.conv.weight"][2]]
    for stage in range(4):
        count = _blocks(shapes, stage, pathway)
        row = tuple(shapes[f"stages.{stage}.{pathway}.blocks.{b}.a.conv.weight"][2] for b in range(count))
        kernels.append(row[0] if len(set(row)) == 1 else row)
    return tuple(kernels)


def _same_kernels(kernels: tuple[Any, ...], pattern: tuple[Any, ...]) -> bool:
    for row, wanted in zip(kernels, pattern):
        repeated = (wanted,) if isinstance(wanted, int) else wanted
        row = (row,) if isinstance(row, int) else row
        # A row of one number stands for all blocks; a longer pattern would have shown in it.
        if len(row) == 1 and len(set(repeated)) > 1 or any(k != repeated[i % len(repeated)] for i, k in enumerate(row)):
            return False
    return True


def _fusion(shapes: Shapes, width: int, fast_width: int) -> dict[str, Any]:
    lateral = shapes.get("laterals.0.conv.weight")
    if lateral is None:
        raise ConvertError("two pathways without a lateral connection; such a network is not known here")
    return {
        "model.beta_inv": width // fast_width,
        "model.fusion.ratio": lateral[0] // lateral[1],
        "model.fusion.kernel": lateral[2],
        "model.fusion.norm": "laterals.0.bn.weight" in shapes,
    }


def _non_local(shapes: Shapes, pathways: int) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Blocks followed by a non-local one, per pathway and stage; empty when there are none."""
    places: list[list[set[int]]] = [[set() for _ in range(4)] for _ in range(pathways)]
    for name in shapes:
        if match := re.match(r"stages\.(\d)\.(\d)\.non_local\.(\d+)\.", name):
            places[int(match[2])][int(match[1])].add(int(match[3]))
    rows = tuple(tuple(tuple(sorted(stage)) for stage in pathway) for pathway in places)
    return rows if any(map(any, rows)) else ()


def _x3d(shapes: Shapes) -> dict[str, Any]:
    """Factors of X3D. The stem's and the depth's are known only up to rounding: the published ones are tried first."""
    counts = tuple(_blocks(shapes, stage, 0) for stage in range(4))
    depth = next((d for d in (2.2, 5.0, 1.0) if counts == tuple(-int(-d * n // 1) for n in (1, 2, 5, 3))), None)
    stem = shapes["stems.0.conv_xy.weight"][0]
    inner, out = (shapes[f"stages.3.0.blocks.0.{branch}.conv.weight"][0] for branch in ("a", "c"))
    res2 = shapes["stages.0.0.blocks.0.c.conv.weight"][0]
    if depth is None:
        raise ConvertError(f"an X3D with {counts} blocks in res2..res5; known are depth factors 2.2 (XS, S, M) and 5 (L)")
    squeezed = shapes.get("stages.3.0.blocks.0.se.fc1.weight")
    norm = "stages.0.0.blocks.0.shortcut.bn.weight" in shapes
    return {
        "model.architecture": "x3d",
        "model.x3d.width_factor": 2.0 if stem % 2 == 0 else 1.0,
        "model.x3d.stem_channels": stem // 2 if stem % 2 == 0 else stem,
        "model.x3d.depth_factor": depth,
        "model.x3d.bottleneck_factor": inner / out,
        "model.x3d.scale_res2": res2 > stem,
        "model.x3d.se_ratio": 0.0625 if squeezed else 0.0,
        "model.x3d.head_channels": shapes["head.lin5.weight"][0],
        "model.x3d.head_norm": "head.lin5_bn.weight" in shapes,
        "model.x3d.shortcut_norm": "always" if norm else "on_channel_change",
    }
