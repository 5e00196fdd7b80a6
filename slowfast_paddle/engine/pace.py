"""Where the time of a step goes, and what is left."""

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import paddle

Item = TypeVar("Item")


class Pace:
    """Data wait and whole-step time since the last report."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._waited = 0.0
        self._steps = 0
        self._clips = 0
        self._start = time.perf_counter()

    def timed(self, batches: Iterable[Item]) -> Iterator[Item]:
        """Yield the batches, counting the time they take to arrive as waiting."""
        iterator = iter(batches)
        while True:
            asked = time.perf_counter()
            batch = next(iterator, None)
            self._waited += time.perf_counter() - asked
            if batch is None:
                return
            yield batch

    def count(self, clips: int) -> None:
        """A step over `clips` clips (of all ranks) is done."""
        self._steps += 1
        self._clips += clips

    def report(self) -> dict[str, float]:
        """Seconds a step, seconds of it waiting for data, clips/s and memory since the last report; then start anew."""
        elapsed = time.perf_counter() - self._start
        steps = max(self._steps, 1)
        values = {
            "step_sec": elapsed / steps,
            "data_sec": self._waited / steps,
            "clips_per_sec": self._clips / elapsed if elapsed else 0.0,
            "memory_gb": memory_gb(),
        }
        self._reset()
        return values


def memory_gb() -> float:
    """Peak memory of this process: on the GPU where one is used, else resident, GB; 0 on Windows."""
    if paddle.get_device().startswith("gpu"):
        return paddle.device.cuda.max_memory_allocated() / 1e9
    if sys.platform == "win32":
        return 0.0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, such as 1:02:03."""
    minutes, rest = divmod(int(round(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def log_line(where: str, means: Mapping[str, float], lr: float, timing: Mapping[str, float], steps_left: int) -> str:
    """One line of a run: numbers, who limits the speed, what is left.

    Args:
        where: epoch and step.
        means: training quantities since the last line.
        lr: learning rate of the last step.
        timing: what Pace.report returned.
        steps_left: until the end of the run.
    """
    share = 100.0 * timing["data_sec"] / timing["step_sec"] if timing["step_sec"] else 0.0
    limit = "reader limits" if share > 50 else "network limits"
    shown = " ".join(f"{name} {value:.4f}" for name, value in means.items())
    return (
        f"{where} {shown} lr {lr:.3g} step {timing['step_sec']:.3f}s data {timing['data_sec']:.3f}s ({share:.0f}%, {limit}) "
        f"{timing['clips_per_sec']:.1f} clips/s eta {duration(steps_left * timing['step_sec'])} mem {timing['memory_gb']:.2f} GB"
    )
