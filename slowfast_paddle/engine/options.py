"""Plain values that steer a training run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainOptions:
    """How long, how often, and what is allowed to go wrong.

    Attributes:
        epochs: epochs of the whole run, counted from 0.
        accumulate_steps: micro-batches a batch is cut into.
        clip_grad_norm: largest global L2 norm of the gradient; None for no limit.
        clip_grad_value: largest absolute value in the gradient; None for no limit.
        amp: "off", "float16" or "bfloat16".
        ema_decay: of the averaged weights; 0 for none.
        log_every_steps: steps between two log lines.
        save_every_epochs: epochs between two checkpoints; the last epoch and the best so far always have one.
        save_every_steps: steps between two checkpoints inside an epoch; 0 for none.
        keep_last: finished epochs whose checkpoints stay; the best one stays too.
        valid_every_epochs: epochs between two validations; the last epoch always has one; 0 for none.
        early_stop_validations: validations without a better one after which the run ends; 0 for never.
        precise_bn_batches: batches per rank for exact BN statistics; 0 for none.
        precise_bn_every_epochs: epochs between two precise BN runs; the last of `epochs` always has one. An early stop adds none: its
            last checkpoint is what was validated.
        histograms_every_epochs: epochs between two looks at weights, gradients and activations, at the first step of an epoch; 0
            for none.
        skip_nonfinite: steps with a non-finite loss that are skipped before the run stops.
        seed: of everything random on the device.
    """

    epochs: int
    accumulate_steps: int = 1
    clip_grad_norm: float | None = None
    clip_grad_value: float | None = None
    amp: str = "off"
    ema_decay: float = 0.0
    log_every_steps: int = 10
    save_every_epochs: int = 1
    save_every_steps: int = 0
    keep_last: int = 3
    valid_every_epochs: int = 1
    early_stop_validations: int = 0
    precise_bn_batches: int = 0
    precise_bn_every_epochs: int = 1
    histograms_every_epochs: int = 0
    skip_nonfinite: int = 0
    seed: int = 0

    def due(self, every: int, epoch: int) -> bool:
        """Whether something done every `every` epochs is done after this one; 0 is never, the last epoch always."""
        return every > 0 and ((epoch + 1) % every == 0 or epoch + 1 == self.epochs)
