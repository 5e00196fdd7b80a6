"""Multigrid put together: from the configuration to the schedule, and from the schedule to batches, frames and BN splits."""

from collections.abc import Callable

from paddle import nn

from slowfast_paddle.config.schema import Config
from slowfast_paddle.data.kinetics import ClipSize
from slowfast_paddle.data.sampler import Cycle
from slowfast_paddle.errors import ConfigError
from slowfast_paddle.layers.norm import set_splits
from slowfast_paddle.optim.multigrid import Plan, Schedule, build_schedule, norm_splits


def schedule_of(config: Config) -> Schedule | None:
    """The multigrid schedule, or None when it is off."""
    grid, optim = config.train.multigrid, config.optim
    if not grid.on:
        return None
    stepwise = optim.policy == "steps"
    return build_schedule(
        Plan(
            epochs=config.train.epochs,
            num_frames=config.data.num_frames,
            sampling_rate=config.data.sampling_rate,
            crop_px=config.data.crop_px,
            steps=optim.steps if stepwise else (),
            factors=optim.relative_lrs if stepwise else (),
            epoch_factor=grid.epoch_factor,
            long_factors=grid.long_factors if grid.long_cycle else (),
            short_factors=grid.short_factors if grid.short_cycle else (),
        )
    )


def epochs_of(config: Config) -> int:
    """Epochs the run really takes."""
    schedule = schedule_of(config)
    return schedule.epochs if schedule else config.train.epochs


def cycle_of(config: Config, schedule: Schedule, world_size: int) -> Callable[[int], Cycle]:
    """What TrainSampler asks for: the batches of one process, in videos, and the size of their clips."""
    clips, repeats = config.train.batch_size // world_size, config.augment.repeats

    def cycle(epoch: int) -> Cycle:
        return [
            (clips * shape.batch_factor // repeats, ClipSize(shape.num_frames, shape.sampling_rate, shape.crop_px))
            for shape in schedule.at(epoch).cycle
        ]

    return cycle


def splits_of(config: Config, schedule: Schedule, world_size: int, epoch: int) -> int:
    """Parts in which BN sees the batches of an epoch. The batches of the short cycle are multiples of the phase's own."""
    clips = config.train.batch_size * schedule.at(epoch).shape.batch_factor // world_size // config.train.accumulate_steps
    return norm_splits(clips, config.train.multigrid.bn_clips)


def before_epoch(config: Config, network: nn.Layer, world_size: int) -> Callable[[int], None] | None:
    """What Trainer calls before an epoch: the batch grows and shrinks, and the clips that BN averages over stay as many."""
    schedule = schedule_of(config)
    if schedule is None or config.model.norm.kind != "sub":
        return None
    return lambda epoch: set_splits(network, splits_of(config, schedule, world_size, epoch))


def check_fills(config: Config, schedule: Schedule, videos: int) -> None:
    """Refuses a list too short for the largest batch at once, not in the middle of the run.

    Raises:
        ConfigError: with the smallest batch that would do.
    """
    factor = max(shape.batch_factor for phase in schedule.phases for shape in phase.cycle)
    wanted = config.train.batch_size * factor // config.augment.repeats
    if videos < wanted:
        raise ConfigError(
            f"{videos} training videos do not fill multigrid's largest batch of {wanted} ({factor} x train.batch_size "
            f"{config.train.batch_size}); lower train.batch_size to at most {videos * config.augment.repeats // factor}"
        )
