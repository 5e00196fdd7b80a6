"""Which checkpoints of a run exist: naming, the best one, and clearing away old ones."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from slowfast_paddle import checkpoint, distributed, files

BEST_NAME = "best.json"
EMA_FOLDER = "ema"


class Snapshots:
    """Writes on rank 0; every method may be called on every rank."""

    def __init__(self, folder: Path, keep_last: int, facts: Mapping[str, Any]) -> None:
        """Start without checkpoints.

        Args:
            folder: where they go.
            keep_last: finished epochs that stay, besides the best one.
            facts: what every sidecar says of the run: config, class_names, protocol, source.
        """
        self.folder = folder
        self._keep_last = keep_last
        self._facts = dict(facts)
        self._finished: list[Path] = []
        self._unfinished: list[Path] = []
        self.best: dict[str, Any] = {}

    def continue_from(self, path: Path) -> None:
        """Count the checkpoints of an interrupted run up to `path` as this run's own."""
        if path.parent.resolve() != self.folder.resolve():
            return
        older = checkpoint.in_order(self.folder)
        own = self.folder / path.name
        older = older[: older.index(own) + 1] if own in older else []
        self._finished = [p for p in older if "_step" not in p.name]
        self._unfinished = [p for p in older if "_step" in p.name]

    def note(self, epoch: int, metric: str, value: float) -> bool:
        """Remember a validation; return whether it is the best so far (nan never is)."""
        if math.isnan(value) or (self.best and value <= self.best["value"]):
            return False
        self.best = {"checkpoint": f"slowfast_epoch{epoch}", "epoch": epoch, "metric": metric, "value": value}
        return True

    def save(
        self,
        epoch: int,
        step: int | None,
        weights: Mapping[str, np.ndarray],
        training_state: Mapping[str, Any],
        metrics: Mapping[str, float],
        ema_weights: Mapping[str, np.ndarray] | None,
    ) -> Path:
        """Write a checkpoint, then remove the ones it makes superfluous.

        Args:
            epoch: epoch it belongs to.
            step: steps of it that are done; None when the epoch is finished.
            weights: the network's state.
            training_state: what a resumed run needs.
            metrics: of the last validation.
            ema_weights: averaged weights, saved in a folder of their own.

        Returns:
            Its path without ending.
        """
        path = self.folder / (f"slowfast_epoch{epoch}" if step is None else f"slowfast_epoch{epoch}_step{step}")
        if distributed.is_main():
            sidecar = {**self._facts, "epoch": epoch, "step": step, "metrics": dict(metrics)}
            checkpoint.save(path, weights, sidecar, training_state)
            if ema_weights is not None:
                checkpoint.save(self.folder / EMA_FOLDER / path.name, ema_weights, sidecar)
            if self.best and step is None:
                files.write_json(self.folder / BEST_NAME, self.best)
            self._clear(path, step is None)
        return path

    def _clear(self, path: Path, finished: bool) -> None:
        for old in self._unfinished:
            if old != path:
                checkpoint.remove(old)
                checkpoint.remove(self.folder / EMA_FOLDER / old.name)
        self._unfinished = [] if finished else [path]
        if not finished:
            return
        self._finished = [p for p in self._finished if p != path] + [path]
        for old in self._finished[: -self._keep_last]:
            if old.name != self.best.get("checkpoint"):
                checkpoint.remove(old)
                checkpoint.remove(self.folder / EMA_FOLDER / old.name)
        best = [p for p in self._finished[: -self._keep_last] if p.name == self.best.get("checkpoint")]
        self._finished = best + self._finished[-self._keep_last :]
