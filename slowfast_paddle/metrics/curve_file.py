"""The metrics.jsonl of a training run: one flat JSON object a line, with "step" and values such as "train/loss"."""

import json
import logging
from pathlib import Path
from typing import Any

from slowfast_paddle.errors import DataError

JSONL_NAME = "metrics.jsonl"
_logger = logging.getLogger(__name__)


def read_curves(path: str | Path) -> list[dict[str, Any]]:
    """Records in the order of the file. A line that is none is named and left out: a crash cuts the last one short.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as err:
        raise DataError(f"{path}: cannot read the metrics ({err.strerror}); training writes them beside its checkpoints") from err
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict) and isinstance(record.get("step"), (int, float)):
            records.append(record)
        elif line.strip():
            _logger.warning('%s:%d: left out; expected a JSON object with "step"', path, number)
    return records
