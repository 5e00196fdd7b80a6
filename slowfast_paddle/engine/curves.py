"""Numbers of a run over its steps: metrics.jsonl always, VisualDL where it is installed, a picture at the end."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from slowfast_paddle import distributed, log
from slowfast_paddle.metrics.curve_file import JSONL_NAME, read_curves

_logger = log.get(__name__)
BUCKETS = 30  # of a histogram


class Curves(Protocol):
    """Where numbers go; chosen once, so that no caller asks whether curves are on."""

    def start(self, first_step: int) -> None:
        """Begin at a step: numbers of an earlier run from there on are replaced; 0 is a new run."""

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """Record values of one kind ("train", "val") at a step counted over the whole run."""

    def histogram(self, kind: str, step: int, values: Mapping[str, np.ndarray]) -> None:
        """Record distributions of one kind ("weights", "gradients", "activations")."""

    def close(self) -> None:
        """Finish the files."""


class NullCurves:
    """Nowhere: every rank but the first."""

    def start(self, first_step: int) -> None:
        """Nothing to begin."""

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """Drop the values."""

    def histogram(self, kind: str, step: int, values: Mapping[str, np.ndarray]) -> None:
        """Drop the values."""

    def close(self) -> None:
        """Nothing to finish."""


class JsonlCurves:
    """One flat JSON object a line: "step" and values named as in VisualDL, such as "train/loss"."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JSONL_NAME
        self._file: IO[str] | None = None

    def start(self, first_step: int) -> None:
        """Keep what an earlier run wrote up to `first_step`."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        earlier = read_curves(self._path) if first_step and self._path.exists() else []
        kept = [record for record in earlier if record["step"] <= first_step]
        self._file = self._path.open("w", encoding="utf-8")
        for record in kept:
            self._put(record)

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """Append one line, visible to readers at once."""
        self._put({"step": step, **{f"{kind}/{name}": value for name, value in values.items()}})

    def histogram(self, kind: str, step: int, values: Mapping[str, np.ndarray]) -> None:
        """Distributions are for VisualDL alone."""

    def _put(self, record: Mapping[str, Any]) -> None:
        assert self._file is not None, "start comes before write"
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class VisualDLCurves:
    """Scalars as kind/name in VisualDL."""

    def __init__(self, folder: Path) -> None:
        """Raise ImportError where VisualDL is not installed."""
        from visualdl import LogWriter

        self._writer = LogWriter(logdir=str(folder), display_name="slowfast_paddle")

    def start(self, first_step: int) -> None:
        """VisualDL draws the newest of several values at a step, so nothing needs to go."""

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """Add every value to its curve."""
        for name, value in values.items():
            self._writer.add_scalar(tag=f"{kind}/{name}", value=float(value), step=step)

    def histogram(self, kind: str, step: int, values: Mapping[str, np.ndarray]) -> None:
        """Add every distribution to its tag; an empty one has nothing to show."""
        for name, array in values.items():
            if array.size:
                self._writer.add_histogram(tag=f"{kind}/{name}", values=array, step=step, buckets=BUCKETS)

    def close(self) -> None:
        """Flush to disk."""
        self._writer.close()


class BothCurves:
    """Several sinks at once."""

    def __init__(self, sinks: list[Curves]) -> None:
        self._sinks = sinks

    def start(self, first_step: int) -> None:
        """Begin in every sink."""
        for sink in self._sinks:
            sink.start(first_step)

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """Pass on to every sink."""
        for sink in self._sinks:
            sink.write(kind, step, values)

    def histogram(self, kind: str, step: int, values: Mapping[str, np.ndarray]) -> None:
        """Pass on to every sink."""
        for sink in self._sinks:
            sink.histogram(kind, step, values)

    def close(self) -> None:
        """Close every sink."""
        for sink in self._sinks:
            sink.close()


def open_curves(folder: Path, visualdl_dir: Path | None) -> Curves:
    """The sink of this process.

    Args:
        folder: holds metrics.jsonl.
        visualdl_dir: where VisualDL's files go; None for no VisualDL.
    """
    if not distributed.is_main():
        return NullCurves()
    sinks: list[Curves] = [JsonlCurves(folder)]
    if visualdl_dir is not None:
        try:
            sinks.append(VisualDLCurves(visualdl_dir))
        except ImportError:
            log.warn_once(
                _logger, f"no VisualDL curves: visualdl is not installed (pip install visualdl); see {folder / JSONL_NAME}"
            )
    return BothCurves(sinks)
