"""Arrays of foreign checkpoints in this package's names, orientation and order, and back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from slowfast_paddle.convert.layout import OTHER_FAMILY, Layout
from slowfast_paddle.convert.rules_caffe2 import CAFFE2
from slowfast_paddle.convert.rules_imagenet import PADDLE_IMAGENET, TORCH_IMAGENET
from slowfast_paddle.convert.rules_mmaction2 import MM_SLOWFAST, MM_SLOWONLY
from slowfast_paddle.convert.rules_pyslowfast import PADDLE_MODELS, PADDLEVIDEO, PYSLOWFAST
from slowfast_paddle.convert.rules_pytorchvideo import (
    PTV_POOLED,
    PTV_RESNET,
    PTV_RESNET_BOXES,
    PTV_SLOWFAST,
    PTV_SLOWFAST_BOXES,
    PTV_X3D,
)
from slowfast_paddle.errors import ConvertError
from slowfast_paddle.models.spec import NetSpec

# The tables of each project, one per family of networks; the more particular ones first.
LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "pyslowfast": (PYSLOWFAST,),
    "caffe2": (CAFFE2,),
    "pytorchvideo": (PTV_X3D, PTV_SLOWFAST, PTV_POOLED, PTV_RESNET, PTV_SLOWFAST_BOXES, PTV_RESNET_BOXES),
    "mmaction2": (MM_SLOWFAST, MM_SLOWONLY),
    "paddlevideo": (PADDLEVIDEO,),
    "paddle_models": (PADDLE_MODELS,),
    "imagenet": (TORCH_IMAGENET, PADDLE_IMAGENET),
}
CLASSIFIER = "head.classifier.weight"


@dataclass(frozen=True)
class Imported:
    """Arrays under our names, our names that the file lacks, and the file's names that have no home here."""

    state: dict[str, np.ndarray]
    missing: tuple[str, ...]
    unused: tuple[str, ...]


def detect_layout(names: Iterable[str], wanted: str = "auto") -> Layout:
    """The table that these names belong to.

    Args:
        names: names of a file's tensors.
        wanted: a project, or auto.

    Raises:
        ConvertError: no project, or not the wanted one, has such names.
    """
    names = list(names)
    for project, tables in LAYOUTS.items():
        for layout in tables:
            if wanted in ("auto", project) and layout.recognises(names):
                return layout
    shown = ", ".join(names[:3]) or "none"
    if wanted != "auto":
        raise ConvertError(f"its tensors are not named as {wanted} does (they are {shown}, ...); use --layout auto")
    raise ConvertError(f"weights of an unknown layout (first names: {shown}); known are {', '.join(LAYOUTS)}")


def import_state(layouts: tuple[Layout, ...], spec: NetSpec, keys: Iterable[str], theirs: Mapping[str, np.ndarray]) -> Imported:
    """Foreign arrays -> ours.

    Args:
        layouts: the tables of the project, or the one that fits.
        spec: the network that will take them.
        keys: its state-dict names.
        theirs: the foreign arrays by foreign name.
    """
    layout = next((table for table in layouts if table.recognises(list(theirs))), layouts[0])
    wanted = dict.fromkeys(keys)
    state, unused = {}, []
    for name, value in theirs.items():
        ours = layout.ours(name)
        if ours in wanted:
            state[ours] = oriented(layout, spec, ours, value)
        elif not layout.ignores(name):
            unused.append(name)
    return Imported(state, tuple(name for name in wanted if name not in state), tuple(unused))


def export_state(layouts: tuple[Layout, ...], spec: NetSpec, ours: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Our arrays -> foreign ones, the exact inverse of `import_state`.

    Raises:
        ConvertError: a part of the network has no place in the project.
    """
    layout, names = home(layouts, spec, list(ours))
    theirs: dict[str, np.ndarray] = {}
    for key, value in ours.items():
        theirs[names[key]] = oriented(layout, spec, key, value, back=True)
        if layout.counters and key.endswith("._variance"):
            theirs[names[key].rpartition(".")[0] + ".num_batches_tracked"] = np.zeros((), np.int64)
    return theirs


def home(layouts: tuple[Layout, ...], spec: NetSpec, keys: list[str]) -> tuple[Layout, dict[str, str]]:
    """The table that has a place for a network and all of its tensors, and their names there.

    Raises:
        ConvertError: none has.
    """
    reasons = []
    for layout in layouts:
        reason = layout.refuses(spec)
        names = {key: layout.theirs(key) for key in keys}
        homeless = [key for key, theirs in names.items() if theirs is None]
        if not reason and not homeless:
            return layout, {key: theirs for key, theirs in names.items() if theirs is not None}
        reason = reason or f"it has no place for {', '.join(homeless[:3])}"
        reasons.append((reason == OTHER_FAMILY, len(homeless), reason))
    raise ConvertError(f"this network cannot be stored as {layouts[0].name} does: {min(reasons)[-1]}")


def oriented(layout: Layout, spec: NetSpec, ours: str, value: np.ndarray, back: bool = False) -> np.ndarray:
    """The classifier's weight turned to [in, out] and to our order of pathways (back: the other way); the rest as it is."""
    if ours != CLASSIFIER:
        return value
    if layout.transposed and not back:
        value = value.T
    orders = (layout.concat, spec.head.concat)
    if orders[0] != orders[1] and len(spec.pathways) == 2:
        channels = spec.head.in_channels if orders[back] == "slow_fast" else spec.head.in_channels[::-1]
        value = np.concatenate([value[channels[0] :], value[: channels[0]]])
    return np.ascontiguousarray(value.T if layout.transposed and back else value)
