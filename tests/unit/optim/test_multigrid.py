"""The multigrid schedule against numbers of the reference implementation, and its invariants."""

import pytest

from slowfast_paddle.errors import ConfigError
from slowfast_paddle.optim.multigrid import Plan, build_schedule, norm_splits

# PySlowFast MultigridSchedule: (batch factor, frames, crop, end epoch) of the phases and SOLVER.STEPS after init_multigrid.
KINETICS = Plan(239, 32, 2, 224, (0, 94, 154, 196), (1, 0.1, 0.01, 0.001))
REFERENCE = [
    (
        KINETICS,
        [(8, 8, 158, 73), (4, 16, 158, 110), (2, 16, 224, 142), (1, 32, 224, 158)],
        [0, 73, 110, 142, 158, 205, 228, 248, 259, 291, 308, 322, 329, 343],
    ),
    (
        Plan(239, 32, 2, 224, (0, 94, 154, 196), (1, 0.1, 0.01, 0.001), short_factors=()),
        [(8, 8, 158, 87), (4, 16, 158, 130), (2, 16, 224, 152), (1, 32, 224, 162)],
        [0, 87, 130, 152, 162],
    ),
    (
        Plan(57, 32, 2, 224, (0, 41, 49), (1, 0.1, 0.01)),
        [(8, 8, 158, 31), (4, 16, 158, 47), (2, 16, 224, 60), (1, 32, 224, 67)],
        [0, 31, 47, 60, 67],
    ),
    (
        Plan(30, 16, 2, 112, (0, 10, 20), (1, 0.1, 0.01), epoch_factor=1.0),
        [(8, 4, 79, 6), (4, 8, 79, 9), (2, 8, 112, 11), (1, 16, 112, 12)],
        [0, 6, 9, 11, 12],
    ),
]


@pytest.mark.parametrize(("plan", "phases", "steps"), REFERENCE)
def test_phases_are_those_of_the_reference(plan, phases, steps):
    schedule = build_schedule(plan)
    got = [(p.shape.batch_factor, p.shape.num_frames, p.shape.crop_px, p.end_epoch) for p in schedule.phases]
    assert got[: len(phases)] == phases
    assert [epoch for epoch, _ in schedule.lr_steps][: len(steps)] == steps


def test_the_learning_rate_follows_the_batch_and_fine_tuning_begins_with_the_rate_before_it():
    schedule = build_schedule(KINETICS)
    assert [rate for _, rate in schedule.lr_steps] == pytest.approx(
        [8, 4, 2, 1, 0.8, 0.4, 0.2, 0.1, 0.08, 0.04, 0.02, 0.01, 0.01, 0.001]
    )
    assert schedule.epochs == 358 and schedule.phases[-1].first_epoch == 329


def test_the_short_cycle_is_relative_to_the_plain_crop():
    """Its crops are 112 and 158 in every phase, whatever the phase's own crop; the batch grows as the crop shrinks."""
    schedule = build_schedule(KINETICS)
    first, last = schedule.at(0).cycle, schedule.at(150).cycle
    assert [(s.batch_factor, s.num_frames, s.sampling_rate, s.crop_px) for s in first] == [
        (16, 8, 8, 112),
        (8, 8, 8, 158),
        (8, 8, 8, 158),
    ]
    assert [(s.batch_factor, s.num_frames, s.sampling_rate, s.crop_px) for s in last] == [
        (4, 32, 2, 112),
        (2, 32, 2, 158),
        (1, 32, 2, 224),
    ]


def test_phases_leave_no_gap_and_clips_last_as_long():
    schedule = build_schedule(KINETICS)
    assert [p.first_epoch for p in schedule.phases] == [0, *(p.end_epoch for p in schedule.phases[:-1])]
    for epoch in range(schedule.epochs):
        phase = schedule.at(epoch)
        assert phase.first_epoch <= epoch < phase.end_epoch
        assert all(shape.num_frames * shape.sampling_rate == 64 for shape in phase.cycle)
    assert schedule.at(999) == schedule.phases[-1]


def test_the_short_cycle_alone_stretches_the_run():
    schedule = build_schedule(Plan(20, 16, 2, 112, (0, 10), (1, 0.1), long_factors=()))
    assert [(p.first_epoch, p.end_epoch) for p in schedule.phases] == [(0, 30)]
    assert [(s.batch_factor, s.crop_px) for s in schedule.at(3).cycle] == [(4, 56), (2, 79), (1, 112)]
    assert schedule.lr_steps == ((0.0, 1), (15.0, 0.1))


@pytest.mark.parametrize("steps", [(), (0,), (0, 50)])
def test_the_long_cycle_needs_stretches_to_follow(steps):
    with pytest.raises(ConfigError, match="expected at least two optim.steps, the last below train.epochs 50"):
        build_schedule(Plan(50, 32, 2, 224, steps, (1.0,) * len(steps)))


def test_bn_sees_about_as_many_clips_whatever_the_batch():
    assert [norm_splits(clips, 8) for clips in (64, 32, 16, 8, 4, 1)] == [8, 4, 2, 1, 1, 1]
    assert norm_splits(28, 8) == 2 and norm_splits(24, 8) == 3, "parts are equal"
