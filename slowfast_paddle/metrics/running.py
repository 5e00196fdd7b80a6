"""Exact means over many batches."""

from collections.abc import Mapping


class RunningMeans:
    """Sums and one common weight; the mean is taken once at the end, so that unequal batches do not distort it."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._weight = 0.0

    def add(self, sums: Mapping[str, float], weight: float) -> None:
        """Add sums over `weight` samples."""
        for name, value in sums.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)
        self._weight += weight

    def means(self) -> dict[str, float]:
        """Mean of each quantity over the samples so far; empty before the first sample."""
        return {name: value / self._weight for name, value in self._sums.items()} if self._weight else {}

    def state(self) -> dict[str, float]:
        """Plain numbers for a checkpoint."""
        return {**self._sums, "weight": self._weight}

    def load(self, state: Mapping[str, float]) -> None:
        """Put back what `state` returned."""
        self._sums = {name: float(value) for name, value in state.items() if name != "weight"}
        self._weight = float(state.get("weight", 0.0))
