"""Stored scores of one evaluation: what a network said about every video, and under which settings.

Three formats carry the same content, chosen by the suffix: `.npz` (compact, the default), `.json` (readable
anywhere) and `.pkl` (what other toolboxes exchange). Reading never runs code from a file: arrays are loaded
with allow_pickle=False, pickles through the package's allow-list.
"""

import json
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from slowfast_paddle.errors import DataError
from slowfast_paddle.files import replacing
from slowfast_paddle.metrics.scores import Scores
from slowfast_paddle.unpickle import load as load_pickle

FORMAT = 1
SUFFIXES = (".npz", ".json", ".pkl")


@dataclass(frozen=True)
class StoredScores:
    """Scores of N videos over K classes.

    Attributes:
        videos: N names as listed, unique.
        scores: [N, K], floating, finite; probabilities unless the stamp says otherwise.
        labels: int64 [N], or uint8 [N, K] of 0 and 1 for multi-label data, or None when unlabelled.
        class_names: K names, or None when the network has none.
        stamp: JSON-able settings of the run: protocol, views, digests, counts, versions.
    """

    videos: tuple[str, ...]
    scores: np.ndarray
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] | None = None
    stamp: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.videos)
        if self.scores.ndim != 2 or self.scores.shape[0] != count or self.scores.dtype.kind != "f":
            raise DataError(
                f"scores: expected floating numbers [{count} videos, classes], got {self.scores.dtype} {list(self.scores.shape)}"
            )
        if not np.isfinite(self.scores).all():
            row = int(np.argmin(np.isfinite(self.scores).all(axis=1)))
            raise DataError(f"scores: video '{self.videos[row]}' has a score that is not a finite number")
        if len(set(self.videos)) != count:
            repeated = next(v for i, v in enumerate(self.videos) if v in self.videos[:i])
            raise DataError(f"scores: video '{repeated}' is there twice; expected one row per video")
        classes = self.scores.shape[1]
        if self.class_names is not None and len(self.class_names) != classes:
            raise DataError(f"scores: {len(self.class_names)} class names for {classes} classes")
        if self.labels is not None:
            _check_labels(self.labels, count, classes)

    @property
    def multi_label(self) -> bool:
        """True when a video may carry several classes."""
        return self.labels is not None and self.labels.ndim == 2

    def names(self) -> tuple[str, ...]:
        """One name per class; the class number where none is stored."""
        return self.class_names or tuple(str(i) for i in range(self.scores.shape[1]))


def stored_scores(
    scores: Scores, videos: Sequence[str], class_names: Sequence[str] | None = None, stamp: Mapping | None = None
) -> StoredScores:
    """What an evaluation found, ready to be stored: failed videos leave the table and are listed in the stamp.

    Args:
        scores: of all videos, in the order of `videos`.
        videos: names as listed; from the second of a name on they get a number, "a.mp4 (2)".
        class_names: one per class.
        stamp: settings of the run.
    """
    videos = _distinct([str(video) for video in videos])
    good = [i for i, error in enumerate(scores.errors) if not error]
    labels = scores.labels
    if labels is not None:
        labels = np.asarray(labels)[good].astype(np.uint8 if labels.ndim == 2 else np.int64)
    failed = [[videos[i], scores.errors[i]] for i in scores.failed]
    return StoredScores(
        videos=tuple(videos[i] for i in good),
        scores=scores.scores[good],
        labels=labels,
        class_names=tuple(class_names) if class_names else None,
        stamp={**(stamp or {}), "listed": len(videos), "scored": len(good), "failed": failed},
    )


def _distinct(names: Sequence[str]) -> list[str]:
    """A list may hold a video twice; a row is found by its name."""
    times: dict[str, int] = {}
    found = []
    for name in names:
        times[name] = times.get(name, 0) + 1
        found.append(name if times[name] == 1 else f"{name} ({times[name]})")
    return found


def _check_labels(labels: np.ndarray, count: int, classes: int) -> None:
    shapes = {(count,), (count, classes)}
    if labels.shape not in shapes or labels.dtype.kind not in "iu":
        raise DataError(
            f"labels: expected integers [{count}] or 0/1 [{count}, {classes}], got {labels.dtype} {list(labels.shape)}"
        )
    top = classes if labels.ndim == 1 else 2
    if labels.size and (labels.min() < 0 or labels.max() >= top):
        raise DataError(f"labels: found {int(labels.min())}..{int(labels.max())}, expected 0..{top - 1}")


def check_suffix(path: str | Path) -> Path:
    """The path.

    Raises:
        DataError: it ends in none of .npz, .json, .pkl.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise DataError(f"{path}: unknown suffix '{path.suffix}'; expected one of {', '.join(SUFFIXES)}")
    return path


def save_scores(path: str | Path, stored: StoredScores) -> None:
    """Writes the scores in the format of the suffix; a crash never leaves half a file.

    Raises:
        DataError: the suffix is none of .npz, .json, .pkl.
    """
    path = check_suffix(path)
    writer = {".npz": _write_npz, ".json": _write_json, ".pkl": _write_pickle}[path.suffix]
    with replacing(path) as file:
        writer(file, stored)


def load_scores(path: str | Path) -> StoredScores:
    """Reads a stored score file of any of the three formats.

    Raises:
        DataError: the file is missing, damaged, of another kind, or its parts disagree.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such score file; write one with eval.py --out {path.with_suffix('.npz').name}")
    reader = {".npz": _read_npz, ".json": _read_json, ".pkl": _read_pickle}[check_suffix(path).suffix]
    try:
        return _from_plain(reader(path))
    except DataError as err:
        raise DataError(f"{path}: {err}") from err


def _to_plain(stored: StoredScores) -> dict:
    return {
        "format": FORMAT,
        "videos": list(stored.videos),
        "scores": stored.scores,
        "labels": stored.labels,
        "class_names": None if stored.class_names is None else list(stored.class_names),
        "stamp": stored.stamp,
    }


def _from_plain(plain: object) -> StoredScores:
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise DataError("not a score file of this package; expected one written by eval.py --out")
    missing = [key for key in ("videos", "scores") if plain.get(key) is None]
    if missing:
        raise DataError(f"the part '{missing[0]}' is missing")
    labels = plain.get("labels")
    names = plain.get("class_names")
    stamp = plain.get("stamp") or {}
    if not isinstance(stamp, dict):
        raise DataError("the part 'stamp' is not a table of settings")
    try:
        return StoredScores(
            videos=tuple(str(v) for v in plain["videos"]),
            scores=_as_array(plain["scores"], "f", np.float64),
            labels=None if labels is None else _as_array(labels, "iu", np.int64),
            class_names=None if names is None else tuple(str(n) for n in names),
            stamp=stamp,
        )
    except (TypeError, ValueError) as err:
        raise DataError(f"a part has the wrong type ({err})") from err


def _as_array(values: object, kinds: str, default: type) -> np.ndarray:
    array = np.asarray(values)
    return array if array.dtype.kind in kinds else np.asarray(values, dtype=default)


def _write_npz(file, stored: StoredScores) -> None:
    plain = _to_plain(stored)
    header = {key: plain[key] for key in ("format", "videos", "class_names", "stamp")}
    arrays = {"scores": stored.scores}
    if stored.labels is not None:
        arrays["labels"] = stored.labels
    # Names travel as JSON bytes: a unicode array would pad every name to the longest one.
    arrays["header"] = np.frombuffer(json.dumps(header, ensure_ascii=False).encode("utf-8", "backslashreplace"), np.uint8)
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def _read_npz(path: Path) -> dict:
    try:
        with np.load(path, allow_pickle=False) as archive:
            parts = {key: archive[key] for key in archive.files}
        plain = json.loads(parts.pop("header").tobytes().decode())
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError, OSError, zipfile.LargeZipFile) as err:
        raise DataError(f"damaged or not a score file ({err})") from err
    return {**plain, **parts} if isinstance(plain, dict) else {}


def _write_json(file, stored: StoredScores) -> None:
    plain = _to_plain(stored)
    plain["scores"] = stored.scores.tolist()
    plain["labels"] = None if stored.labels is None else stored.labels.tolist()
    file.write(json.dumps(plain, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace"))


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as err:
        raise DataError(f"not valid JSON ({err})") from err


def _write_pickle(file, stored: StoredScores) -> None:
    pickle.dump(_to_plain(stored), file, protocol=4)


def _read_pickle(path: Path) -> object:
    return load_pickle(path)
