"""Checkpoints on disk: NAME.pdparams (weights), NAME.pdopt (training state) and the sidecar NAME.json.

The two big files are plain pickles of numpy arrays that `paddle.load` can read too. Every file appears under its name
only when it is complete, and the sidecar, which carries the digests of the others, comes last: a checkpoint that differs
from its sidecar was interrupted or damaged; resuming skips it, everything else refuses it. Reading goes through
`unpickle`, which never runs code from a file.
"""

import hashlib
import json
import logging
import os
import pickle
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from slowfast_paddle import unpickle
from slowfast_paddle.errors import CheckpointError
from slowfast_paddle.files import Digesting, sync_folder, write_scratch
from slowfast_paddle.sidecar import read_sidecar

if TYPE_CHECKING:
    from paddle.nn import Layer

FORMAT = 1
WEIGHTS, STATE, SIDECAR = ".pdparams", ".pdopt", ".json"

_logger = logging.getLogger(__name__)
_SHOWN_NAMES = 5
_LARGEST = np.float64(np.finfo(np.float32).max)
_PICKLE_PROTOCOL = 4


def stem(path: str | Path) -> Path:
    """The common path of a checkpoint's files, given with or without `.pdparams` (or another of the three endings)."""
    text = str(path)
    for ending in (WEIGHTS, STATE, SIDECAR):
        text = text.removesuffix(ending)
    return Path(text)


def part(path: str | Path, ending: str) -> Path:
    """The file of a checkpoint with the given ending."""
    return Path(f"{stem(path)}{ending}")


def _write(path: Path, write: Callable[[Digesting], Any]) -> tuple[Path, str]:
    try:
        return write_scratch(path, write)
    except OSError as err:
        raise CheckpointError(
            f"{path}: cannot be written ({err.strerror or err}); earlier checkpoints are untouched: "
            "free space or choose a writable folder, then continue from the last checkpoint"
        ) from err


def save(
    path: str | Path,
    weights: Mapping[str, np.ndarray],
    sidecar: Mapping[str, Any],
    training_state: Mapping[str, Any] | None = None,
) -> Path:
    """Write one checkpoint: all files complete under other names first, then renamed, the sidecar last.

    Args:
        path: where, without ending.
        weights: arrays by state-dict name.
        sidecar: JSON-ready facts (config, class names, epoch, metrics, protocol, ...); format and digests are added.
        training_state: what a resumed run needs (arrays and plain values); None for weights alone.

    Returns:
        The path of the weight file.

    Raises:
        CheckpointError: a file cannot be written; nothing already complete is damaged.
    """
    facts = {"format": FORMAT, **sidecar}
    ready: list[tuple[Path, Path]] = []
    try:
        for ending, key, content in ((WEIGHTS, "sha256", weights), (STATE, "sha256_pdopt", training_state)):
            if content is not None:
                target = part(path, ending)
                temporary, facts[key] = _write(target, partial(_pickle_into, dict(content)))
                ready.append((temporary, target))
        target = part(path, SIDECAR)
        ready.append((_write(target, partial(_json_into, facts))[0], target))
    except CheckpointError:
        for temporary, _ in ready:
            temporary.unlink(missing_ok=True)
        raise
    for temporary, target in ready:
        os.replace(temporary, target)
    sync_folder(target.parent)
    return part(path, WEIGHTS)


def _pickle_into(content: dict[str, Any], file: Digesting) -> None:
    pickle.dump(content, file, protocol=_PICKLE_PROTOCOL)


def _json_into(content: Any, file: Digesting) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    file.write(text.encode("utf-8", "backslashreplace"))  # file names need not be UTF-8: \udcff is JSON for byte 0xff


def load_sidecar(path: str | Path) -> dict[str, Any]:
    """Facts about a checkpoint; empty when it has no sidecar (weights from elsewhere).

    Raises:
        CheckpointError: the sidecar cannot be read, or says something that no checkpoint does.
    """
    return read_sidecar(part(path, SIDECAR))


def load_state(path: str | Path) -> dict[str, np.ndarray]:
    """Weights by name from a `.pdparams` written here or by `paddle.save`, checked against the sidecar's digest where one is.

    Raises:
        CheckpointError: the file is missing, damaged, hostile or holds something else than named arrays of finite numbers.
    """
    file = part(path, WEIGHTS)
    if not file.is_file():
        raise CheckpointError(f"{file}: no such weight file; expected the path of a .pdparams (the ending may be left out)")
    content = unpickle.load(file)
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{file}: holds a {type(content).__name__}; expected weights by name")
    # Paddle: paddle.save adds a table of internal names beside the arrays.
    weights = {name: value for name, value in content.items() if name != "StructuredToParameterName@@"}
    if nameless := [repr(name) for name in weights if not isinstance(name, str)]:
        raise CheckpointError(f"{file}: {_listed(nameless)} is no name; expected weights by name (convert foreign files first)")
    strangers = [name for name, value in weights.items() if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub"]
    if strangers:
        raise CheckpointError(
            f"{file}: {_listed(strangers)} is no array of real numbers; expected weights by name (convert foreign files first)"
        )
    digest = load_sidecar(path).get("sha256")
    if digest is not None and digest != sha256_of(file):
        raise CheckpointError(
            f"{file}: damaged or not the file its sidecar was written for (their SHA-256 differ): copy both again; "
            f'if you changed the weights on purpose, remove "sha256" from {part(path, SIDECAR)}'
        )
    check_values(file, weights)
    return weights


def check_values(where: str | Path, weights: Mapping[str, np.ndarray]) -> None:
    """Every floating value must be a finite float32, every running variance 0 or more.

    Raises:
        CheckpointError: naming the tensor.
    """
    for name, value in weights.items():
        lowest = 0 if name.endswith("._variance") else -_LARGEST
        # The extremes are nan where any value is, and taking them copies nothing.
        if value.dtype.kind == "f" and value.size and not (lowest <= value.min() and value.max() <= _LARGEST):
            wrong = value[~((value >= lowest) & (value <= _LARGEST))]
            expected = "variances of 0 or more" if lowest == 0 else "finite float32 numbers"
            raise CheckpointError(
                f"{where}: {name} holds {wrong[0]:g} ({wrong.size} of {value.size} values); expected {expected}: "
                "use a checkpoint from before the training diverged, or get the file again"
            )


def load_training_state(path: str | Path) -> dict[str, Any]:
    """What `save` was given as `training_state`.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    file = part(path, STATE)
    if not file.is_file():
        raise CheckpointError(f"{file}: no such file; resuming needs it: to start anew from the weights use --weights")
    content = unpickle.load(file)
    if not isinstance(content, dict):
        raise CheckpointError(f"{file}: holds a {type(content).__name__}; expected the training state of a checkpoint")
    return content


def load_weights(model: "Layer", state: Mapping[str, np.ndarray], where: str | Path = "the weights") -> None:
    """Copy `state` into `model`; every name, shape and kind of number must match (Paddle itself only warns).

    Args:
        model: network to fill.
        state: arrays by state-dict name.
        where: named in errors.

    Raises:
        CheckpointError: names are missing or unexpected, or shapes or kinds differ; the model is left as it was.
    """
    own = model.state_dict()
    problems = []
    if missing := [name for name in own if name not in state]:
        problems.append(f"{len(missing)} missing ({_listed(missing)})")
    if unexpected := [name for name in state if name not in own]:
        problems.append(f"{len(unexpected)} unexpected ({_listed(unexpected)})")
    given = {name: np.asarray(state[name]) for name in own if name in state}
    types = {name: tensor.numpy().dtype for name, tensor in own.items()}
    different = [
        f"{name} {list(value.shape)} instead of {list(own[name].shape)}"
        for name, value in given.items()
        if list(value.shape) != list(own[name].shape)
    ]
    if different:
        problems.append(f"{len(different)} of another shape ({_listed(different)})")
    mistyped = [f"{name} {v.dtype} instead of {types[name]}" for name, v in given.items() if v.dtype.kind != types[name].kind]
    if mistyped:
        problems.append(f"{len(mistyped)} of another type ({_listed(mistyped)})")
    if problems:
        raise CheckpointError(
            f"{where}: does not fit this network: {'; '.join(problems)}; use the config the weights were trained with"
        )
    for name, tensor in own.items():
        tensor.set_value(given[name].astype(types[name]))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(names[:_SHOWN_NAMES]) + more


def damage(path: str | Path) -> str:
    """Why a checkpoint cannot be trusted; empty when it is intact (digests of all its files match its sidecar)."""
    try:
        facts = load_sidecar(path)
    except CheckpointError as err:
        return str(err)
    for ending, key in ((WEIGHTS, "sha256"), (STATE, "sha256_pdopt")):
        file = part(path, ending)
        if key not in facts:
            return f"{part(path, SIDECAR)}: no digest of {file.name}"
        if not file.is_file():
            return f"{file}: missing"
        if sha256_of(file) != facts[key]:
            return f"{file}: damaged (its SHA-256 differs from the sidecar's)"
    return ""


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file, as hex digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def in_order(folder: str | Path) -> list[Path]:
    """The resumable checkpoints of a folder (stems), oldest position first, whether intact or not."""
    found = []
    for sidecar in Path(folder).glob("*" + SIDECAR):
        if part(sidecar, STATE).exists() or part(sidecar, WEIGHTS).exists():
            found.append((_position(sidecar), stem(sidecar)))
    return [path for _, path in sorted(found)]


def _position(sidecar: Path) -> tuple[int, float]:
    """(epoch, step) for ordering; a finished epoch comes after its own steps, an unreadable sidecar first."""
    try:
        facts = load_sidecar(sidecar)
    except CheckpointError:
        return -1, 0.0
    epoch, step = facts.get("epoch"), facts.get("step")
    return (-1 if epoch is None else epoch), (float("inf") if step is None else step)


def find_latest(folder: str | Path) -> Path | None:
    """The newest intact checkpoint of a folder that training can resume from (its stem); damaged ones are named and skipped."""
    for path in reversed(in_order(folder)):
        reason = damage(path)
        if not reason:
            return path
        _logger.warning("skipping a damaged checkpoint: %s", reason)
    return None


def remove(path: str | Path) -> None:
    """Delete a checkpoint's files, sidecar first, so that what is left is never taken for a checkpoint."""
    for ending in (SIDECAR, WEIGHTS, STATE):
        part(path, ending).unlink(missing_ok=True)
