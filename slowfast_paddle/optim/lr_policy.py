"""Learning rate as a pure function of the fractional epoch.

The trainer asks once per step with epoch + step / steps_per_epoch, so a resumed run needs no schedule state.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from slowfast_paddle.errors import ConfigError

POLICIES = ("cosine", "steps", "exponential")
WARMUPS = ("reach", "multiply")


@dataclass(frozen=True)
class LrPolicy:
    """A schedule with linear warm-up.

    Attributes:
        policy: "cosine" (half a period), "steps" (relative rates from given epochs on) or "exponential".
        base_lr: rate at the start of the policy (before any decay), for the batch the job really uses.
        epochs: length of the run.
        warmup_epochs: length of the linear warm-up.
        warmup_start_lr: rate of the very first step.
        end_lr: what the cosine or exponential decays to at `epochs`.
        warmup: "reach" goes in a straight line to the policy's rate at the end of the warm-up; "multiply" is the policy's rate
            times a factor that rises from warmup_start_lr / base_lr to 1.
        by_epoch: the policy changes at the start of an epoch only, the warm-up still at every step.
        cosine_after_warmup: whether the cosine starts where warm-up ends instead of at epoch 0.
        steps_epochs: first epochs of the step policy's stretches; the first is 0.
        steps_factors: rate of each stretch, relative to base_lr.
    Source: PySlowFast slowfast/utils/lr_policy.py (cosine, steps with relative lrs); MMEngine LinearLR with CosineAnnealingLR
    (warmup multiply, by_epoch).
    """

    policy: str
    base_lr: float
    epochs: float
    warmup_epochs: float = 0.0
    warmup_start_lr: float = 0.0
    end_lr: float = 0.0
    warmup: str = "reach"
    by_epoch: bool = False
    cosine_after_warmup: bool = False
    steps_epochs: Sequence[float] = ()
    steps_factors: Sequence[float] = ()

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise ConfigError(f"lr policy {self.policy!r}: unknown; expected one of {', '.join(POLICIES)}")
        if self.warmup not in WARMUPS:
            raise ConfigError(f"warm-up {self.warmup!r}: unknown; expected one of {', '.join(WARMUPS)}")
        if self.cosine_after_warmup and self.warmup_epochs >= self.epochs:
            raise ConfigError(f"warm-up of {self.warmup_epochs} epochs leaves nothing of {self.epochs}; shorten it")
        if self.policy == "exponential" and not 0 < self.end_lr <= self.base_lr:
            raise ConfigError(
                f"exponential lr policy: end_lr {self.end_lr} must lie above 0 and not above base_lr {self.base_lr}"
            )
        if self.policy == "steps":
            ordered = list(self.steps_epochs) == sorted(self.steps_epochs) and list(self.steps_epochs[:1]) == [0]
            if not ordered or len(self.steps_epochs) != len(self.steps_factors):
                raise ConfigError(
                    f"lr steps {list(self.steps_epochs)} with factors {list(self.steps_factors)}: "
                    "expected rising epochs that start with 0 and one factor for each"
                )

    def at(self, epoch: float) -> float:
        """Learning rate at a fractional epoch, counted from 0."""
        if self.warmup == "multiply":
            start = self.warmup_start_lr / self.base_lr
            done = min(epoch / self.warmup_epochs, 1.0) if self.warmup_epochs else 1.0
            return self._decayed(epoch) * (start + (1.0 - start) * done)
        if epoch < self.warmup_epochs:
            target = self._decayed(self.warmup_epochs)
            return self.warmup_start_lr + (target - self.warmup_start_lr) * epoch / self.warmup_epochs
        return self._decayed(epoch)

    def _decayed(self, epoch: float) -> float:
        epoch = math.floor(epoch + 1e-9) if self.by_epoch else epoch
        if self.policy == "steps":
            stretch = max(i for i, start in enumerate(self.steps_epochs) if start <= epoch)
            return self.base_lr * self.steps_factors[stretch]
        if self.policy == "exponential":
            return self.base_lr * (self.end_lr / self.base_lr) ** (epoch / self.epochs)
        offset = self.warmup_epochs if self.cosine_after_warmup else 0.0
        phase = math.pi * (epoch - offset) / (self.epochs - offset)
        return self.end_lr + (self.base_lr - self.end_lr) * (math.cos(phase) + 1.0) / 2.0


def warmup_length(epochs: float, warmup_epochs: float | None, warmup_fraction: float | None) -> float:
    """Warm-up in epochs, given as epochs or as a fraction of the run (not both); 0 when neither is given."""
    if warmup_epochs is not None and warmup_fraction is not None:
        raise ConfigError("warm-up is given in epochs and as a fraction; give one of them")
    if warmup_fraction is not None:
        return warmup_fraction * epochs
    return warmup_epochs or 0.0


def scaled_lr(lr: float, batch_size: int, reference_batch_size: int) -> float:
    """Linear scaling rule: the rate grows with the global batch.

    Source: Goyal et al., Accurate, Large Minibatch SGD, section 2.1.
    """
    return lr * batch_size / reference_batch_size
