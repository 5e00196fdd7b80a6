"""One thing that was examined."""

from collections.abc import Sequence
from dataclasses import dataclass

STATES = ("ok", "warning", "problem")


@dataclass(frozen=True)
class Check:
    """State: ok, warning (something works less well) or problem (something does not work); `fix` says what to do about it."""

    name: str
    state: str
    found: str
    fix: str = ""

    def __str__(self) -> str:
        told = f"{self.state:<8} {self.name}: {self.found}"
        return f"{told}\n{'':<8} fix: {self.fix}" if self.fix else told


def summary(checks: Sequence[Check]) -> str:
    """The last line of the report."""
    counts = {state: sum(check.state == state for check in checks) for state in STATES}
    return f"{counts['problem']} problems, {counts['warning']} warnings, {counts['ok']} in order"
