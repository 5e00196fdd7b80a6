"""What an examination of data has to say, and in which order."""

from collections.abc import Iterable
from dataclasses import dataclass

LEVELS = ("note", "warning", "error")


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing. Level: error (training or testing cannot work, or lies), warning, note."""

    level: str
    text: str


def told(findings: Iterable[Finding]) -> tuple[list[str], int]:
    """Lines to print, errors last and counted, and the exit code: 2 when there are errors."""
    findings = sorted(findings, key=lambda finding: LEVELS.index(finding.level))
    warnings, errors = (sum(finding.level == level for finding in findings) for level in ("warning", "error"))
    lines = [f"{finding.level}: {finding.text}" for finding in findings]
    return [*lines, f"{errors} errors, {warnings} warnings"], 2 if errors else 0
