"""The corners of the schedules that the golden files do not hold."""

import pytest

from slowfast_paddle.errors import ConfigError
from slowfast_paddle.optim.lr_policy import LrPolicy, scaled_lr, warmup_length


def test_exponential_meets_its_end():
    policy = LrPolicy("exponential", base_lr=0.1, epochs=10, end_lr=0.001)
    assert policy.at(0) == pytest.approx(0.1)
    assert policy.at(5) == pytest.approx(0.01)
    assert policy.at(10) == pytest.approx(0.001)


def test_warm_up_is_continuous():
    policy = LrPolicy("cosine", base_lr=0.1, epochs=10, warmup_epochs=2, warmup_start_lr=0.01)
    assert policy.at(0) == 0.01
    assert policy.at(2 - 1e-9) == pytest.approx(policy.at(2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"policy": "linear"},
        {"policy": "exponential"},
        {"policy": "steps", "steps_epochs": [0, 3], "steps_factors": [1]},
        {"policy": "steps", "steps_epochs": [3, 1], "steps_factors": [1, 2]},
        {"policy": "cosine", "warmup_epochs": 10, "cosine_after_warmup": True},
    ],
)
def test_impossible_schedules_are_refused(wrong):
    with pytest.raises(ConfigError):
        LrPolicy(**{"base_lr": 0.1, "epochs": 10, **wrong})


def test_warm_up_length_and_linear_scaling():
    assert warmup_length(200, None, 0.1) == 20
    assert warmup_length(200, 34, None) == 34
    assert warmup_length(200, None, None) == 0
    with pytest.raises(ConfigError, match="give one"):
        warmup_length(200, 34, 0.1)
    assert scaled_lr(0.1, 8, 64) == 0.0125
