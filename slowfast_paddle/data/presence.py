"""Looks whether the videos of a list are there, before anything is computed."""

import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor

from slowfast_paddle.data.records import Records
from slowfast_paddle.data.sources import is_url
from slowfast_paddle.errors import DataError

THREADS = 16  # a network disk answers many questions at once; 250,000 files of a local one take 1 s
BLOCK = 256  # paths a question
_log = logging.getLogger(__name__)


def check_present(records: Records, tolerated: float, limit_sec: float = 20.0) -> None:
    """Names the listed files and folders that do not exist.

    Args:
        tolerated: share of the list that may be missing with a warning; a list with nothing there is always an error.
        limit_sec: a slower disk is asked no longer, and that is said.

    Raises:
        DataError: too many are missing; with list and line of the first.
    """
    deadline = time.monotonic() + limit_sec
    missing: list[int] = []
    asked = 0
    with ThreadPoolExecutor(THREADS) as pool:
        blocks = [range(start, min(start + BLOCK, len(records))) for start in range(0, len(records), BLOCK)]
        for block, found in zip(blocks, pool.map(lambda block: _missing(records, block), blocks)):
            asked += len(block)
            missing += found
            if time.monotonic() > deadline:
                pool.shutdown(cancel_futures=True)
                break
    if asked < len(records):
        _log.info("%s: looked for the first %d of %d files in %g s", records.source, asked, len(records), limit_sec)
    if not missing:
        return
    first = f"{records.where(missing[0])}: {records.path(missing[0])}: no such file{_hint(records.path(missing[0]))}"
    many = f"{len(missing)} of {asked} listed files are missing"
    if len(missing) == asked or len(missing) > tolerated * asked:
        limit = f"; at most {tolerated:.0%} may be (data.max_skipped)" if tolerated < 1 else ""
        raise DataError(f"{first}; {many}{limit}; check the list and data.prefix")
    shown = ", ".join(f"{records.where(i)}: {records.path(i)}" for i in missing[:5])
    _log.warning("%s: %s%s", many, shown, ", ..." if len(missing) > 5 else "")


def _missing(records: Records, block: range) -> list[int]:
    return [i for i in block if not os.path.exists(path := records.path(i)) and not is_url(path)]


def _hint(path: str) -> str:
    """MMAction2's lists of frame folders have a number more in a line."""
    name, _, number = path.rpartition(" ")
    return f", but there is {name}: take the number {number} out of the line" if number.isdigit() and os.path.exists(name) else ""
