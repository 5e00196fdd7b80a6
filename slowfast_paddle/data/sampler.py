"""Which samples a process reads, in which order. The order depends on seed and epoch alone, so a run resumes at any step."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from slowfast_paddle.data.kinetics import ORDER_WORD, ClipSize, Key
from slowfast_paddle.errors import DataError

Cycle = Sequence[tuple[int, ClipSize | None]]  # (samples of one process, size of their clips) of consecutive steps


class TrainSampler:
    """Shuffled batches; all ranks get equally many of equal size and what does not fill a global batch is left out of the epoch.

    The global batch of a step is the same for any number of ranks, which share it in order.

    Args:
        size: samples in the data set.
        batch_size: of one process.
        labels: int [size], the class of each sample, to draw every class equally often; None draws every sample once an epoch.
        cycle: batches of an epoch's consecutive steps, again and again, in place of `batch_size` (multigrid).

    Raises:
        DataError: fewer samples than one global batch.
    """

    def __init__(
        self,
        size: int,
        batch_size: int,
        *,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        labels: np.ndarray | None = None,
        cycle: Callable[[int], Cycle] | None = None,
    ):
        if size < batch_size * world_size:
            raise DataError(
                f"{size} training videos do not fill one global batch of {batch_size * world_size}; lower train.batch_size"
            )
        self.size = size
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.labels = labels
        self.cycle: Callable[[int], Cycle] = cycle or (lambda epoch: ((batch_size, None),))

    def length(self, epoch: int) -> int:
        """Batches of an epoch.

        Raises:
            DataError: not even one.
        """
        return self._steps(self.cycle(epoch))

    def __len__(self) -> int:
        return self.length(0)

    def batches(self, epoch: int, first_step: int = 0, full_size: bool = False) -> Iterator[list[Key]]:
        """Keys of each batch of this rank, from `first_step` on.

        Args:
            full_size: only the last kind of batch of the cycle, as BN statistics for evaluation need it.
        """
        cycle = self.cycle(epoch)[-1:] if full_size else self.cycle(epoch)
        rng = np.random.default_rng([ORDER_WORD, self.seed, epoch])
        order = rng.permutation(self.size) if self.labels is None else balanced_order(self.labels, rng)
        before = np.cumsum([0, *(samples for samples, _ in cycle)]) * self.world_size  # samples before each step of a cycle
        for step in range(first_step, self._steps(cycle)):
            round_, place = divmod(step, len(cycle))
            samples, size = cycle[place]
            start = round_ * before[-1] + before[place] + self.rank * samples
            yield [Key(epoch, int(index), size) for index in order[start : start + samples]]

    def _steps(self, cycle: Cycle) -> int:
        """Whole global batches in an epoch."""
        ends = np.cumsum([samples for samples, _ in cycle]) * self.world_size
        rounds, rest = divmod(self.size, int(ends[-1]))
        steps = rounds * len(cycle) + int(np.searchsorted(ends, rest, side="right"))
        if not steps:
            raise DataError(f"{self.size} training videos do not fill one global batch of {ends[0]}; lower train.batch_size")
        return steps


def balanced_order(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As many indices as there are labels, every class equally often (give or take one), shuffled.

    A class's samples come in turn before any of them comes again.
    """
    classes = rng.permutation(np.unique(labels))
    shares = np.diff(np.linspace(0, len(labels), len(classes) + 1).astype(int))
    drawn = []
    for wanted, share in zip(classes, shares):
        own = np.flatnonzero(labels == wanted)
        rounds = [rng.permutation(own) for _ in range(-(-share // len(own)))]
        drawn.append(np.concatenate(rounds)[:share])
    return rng.permutation(np.concatenate(drawn))


class EvalSampler:
    """Every sample once, in order: rank r takes r, r + world_size, ...; nothing is padded, dropped or repeated."""

    def __init__(self, size: int, batch_size: int = 1, *, rank: int = 0, world_size: int = 1):
        self.indices = range(rank, size, world_size)
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.indices) // self.batch_size)

    def batches(self, epoch: int = 0, first_step: int = 0) -> Iterator[list[Key]]:
        """Keys of each batch of this rank, from `first_step` on."""
        for start in range(first_step * self.batch_size, len(self.indices), self.batch_size):
            yield [Key(epoch, index) for index in self.indices[start : start + self.batch_size]]
