"""One training step: micro-batches, mixed precision, agreement between the ranks, update."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import paddle
from paddle import nn

from slowfast_paddle import distributed
from slowfast_paddle.engine.task import Task
from slowfast_paddle.errors import ConfigError


@dataclass(frozen=True)
class StepResult:
    """What all ranks agree on after a step, and `guilty`: whether this rank's own loss was not finite.

    Attributes:
        sums: quantities summed over `clips` clips.
        clips: clips of all ranks.
        finite: whether every rank's loss was; if not, the weights are as they were.
        stop: whether a rank was told to stop.
        guilty: whether it was this rank's loss that was not finite.
    """

    sums: dict[str, float]
    clips: float
    finite: bool
    stop: bool
    guilty: bool = False


class Stepper:
    """Turns batches into weight updates."""

    def __init__(
        self,
        network: nn.Layer,
        task: Task,
        optimizer: paddle.optimizer.Optimizer,
        accumulate_steps: int = 1,
        clip_grad_norm: float | None = None,
        clip_grad_value: float | None = None,
        amp: str = "off",
        keep_statistics: bool = False,
    ) -> None:
        """Wrap the network for several ranks where there are several.

        Args:
            network: the network itself.
            task: makes losses of batches.
            optimizer: of the network's trainable parameters.
            accumulate_steps: micro-batches a batch is cut into; their gradients add up to the batch's.
            clip_grad_norm: largest global L2 norm of the gradient.
            clip_grad_value: largest absolute value in the gradient.
            amp: "off", "float16" (with loss scaling) or "bfloat16".
            keep_statistics: undo what a step with a non-finite loss did to the BN statistics.

        Raises:
            ConfigError: mixed precision on CPU, where Paddle silently stays in float32.
        """
        if amp != "off" and not paddle.get_device().startswith("gpu"):
            raise ConfigError(f"train.amp={amp} needs a GPU: Paddle has no {amp} convolution on CPU; set train.amp=off")
        self._network = network
        self._task = task
        self._optimizer = optimizer
        self._accumulate_steps = accumulate_steps
        self._clip_grad_norm = clip_grad_norm
        self._clip_grad_value = clip_grad_value
        self._amp = amp
        self._keep_statistics = keep_statistics
        self._parallel = paddle.DataParallel(network) if distributed.world_size() > 1 else network
        self.scaler = paddle.amp.GradScaler(enable=amp == "float16")

    def run(
        self,
        batch: Mapping[str, Any],
        lr: float,
        rng: np.random.Generator,
        want_stop: Callable[[], bool],
        before_update: Callable[[], None] | None = None,
    ) -> StepResult:
        """Update the weights by one batch; a non-finite loss on any rank leaves them as they were on every rank.

        Args:
            batch: this rank's share of the global batch.
            lr: learning rate of this step.
            rng: for what is random on the device.
            want_stop: asked once, so that all ranks stop at the same step.
            before_update: called when the gradients, unclipped, are those of the whole batch.
        """
        self._optimizer.set_lr(lr)
        statistics = self._statistics() if self._keep_statistics else {}
        parts = list(self._task.split(batch, self._accumulate_steps))
        sums, clips, stop = {}, 0.0, want_stop()
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            with nullcontext() if last or self._parallel is self._network else self._parallel.no_sync():
                logits, target, loss = self._forward(part, rng)
                size = self._task.size(part)
                found, finite, stop = self._agree(loss, self._task.sums(logits, target), size, stop)
                clips += found.pop("clips")
                sums = {name: sums.get(name, 0.0) + value for name, value in found.items()}
                if not finite:
                    self._undo(statistics)
                    return StepResult(sums, clips, finite=False, stop=stop, guilty=not np.isfinite(float(loss)))
                self.scaler.scale(loss * (size / self._task.size(batch))).backward()
        self._update(before_update)
        return StepResult(sums, clips, finite=True, stop=stop)

    def _forward(self, part: Mapping[str, Any], rng: np.random.Generator) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
        with self.autocast():
            logits, target = self._task.forward(self._parallel, part, rng)
        return logits, target, self._task.loss(logits, target)

    def autocast(self) -> Any:
        """Mixed precision, or nothing when it is off; convolutions are named because some Paddle lists lack conv3d."""
        if self._amp == "off":
            return nullcontext()
        return paddle.amp.auto_cast(custom_white_list={"conv2d", "conv3d"}, dtype=self._amp, level="O1")

    def _agree(self, loss: paddle.Tensor, sums: dict[str, float], size: int, stop: bool) -> tuple[dict[str, float], bool, bool]:
        """Sums over the ranks, and one decision for all of them before the gradients are exchanged."""
        value = float(loss)
        finite = bool(np.isfinite(value))
        local = [value * size if finite else 0.0, size, *sums.values(), not finite, stop]
        total = distributed.all_sum(np.array(local, dtype=np.float64))
        names = ["loss", "clips", *sums]
        return dict(zip(names, total.tolist())), total[-2] == 0, total[-1] > 0

    def _update(self, before_update: Callable[[], None] | None) -> None:
        clips = self._clip_grad_value is not None or self._clip_grad_norm is not None
        if clips or before_update is not None:
            self.scaler.unscale_(self._optimizer)
        if before_update is not None:
            before_update()
        trainable = [p for p in self._network.parameters() if not p.stop_gradient and p.grad is not None] if clips else []
        if self._clip_grad_value is not None:
            paddle.nn.utils.clip_grad_value_(trainable, self._clip_grad_value)
        if self._clip_grad_norm is not None:
            paddle.nn.utils.clip_grad_norm_(trainable, self._clip_grad_norm)
        self.scaler.step(self._optimizer)
        self.scaler.update()
        self._optimizer.clear_grad()

    def _statistics(self) -> dict[str, paddle.Tensor]:
        """Copies of everything a forward in training mode changes."""
        still = {name: value for name, value in self._network.state_dict().items() if value.stop_gradient}
        return {name: value.clone() for name, value in still.items()}

    def _undo(self, statistics: Mapping[str, paddle.Tensor]) -> None:
        self._optimizer.clear_grad()
        tensors = self._network.state_dict()
        for name, value in statistics.items():
            tensors[name].set_value(value)
