"""Batches for one epoch, read ahead by reader processes.

Paddle's own DataLoader is not used: one dead or hanging reader ends it without naming a file, its readers exchange data through
/dev/shm, and it cannot start in the middle of an epoch.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from slowfast_paddle.data.workers import ReaderPool
from slowfast_paddle.errors import DataError


def collate_clips(samples: list[dict]) -> dict:
    """Stacks the samples of ClipDataset; the clips of a video with several follow one another.

    Returns:
        {"clip": uint8 [B, T, H, W, 3], "label": [B] or [B, classes], "index": int64 [B], "skipped": messages about replaced
        training videos, "failed": (index, label, message) of validation videos, by which B is smaller}.
    """
    good = [sample for sample in samples if "error" not in sample]
    join = np.concatenate if good and np.ndim(good[0]["index"]) else np.stack
    batch = {name: join([sample[name] for sample in good]) if good else np.zeros(0) for name in ("clip", "label", "index")}
    batch["skipped"] = [message for sample in good for message in sample["skipped"]]
    batch["failed"] = [(int(sample["index"]), sample["label"], sample["error"]) for sample in samples if "error" in sample]
    return batch


def one_video(samples: list[dict]) -> dict:
    """The single item of a VideoViewsDataset; videos are never mixed."""
    (item,) = samples
    return item


class Loader:
    """Iterates over the batches of an epoch; `set_position` chooses it and the first step.

    A training video that cannot be read is named once, in the batch where it first failed ("skipped"). Readers stay alive between
    epochs; `close` (or leaving a `with`) ends them.

    Args:
        dataset: indexed by Key, see workers.ReaderPool.
        sampler: TrainSampler or EvalSampler.
        collate: list of samples -> batch.
        num_workers: reader processes; 0 reads in this process, without protection from hanging decoders.
        prefetch: batches read ahead.
        timeout_sec: a sample that takes longer makes its file unreadable.
        max_skipped: share of the data set that may be unreadable in training.
    """

    def __init__(
        self,
        dataset,
        sampler,
        collate: Callable[[list[dict]], dict],
        *,
        num_workers: int = 0,
        prefetch: int = 2,
        timeout_sec: float = 120.0,
        max_skipped: float = 0.1,
    ):
        self.dataset = dataset
        self.sampler = sampler
        self.collate = collate
        self.num_workers = num_workers
        self.prefetch = prefetch
        self.timeout_sec = timeout_sec
        self.max_skipped = max_skipped
        self._named: set[str] = set()
        self._pool: ReaderPool | None = None
        self._next_task = 0
        self._epoch, self._first_step = 0, 0
        self._begun: Iterator[dict] | None = None

    def __len__(self) -> int:
        """Batches of a whole epoch; of the first where epochs differ."""
        return len(self.sampler)

    def length(self, epoch: int) -> int:
        """Batches of one epoch of a training sampler."""
        return self.sampler.length(epoch)

    def set_position(self, epoch: int, first_step: int = 0) -> None:
        """The next iteration reads this epoch, from this step on (to resume)."""
        self._epoch, self._first_step = epoch, first_step

    def read_ahead(self) -> None:
        """Begins the next iteration: reader processes read its first batches while the caller does something else."""
        self._begun = iter(self)

    def __iter__(self) -> Iterator[dict]:
        begun, self._begun = self._begun, None
        if begun is not None:
            return begun
        batches = self.sampler.batches(self._epoch, self._first_step)
        self._first_step = 0
        return self._collated(self._read(batches))

    def full_size_batches(self, epoch: int) -> Iterator[dict]:
        """Batches of the epoch's largest clips, from a training sampler; the position stays where it is."""
        return self._collated(self._read(self.sampler.batches(epoch, full_size=True)))

    def _read(self, batches: Iterator[list]) -> Iterator[list[dict]]:
        return self._in_processes(batches) if self.num_workers else self._here(batches)

    def _collated(self, read: Iterable[list[dict]]) -> Iterator[dict]:
        for samples in read:
            batch = self.collate(samples)
            if batch.get("skipped"):
                batch["skipped"] = self._first_time(batch["skipped"])
            yield batch

    def close(self) -> None:
        """Ends the reader processes."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def __enter__(self) -> "Loader":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _here(self, batches: Iterator[list]) -> Iterator[list[dict]]:
        for keys in batches:
            yield [self.dataset[key] for key in keys]

    def _in_processes(self, batches: Iterator[list]) -> Iterator[list[dict]]:
        """Gives the readers the first batches; the iterator keeps `prefetch` under way and yields them in order."""
        if self._pool is None:
            self._pool = ReaderPool(self.dataset, self.num_workers, self.timeout_sec)
        oldest = self._next_task  # results of an iteration that was given up are older and dropped
        ahead: deque[range] = deque()
        self._submit(self._pool, batches, ahead)
        return self._answers(self._pool, batches, ahead, oldest)

    def _submit(self, pool: ReaderPool, batches: Iterator[list], ahead: deque[range]) -> None:
        while len(ahead) <= self.prefetch and (keys := next(batches, None)) is not None:
            tasks = range(self._next_task, self._next_task + len(keys))
            self._next_task += len(keys)
            pool.submit(zip(tasks, keys))
            ahead.append(tasks)

    def _answers(self, pool: ReaderPool, batches: Iterator[list], ahead: deque[range], oldest: int) -> Iterator[list[dict]]:
        done: dict[int, dict] = {}
        while ahead:
            tasks = ahead.popleft()
            while not all(task in done for task in tasks):
                done.update((task, sample) for task, sample in pool.collect() if task >= oldest)
            yield [done.pop(task) for task in tasks]
            self._submit(pool, batches, ahead)

    def _first_time(self, messages: list[str]) -> list[str]:
        """Messages not given before.

        Raises:
            DataError: too large a share of the videos is unreadable.
        """
        fresh = [message for message in dict.fromkeys(messages) if message not in self._named]
        self._named.update(fresh)
        allowed = max(self.max_skipped * len(self.dataset), 1)
        if len(self._named) > allowed:
            raise DataError(
                f"{len(self._named)} of {len(self.dataset)} training videos are unreadable, more than data.max_skipped "
                f"{self.max_skipped:.0%} allows; the last: {fresh[-1] if fresh else messages[-1]}"
            )
        return fresh
