"""Foreign weights into a checkpoint of this package, and back."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slowfast_paddle import checkpoint
from slowfast_paddle.config.load import load_config
from slowfast_paddle.config.schema import Config
from slowfast_paddle.convert.assume import Settled, settle
from slowfast_paddle.convert.inflate import inflate
from slowfast_paddle.convert.layout import Layout
from slowfast_paddle.convert.rules import LAYOUTS, export_state, oriented
from slowfast_paddle.convert.source import Source, open_source
from slowfast_paddle.convert.torch_file import write_torch
from slowfast_paddle.errors import ConvertError
from slowfast_paddle.labels import class_names, known_for
from slowfast_paddle.models.registry import build_model, build_spec

_SHOWN = 4


@dataclass(frozen=True)
class Converted:
    """What a conversion did.

    Attributes:
        path: the written weights.
        sidecar: the facts written beside them.
        ignored: foreign tensors that carry nothing.
        notes: what the user should hear.
    """

    path: Path
    sidecar: dict[str, Any]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]


def convert_file(
    source: str | Path,
    target: str | Path,
    *,
    layout: str = "auto",
    config: str | None = None,
    overrides: Iterable[str] = (),
    inflation: str = "i3d",
) -> Converted:
    """Converts a foreign checkpoint; TARGET.pdparams and TARGET.json appear complete or not at all.

    Args:
        layout: the project that wrote the file, or auto.
        config: preset or YAML for what neither shapes nor the file say.
        overrides: `section.key=value` on top of it.
        inflation: i3d or centre, for 2-D ImageNet weights.

    Raises:
        ConvertError: a tensor is left over, missing or of another shape; both sides are listed.
    """
    opened = open_source(source, layout)
    settled = settle(opened, config, overrides)
    model = settled.config.model
    network = build_model(model, settled.config.data.num_frames, settled.config.data.crop_px)
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    initial: list[str] = []
    state = {ours: oriented(opened.layout, network.spec, ours, opened.tensors[name]) for name, ours in opened.ours.items()}
    if opened.layout.name == "imagenet":
        state, initial = inflate(state, {name: value.numpy() for name, value in network.state_dict().items()}, inflation)
    state = _fitted(opened, state, wanted)
    sidecar = _sidecar(opened, settled, initial, inflation)
    path = checkpoint.save(checkpoint.stem(target), state, sidecar)
    return Converted(path, sidecar, opened.ignored, settled.notes)


def export_file(source: str | Path, target: str | Path, project: str) -> Layout:
    """Writes a checkpoint of this package as another project's file.

    Raises:
        ConvertError: the network has no home in that project.
        CheckpointError: the source has no sidecar, or does not fit it.
    """
    facts = checkpoint.load_sidecar(source)
    if "config" not in facts:
        raise ConvertError(
            f"{checkpoint.part(source, checkpoint.SIDECAR)}: missing or without `config`; it says what the network is"
        )
    config = load_config(facts["config"])
    spec = build_spec(config.model, config.data.num_frames, config.data.crop_px)
    weights = checkpoint.load_state(source)
    try:
        state = export_state(LAYOUTS[project], spec, weights)
    except ConvertError as err:
        raise ConvertError(f"{source}: {err}") from None
    epoch = facts.get("epoch")
    content: dict[str, dict[str, Any]] = {
        "pyslowfast": {"epoch": epoch or 0, "model_state": state, "optimizer_state": {}, "cfg": ""},
        "pytorchvideo": {"model_state": state},
        "mmaction2": {"meta": _meta(facts), "state_dict": state},
    }
    write_torch(target, content[project])
    return LAYOUTS[project][0]


def _meta(facts: dict[str, Any]) -> dict[str, Any]:
    names = facts.get("class_names")
    meta: dict[str, Any] = {"epoch": facts.get("epoch") or 0}
    return meta | {"CLASSES": tuple(names)} if names and None not in names else meta


def _fitted(source: Source, state: dict[str, np.ndarray], wanted: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """The state in the network's order, every shape checked; axes of length 1 may be written or left out."""
    missing = [name for name in wanted if name not in state]
    left = [name for name, ours in source.ours.items() if ours not in wanted]
    different = [
        f"{name} {list(state[name].shape)} instead of {list(shape)}"
        for name, shape in wanted.items()
        if name in state and _core(state[name].shape) != _core(shape)
    ]
    if missing or left or different:
        sides = (("not in the file", missing), ("without a place", left), ("of another shape", different))
        listed = "; ".join(f"{len(names)} {what} ({_listed(names)})" for what, names in sides if names)
        raise ConvertError(f"{source.path}: {listed}; nothing was written")
    return {name: np.ascontiguousarray(state[name].reshape(shape), np.float32) for name, shape in wanted.items()}


def _core(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def _sidecar(source: Source, settled: Settled, initial: list[str], inflation: str) -> dict[str, Any]:
    config = settled.config
    origin: dict[str, Any] = {
        "file": source.path.name,
        "sha256": source.sha256,
        "layout": source.layout.name,
        "configured_by": settled.origin,
        "assumed": settled.assumed,
        "ignored": list(source.ignored),
    }
    if initial:
        origin |= {"inflation": inflation, "initial": initial}
    return {
        "config": config.model_dump(mode="json"),
        "class_names": _names(source, config),
        "epoch": source.epoch,
        "metrics": {},
        "protocol": _protocol(source, config),
        "source": origin,
    }


def _names(source: Source, config: Config) -> list[str | None] | None:
    """Names from the file, else of the configured list, else of the one data set with so many classes."""
    classes = config.model.num_classes
    if source.layout.name == "imagenet":
        return None
    if source.class_names is not None and len(source.class_names) == classes:
        return list(source.class_names)
    known = config.labels or known_for(classes, config.model.head.kind == "roi")
    return class_names(known, classes) if known else None


def _protocol(source: Source, config: Config) -> dict[str, Any]:
    data, head = config.data, config.model.head
    return {
        "name": config.test.protocol or source.layout.protocol,
        "mean": list(data.mean),
        "std": list(data.std),
        "channels": "BGR" if data.reverse_channels else "RGB",
        "head_pool": head.pool,
        "head_average": head.average,
        "activation": head.activation,
    }


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
