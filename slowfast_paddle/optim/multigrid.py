"""Multigrid training as a pure function: which batch, frames, crop and learning rate each epoch has.

The long cycle goes from many small clips to few large ones, once for every stretch of the learning rate; the short cycle changes
crop and batch from step to step. Both keep the work of a step about the same, so that more epochs take less time.
Source: Wu et al. 2020, A Multigrid Method for Efficiently Training Video Models; PySlowFast slowfast/utils/multigrid.py and
datasets/multigrid_helper.py (epochs per shape, batch factors, rounding).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from slowfast_paddle.errors import ConfigError

Factors = tuple[float, float]


@dataclass(frozen=True)
class Plan:
    """What multigrid starts from and how it varies it.

    Attributes:
        epochs: of the plain run.
        num_frames, sampling_rate, crop_px: the plain clip, also the largest one.
        steps, factors: the plain run's step policy: first epoch and relative rate of each stretch; empty for other policies.
        epoch_factor: epochs of the multigrid run as a multiple of the plain run's.
        long_factors: (frames, crop) of each shape of the long cycle, relative to the plain clip, largest last; empty for none.
        short_factors: crops of the short cycle before the full one, relative to the plain crop; empty for none.
    """

    epochs: int
    num_frames: int
    sampling_rate: int
    crop_px: int
    steps: Sequence[float] = ()
    factors: Sequence[float] = ()
    epoch_factor: float = 1.5
    long_factors: Sequence[Factors] = ((0.25, 0.5**0.5), (0.5, 0.5**0.5), (0.5, 1.0), (1.0, 1.0))
    short_factors: Sequence[float] = (0.5, 0.5**0.5)


@dataclass(frozen=True)
class Shape:
    """Clips of one size; `batch_factor` is the batch as a multiple of the plain one."""

    batch_factor: int
    num_frames: int
    sampling_rate: int
    crop_px: int


@dataclass(frozen=True)
class Phase:
    """Epochs `first_epoch` .. `end_epoch` - 1: `cycle` holds the shapes of consecutive steps, the phase's own shape last."""

    first_epoch: int
    end_epoch: int
    cycle: tuple[Shape, ...]

    @property
    def shape(self) -> Shape:
        """The shape that the phase is named by, without the short cycle."""
        return self.cycle[-1]


@dataclass(frozen=True)
class Schedule:
    """The whole run.

    Attributes:
        phases: one after the other, without gaps.
        lr_steps: (first epoch, factor on the base rate) of each stretch; empty when the policy is not "steps".
    """

    phases: tuple[Phase, ...]
    lr_steps: tuple[tuple[float, float], ...] = field(default=())

    @property
    def epochs(self) -> int:
        """Length of the run."""
        return self.phases[-1].end_epoch

    def at(self, epoch: int) -> Phase:
        """The phase of an epoch; the last one's after the end."""
        return next((phase for phase in self.phases if epoch < phase.end_epoch), self.phases[-1])


def build_schedule(plan: Plan) -> Schedule:
    """The schedule of a plan.

    Raises:
        ConfigError: the long cycle without a step policy, or one whose stretches it cannot fill.
    """
    if not plan.long_factors:
        return _short_only(plan)
    if len(plan.steps) < 2 or plan.steps[-1] >= plan.epochs:
        raise ConfigError(
            f"multigrid's long cycle follows the stretches of optim.policy steps: expected at least two optim.steps, the last "
            f"below train.epochs {plan.epochs}, found {list(plan.steps)}"
        )
    shapes = [_shape(plan, frames, crop) for frames, crop in plan.long_factors]
    batches = [_mean_batch(plan, shape) for shape in shapes]
    lengths: list[tuple[float, Shape, float]] = []  # epochs before rounding, shape, factor of the learning rate
    for first, after, factor in zip(plan.steps, plan.steps[1:], plan.factors):
        # Every shape gets equally many steps, so epochs in proportion to its batch.
        lengths += [((after - first) * batch / sum(batches), shape, factor) for shape, batch in zip(shapes, batches)]
    steps_taken = sum((after - first) * len(shapes) / sum(batches) for first, after in zip(plan.steps, plan.steps[1:]))
    saving = plan.steps[-1] / steps_taken
    lengths.append(((plan.epochs - plan.steps[-1]) / saving * batches[-1], shapes[-1], plan.factors[-1]))
    return _round(plan, lengths)


def _short_only(plan: Plan) -> Schedule:
    epochs = int(plan.epochs * plan.epoch_factor)
    full = Shape(1, plan.num_frames, plan.sampling_rate, plan.crop_px)
    lr_steps = tuple((float(int(step * plan.epoch_factor)), factor) for step, factor in zip(plan.steps, plan.factors))
    return Schedule((Phase(0, epochs, _cycle(plan, full)),), lr_steps)


def _round(plan: Plan, lengths: Sequence[tuple[float, Shape, float]]) -> Schedule:
    """Whole epochs; the learning rate follows the batch, and the last, fine-tuning phase starts with the rate before it."""
    stretch = plan.epochs * plan.epoch_factor / sum(epochs for epochs, _, _ in lengths)
    total, ends = 0.0, []
    for epochs, _, _ in lengths:
        total += epochs * stretch
        ends.append(round(total))
    starts = [0, *ends[:-1]]
    phases = tuple(Phase(a, b, _cycle(plan, shape)) for a, b, (_, shape, _) in zip(starts, ends, lengths) if b > a)
    rates = [factor * shape.batch_factor for _, shape, factor in lengths]
    middle = (starts[-1] + ends[-1]) // 2
    lr_steps = [*zip(starts[:-1], rates[:-1]), (starts[-1], rates[-2]), (middle, rates[-1])]
    return Schedule(phases, tuple((float(epoch), rate) for epoch, rate in lr_steps))


def _shape(plan: Plan, frames_factor: float, crop_factor: float) -> Shape:
    """A shape of the long cycle; fewer frames lie further apart, so that the clip lasts as long."""
    frames, crop = round(plan.num_frames * frames_factor), round(plan.crop_px * crop_factor)
    return Shape(round(_relative_batch(plan, frames, crop)), frames, plan.sampling_rate * (plan.num_frames // frames), crop)


def _relative_batch(plan: Plan, frames: int, crop: float) -> float:
    """Clips of a size that take the work of one plain clip."""
    return plan.num_frames * plan.crop_px**2 / (frames * crop**2)


def _mean_batch(plan: Plan, shape: Shape) -> float:
    """Average batch factor over the short cycle. Parity: from unrounded crops, as the reference plans its epochs."""
    crops = [factor * plan.crop_px for factor in plan.short_factors]
    factors = [round(_relative_batch(plan, shape.num_frames, crop)) for crop in crops] + [shape.batch_factor]
    return sum(factors) / len(factors)


def _cycle(plan: Plan, shape: Shape) -> tuple[Shape, ...]:
    """The shapes of consecutive steps. Their crops are relative to the plain crop, never to that of the phase."""
    small = []
    for factor in plan.short_factors:
        crop = min(factor * plan.crop_px, shape.crop_px)
        times = max(1, round((shape.crop_px / crop) ** 2))
        small.append(Shape(shape.batch_factor * times, shape.num_frames, shape.sampling_rate, round(crop)))
    return (*small, shape)


def norm_splits(clips: int, base_clips: int) -> int:
    """Parts of a batch whose BN statistics are computed apart: about `base_clips` clips each, all of equal size."""
    wanted = max(1, clips // base_clips)
    return next(splits for splits in range(wanted, 0, -1) if clips % splits == 0)
