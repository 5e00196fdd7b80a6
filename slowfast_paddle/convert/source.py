"""Open a foreign file: find its weights, its layout and what it says about itself."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from slowfast_paddle import checkpoint, unpickle
from slowfast_paddle.config.pyslowfast import is_pyslowfast
from slowfast_paddle.convert.layout import Layout
from slowfast_paddle.convert.rules import detect_layout
from slowfast_paddle.errors import ConvertError

# Where projects put the weights inside a checkpoint.
_CONTAINERS = ("model_state", "state_dict", "blobs", "model_state_dict", "model")


@dataclass(frozen=True)
class Source:
    """A foreign checkpoint.

    Attributes:
        tensors: foreign name -> array, as in the file.
        ours: foreign name -> our name, for every tensor that carries weights.
        ignored: names that carry nothing, in the file's order.
        settings: the PySlowFast configuration inside the file, or None.
        class_names: class names inside the file, or None.
        epoch: the last epoch trained, or None.
    """

    path: Path
    sha256: str
    layout: Layout
    tensors: dict[str, np.ndarray]
    ours: dict[str, str]
    ignored: tuple[str, ...]
    settings: Mapping[str, Any] | None
    class_names: list[str] | None
    epoch: int | None

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes by our name."""
        return {ours: self.tensors[name].shape for name, ours in self.ours.items()}


def open_source(path: str | Path, layout: str = "auto") -> Source:
    """Reads and recognises a foreign checkpoint.

    Args:
        layout: a project's name, or auto.

    Raises:
        CheckpointError: the file cannot be read, or some value is not finite.
        ConvertError: it holds no weights, or some tensor is unknown to its layout.
    """
    path = Path(path)
    content = unpickle.load(path)
    if not isinstance(content, Mapping):
        raise ConvertError(f"{path}: holds a {type(content).__name__}; expected weights by name")
    weights = next((content[key] for key in _CONTAINERS if isinstance(content.get(key), Mapping)), content)
    weights = _without_prefix(weights)
    tensors = {name: value for name, value in weights.items() if isinstance(value, np.ndarray)}
    if not tensors:
        raise ConvertError(
            f"{path}: holds no arrays by name (its keys are {', '.join(map(str, list(content)[:5]))}); expected weights"
        )
    if any(name.startswith("stems.") for name in tensors):
        raise ConvertError(f"{path}: is in this package's own names already; use it as it is, or give --to to convert it back")
    try:
        table = detect_layout(tensors, layout)
    except ConvertError as err:
        raise ConvertError(f"{path}: {err}") from None
    ours, unknown = {}, []
    for name in weights:
        target = None if table.ignores(name) else table.ours(name)
        if target is not None and name in tensors:
            ours[name] = target
        elif not table.ignores(name):
            unknown.append(name)
    if unknown:
        raise ConvertError(
            f"{path}: {len(unknown)} entries are unknown to {table.name} ({', '.join(unknown[:5])}); nothing was written"
        )
    twice = [target for target, count in Counter(ours.values()).items() if count > 1]
    if twice:
        raise ConvertError(f"{path}: several tensors would become {twice[0]}; the file mixes two networks")
    mistyped = [f"{name} {tensors[name].dtype}" for name in ours if tensors[name].dtype.kind != "f"]
    if mistyped:
        raise ConvertError(
            f"{path}: {len(mistyped)} tensors hold no floating numbers ({', '.join(mistyped[:5])}); nothing was written"
        )
    checkpoint.check_values(path, {target: tensors[name] for name, target in ours.items()})
    return Source(
        path=path,
        sha256=checkpoint.sha256_of(path),
        layout=table,
        tensors=tensors,
        ours=ours,
        ignored=tuple(name for name in weights if table.ignores(name)),
        settings=_settings(path, content.get("cfg")),
        class_names=_class_names(content.get("meta")),
        epoch=content["epoch"] if isinstance(content.get("epoch"), int) else None,
    )


def _without_prefix(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Drops what wrappers put before every name: `module.` of data-parallel training, `model.` of a training module."""
    names = [str(name) for name in weights]
    for prefix in ("module.", "model."):
        if names and all(name.startswith(prefix) for name in names):
            names = [name.removeprefix(prefix) for name in names]
    return dict(zip(names, weights.values()))


def _settings(path: Path, text: Any) -> Mapping[str, Any] | None:
    """The `cfg` entry of a PySlowFast checkpoint: YAML text, empty in files that were published without it."""
    if not isinstance(text, str) or not text.strip():
        return None
    try:
        settings = yaml.safe_load(text)
    except yaml.YAMLError as err:
        raise ConvertError(f"{path}: the configuration inside it is not valid YAML: {str(err)[:80]}") from err
    return settings if isinstance(settings, Mapping) and is_pyslowfast(settings) else None


def _class_names(meta: Any) -> list[str] | None:
    """Class names that MMAction2 stores beside the weights."""
    if not isinstance(meta, Mapping):
        return None
    dataset = meta.get("dataset_meta")
    names = meta.get("CLASSES") or (dataset.get("classes") if isinstance(dataset, Mapping) else None)
    return list(names) if isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names) else None
