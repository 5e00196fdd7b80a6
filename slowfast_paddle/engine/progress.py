"""Where a run stands: everything a resumed run must know besides weights and optimizer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slowfast_paddle.metrics.running import RunningMeans


@dataclass
class Progress:
    """Position and running numbers.

    Attributes:
        epoch: epoch in progress, counted from 0.
        step: steps of it that are done.
        steps_before: steps of the finished epochs, which may differ in length.
        means: of this epoch's training quantities.
        metrics: of the last validation.
        stale_validations: validations since the best one.
        nonfinite: steps whose loss was not finite, over the whole run.
        skipped: unreadable training videos met on this rank.
    """

    epoch: int = 0
    step: int = 0
    steps_before: int = 0
    means: RunningMeans = field(default_factory=RunningMeans)
    metrics: dict[str, float] = field(default_factory=dict)
    stale_validations: int = 0
    nonfinite: int = 0
    skipped: set[str] = field(default_factory=set)

    def next_epoch(self) -> None:
        """Move to the start of the next epoch."""
        self.steps_before += self.step
        self.epoch, self.step, self.means = self.epoch + 1, 0, RunningMeans()

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "steps_before": self.steps_before,
            "means": self.means.state(),
            "metrics": dict(self.metrics),
            "stale_validations": self.stale_validations,
            "nonfinite": self.nonfinite,
            "skipped": sorted(self.skipped),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` returned."""
        self.epoch, self.step, self.steps_before = state["epoch"], state["step"], state["steps_before"]
        self.means.load(state["means"])
        self.metrics = dict(state["metrics"])
        self.stale_validations, self.nonfinite = state["stale_validations"], state["nonfinite"]
        self.skipped = set(state["skipped"])
