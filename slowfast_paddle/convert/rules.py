"""Arrays of foreign checkpoints in this package's names, orientation and order, and back."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from slowfast_paddle.convert.layout import Layout
from slowfast_paddle.convert.rules_caffe2 import CAFFE2
from slowfast_paddle.convert.rules_mmaction2 import MMACTION2
from slowfast_paddle.convert.rules_paddlevideo import PADDLE_MODELS, PADDLEVIDEO
from slowfast_paddle.convert.rules_pyslowfast import PYSLOWFAST
from slowfast_paddle.convert.rules_pytorchvideo import PYTORCHVIDEO
from slowfast_paddle.errors import ConvertError
from slowfast_paddle.models.spec import NetSpec

LAYOUTS: dict[str, Layout] = {
    layout.name: layout for layout in (PYSLOWFAST, PYTORCHVIDEO, MMACTION2, CAFFE2, PADDLEVIDEO, PADDLE_MODELS)
}
CLASSIFIER = "head.classifier.weight"


@dataclass(frozen=True)
class Imported:
    """Arrays under our names, our names that the file lacks, and the file's names that have no home here."""

    state: dict[str, np.ndarray]
    missing: tuple[str, ...]
    unused: tuple[str, ...]


def detect_layout(names: Iterable[str]) -> Layout:
    """The layout these names belong to.

    Raises:
        ConvertError: none of the known ones.
    """
    names = list(names)
    for layout in LAYOUTS.values():
        if any(re.fullmatch(layout.signature, name) for name in names):
            return layout
    shown = ", ".join(names[:3]) or "none"
    raise ConvertError(f"weights of an unknown layout (first names: {shown}); known are {', '.join(LAYOUTS)}")


def import_state(layout: Layout, spec: NetSpec, keys: Iterable[str], theirs: Mapping[str, np.ndarray]) -> Imported:
    """Foreign arrays -> ours.

    Args:
        spec: the network that will take them.
        keys: its state-dict names.
        theirs: the foreign arrays by foreign name.
    """
    names = layout.names(spec, list(keys))
    found = {layout.plain(name): value for name, value in theirs.items() if not layout.ignores(name)}
    state = {ours: found[name] for ours, name in names.items() if name in found}
    if CLASSIFIER in state:
        weight = np.ascontiguousarray(state[CLASSIFIER].T) if layout.transposed else state[CLASSIFIER]
        state[CLASSIFIER] = _reorder(weight, spec, layout.concat, spec.head.concat)
    known = set(names.values())
    return Imported(
        state,
        missing=tuple(ours for ours in names if ours not in state),
        unused=tuple(name for name in found if name not in known),
    )


def export_state(layout: Layout, spec: NetSpec, ours: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Our arrays -> foreign ones, the exact inverse of `import_state`."""
    names = layout.names(spec, list(ours))
    theirs: dict[str, np.ndarray] = {}
    for key, value in ours.items():
        if key == CLASSIFIER:
            value = _reorder(value, spec, spec.head.concat, layout.concat)
            value = np.ascontiguousarray(value.T) if layout.transposed else value
        theirs[names[key]] = value
        if layout.counters and key.endswith("._variance"):
            theirs[names[key].rpartition(".")[0] + ".num_batches_tracked"] = np.zeros((), np.int64)
    return theirs


def _reorder(weight: np.ndarray, spec: NetSpec, source: str, target: str) -> np.ndarray:
    """Rows [in, out] of the classifier when the pathways' features are concatenated in another order."""
    if source == target or len(spec.pathways) == 1:
        return weight
    channels = spec.head.in_channels if source == "slow_fast" else spec.head.in_channels[::-1]
    return np.concatenate([weight[channels[0] :], weight[: channels[0]]], axis=0)
