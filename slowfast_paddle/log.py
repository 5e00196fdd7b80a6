"""Logging of one process among many, progress bars on terminals, and warnings that are given once.

Rank 0 speaks from INFO on, the others from WARNING on with their rank in front. Logs go to stderr; results that other
programs read go to stdout and are printed by the commands.
"""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from slowfast_paddle import distributed

Item = TypeVar("Item")

_ROOT = "slowfast_paddle"
_SECONDS_BETWEEN_LINES = 10.0
_already_warned: set[str] = set()


class _BarFriendlyHandler(logging.Handler):
    """Writes to the stderr of the moment, above a progress bar when there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if sys.stderr.isatty():
            from tqdm import tqdm

            tqdm.write(line, file=sys.stderr)
        else:
            print(line, file=sys.stderr, flush=True)


def setup(log_file: Path | None = None) -> None:
    """Configure the package's logger; calling it again replaces the earlier set-up.

    Args:
        log_file: also append rank 0's lines here.
    """
    root = logging.getLogger(_ROOT)
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.propagate = False
    root.setLevel(logging.INFO if distributed.is_main() else logging.WARNING)
    who = "" if distributed.is_main() else f"[rank {distributed.rank()}] "
    handlers: list[logging.Handler] = [_BarFriendlyHandler()]
    if log_file is not None and distributed.is_main():
        log_file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(log_file, encoding="utf-8", errors="backslashreplace"))
    for handler in handlers:
        handler.setFormatter(logging.Formatter(f"%(asctime)s {who}%(levelname).1s %(message)s", "%H:%M:%S"))
        root.addHandler(handler)


def get(name: str) -> logging.Logger:
    """The logger of a module; pass `__name__`."""
    return logging.getLogger(name)


def warn_once(logger: logging.Logger, message: str) -> None:
    """Warn the first time this very message appears in the process."""
    if message not in _already_warned:
        _already_warned.add(message)
        logger.warning(message)


def progress(items: Iterable[Item], total: int | None, description: str, unit: str = "it") -> Iterator[Item]:
    """Yield `items` with a bar when stderr is a terminal, else with a plain line every ten seconds.

    Args:
        items: what to walk through.
        total: how many there are; None when unknown.
        description: shown before the bar.
        unit: name of one item, such as "video".
    """
    if not distributed.is_main():
        yield from items
        return
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, total=total, desc=description, unit=unit, dynamic_ncols=True)
        return
    yield from _progress_lines(items, total, description, unit)


def _progress_lines(items: Iterable[Item], total: int | None, description: str, unit: str) -> Iterator[Item]:
    logger = get(__name__)
    start = last = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN_LINES:
            last = now
            of_total = f" of {total}" if total is not None else ""
            logger.info("%s: %d%s, %.2f %s/s", description, done, of_total, done / (now - start), unit)
