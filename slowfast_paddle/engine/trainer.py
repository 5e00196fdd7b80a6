"""The training loop: epochs, steps, validation, checkpoints, exact resuming."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle import nn

from slowfast_paddle import checkpoint, distributed, log
from slowfast_paddle.engine.curves import Curves, NullCurves
from slowfast_paddle.engine.ema import Ema
from slowfast_paddle.engine.histograms import Histograms
from slowfast_paddle.engine.options import TrainOptions
from slowfast_paddle.engine.pace import Pace, log_line
from slowfast_paddle.engine.precise_bn import average_bn_statistics, update_bn_statistics
from slowfast_paddle.engine.progress import Progress
from slowfast_paddle.engine.seeding import seed_step
from slowfast_paddle.engine.signals import StopNow, StopRequest
from slowfast_paddle.engine.snapshots import Snapshots
from slowfast_paddle.engine.step import Stepper, StepResult
from slowfast_paddle.engine.task import Task
from slowfast_paddle.errors import CheckpointError, TrainingError
from slowfast_paddle.metrics.running import RunningMeans
from slowfast_paddle.optim.optimizer import load_named_state, named_state

_logger = log.get(__name__)
_CLIPS_NAMED = 16

Validate = Callable[[nn.Layer], Mapping[str, float]]


@dataclass(frozen=True)
class FitResult:
    """How a run ended.

    Attributes:
        checkpoint: the last one written, without ending; None when there was none to write.
        metrics: of the last validation.
        best: {"checkpoint", "epoch", "metric", "value"} of the best validation; empty without one.
        exit_code: 0 when done, 143 or 130 when stopped by SIGTERM or SIGINT.
    """

    checkpoint: Path | None
    metrics: dict[str, float] = field(default_factory=dict)
    best: dict[str, Any] = field(default_factory=dict)
    exit_code: int = 0


class Trainer:
    """Fits a network. It is given built things and knows neither configuration nor files but checkpoints."""

    def __init__(
        self,
        network: nn.Layer,
        task: Task,
        optimizer: paddle.optimizer.Optimizer,
        lr_at: Callable[[float], float],
        loader: Any,
        options: TrainOptions,
        save_dir: str | Path,
        validate: Validate | None = None,
        curves: Curves | None = None,
        facts: Mapping[str, Any] | None = None,
        clip_name: Callable[[int], str] = str,
        before_epoch: Callable[[int], None] | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            network: what is trained; its state dict is what checkpoints hold.
            task: makes losses of batches.
            optimizer: of the network's trainable parameters.
            lr_at: learning rate at a fractional epoch.
            loader: this rank's batches; length(epoch) is the steps of an epoch, set_position(epoch, step) makes the next
                iteration yield that epoch's batches from that step on, in an order that depends on nothing else, and
                full_size_batches(epoch) yields batches for BN statistics.
            options: plain values.
            save_dir: folder of the checkpoints.
            validate: metrics of the network, the same on every rank.
            curves: where numbers go; closed when fit ends.
            facts: what every checkpoint's sidecar says of the run: config, class_names, protocol, source.
            clip_name: name of a training record, for errors.
            before_epoch: called with the epoch before its first step, also after resuming inside it.
        """
        self.network = network
        self._task = task
        self._optimizer = optimizer
        self._lr_at = lr_at
        self._loader = loader
        self._options = options
        self._validate = validate
        self._curves = curves or NullCurves()
        self._clip_name = clip_name
        self._before_epoch = before_epoch
        self._snapshots = Snapshots(Path(save_dir), options.keep_last, facts or {})
        self._stepper = Stepper(
            network,
            task,
            optimizer,
            options.accumulate_steps,
            options.clip_grad_norm,
            options.clip_grad_value,
            options.amp,
            keep_statistics=options.skip_nonfinite > 0,
        )
        self._ema = Ema(network, options.ema_decay) if options.ema_decay else None
        self._stop = StopRequest()
        self._at = Progress()
        self._last: Path | None = None
        self._saved_at = (0, 0)

    @property
    def global_step(self) -> int:
        """Steps done since the start of the run."""
        return self._at.steps_before + self._at.step

    def fit(self, resume: str | Path | None = None) -> FitResult:
        """Train to the last epoch, or until told to stop.

        Args:
            resume: checkpoint to continue from, step by step as if there had been no interruption.

        Raises:
            TrainingError: the loss is not finite.
            CheckpointError: a checkpoint cannot be written, or does not fit.
        """
        if resume is not None:
            self._restore(resume)
        if self._at.epoch >= self._options.epochs:
            _logger.info("all %d epochs are done; a larger train.epochs trains on", self._options.epochs)
        self._curves.start(self.global_step)
        with closing(self._curves), self._stop:
            while self._at.epoch < self._options.epochs and not self._out_of_patience():
                self._train_epoch()
                if not self._stop.agreed():
                    self._finish_epoch()
                if self._stop.agreed():
                    self._save_if_new()
                    _logger.warning("stopped by signal %d; continue from %s", self._stop.received, self._last)
                    return self._result(self._stop.exit_code)
            self._save_if_new()
        distributed.barrier()
        return self._result(0)

    def _out_of_patience(self) -> bool:
        patience = self._options.early_stop_validations
        if not patience or self._at.stale_validations < patience:
            return False
        _logger.info("stopping early: %d validations without a better one", patience)
        return True

    def _result(self, exit_code: int) -> FitResult:
        return FitResult(self._last, self._at.metrics, self._snapshots.best, exit_code)

    def _train_epoch(self) -> None:
        steps = self._loader.length(self._at.epoch)
        if self._before_epoch is not None:
            self._before_epoch(self._at.epoch)
        self.network.train()
        self._loader.set_position(self._at.epoch, self._at.step)
        pace, window = Pace(), RunningMeans()
        for batch in pace.timed(self._loader if self._at.step < steps else ()):
            self._note_skipped(batch)
            lr = self._lr_at(self._at.epoch + self._at.step / steps)
            rng = seed_step(self._options.seed, self._at.epoch, self._at.step)
            result = self._step(batch, lr, rng)
            if result.finite:
                if self._ema:
                    self._ema.update()
                self._at.means.add(result.sums, result.clips)
                window.add(result.sums, result.clips)
            else:
                self._refuse_nonfinite(batch, lr, result.guilty)
            self._at.step += 1
            pace.count(int(result.clips))
            if self._at.step % self._options.log_every_steps == 0 or self._at.step == steps:
                self._report(pace, window, lr)
                window = RunningMeans()
            if result.stop:
                break
            if self._options.save_every_steps and self._at.step % self._options.save_every_steps == 0 and self._at.step < steps:
                self._average_statistics()
                self._save()
        else:
            assert self._at.step == steps, f"the loader ended after {self._at.step} of {steps} steps"
        self._average_statistics()

    def _step(self, batch: Mapping[str, Any], lr: float, rng: np.random.Generator) -> StepResult:
        def told() -> bool:
            return self._stop.received is not None

        due = self._at.step == 0 and self._options.due(self._options.histograms_every_epochs, self._at.epoch)
        if not due or not distributed.is_main():
            return self._stepper.run(batch, lr, rng, told)
        histograms = Histograms(self.network)
        with histograms.activations():
            result = self._stepper.run(batch, lr, rng, told, histograms.gradients)
        histograms.write(self._curves, self.global_step)
        return result

    def _note_skipped(self, batch: Mapping[str, Any]) -> None:
        for name in batch.get("skipped") or ():
            if name not in self._at.skipped:
                self._at.skipped.add(name)
                _logger.warning("skipping an unreadable training video: %s", name)

    def _refuse_nonfinite(self, batch: Mapping[str, Any], lr: float, guilty: bool) -> None:
        """Stop, or count a skipped step; every rank names the clips of the ranks whose loss it was."""
        self._at.nonfinite += 1
        own = [self._clip_name(int(i)) for i in np.asarray(batch["index"])[:_CLIPS_NAMED]] if guilty else []
        names = ", ".join(name for part in distributed.all_gather_object(own) for name in part)
        where = f"epoch {self._at.epoch} step {self._at.step} with lr {lr:.3g}"
        if self._at.nonfinite > self._options.skip_nonfinite:
            raise TrainingError(
                f"loss is not finite at {where} (clips: {names}); "
                "expected a finite number: lower optim.base_lr, set optim.clip_grad_norm or allow some with train.skip_nonfinite"
            )
        _logger.warning("skipping a step whose loss is not finite: %s (clips: %s)", where, names)

    def _report(self, pace: Pace, window: RunningMeans, lr: float) -> None:
        steps = self._loader.length(self._at.epoch)
        timing = pace.report()
        values = {**window.means(), "lr": lr, **timing}
        self._curves.write("train", self.global_step, {"epoch": self._at.epoch, **values})
        left = sum(map(self._loader.length, range(self._at.epoch, self._options.epochs))) - self._at.step
        _logger.info(log_line(f"epoch {self._at.epoch} [{self._at.step}/{steps}]", window.means(), lr, timing, left))

    def _average_statistics(self) -> None:
        """What comes next, a checkpoint or a validation, sees the same statistics on every rank, the averaged weights' too."""
        if distributed.world_size() == 1:
            return
        average_bn_statistics(self.network)
        if self._ema:
            with self._ema.swapped():
                average_bn_statistics(self.network)

    def _finish_epoch(self) -> None:
        """Precise BN, validation, checkpoint; a signal ends it and the next run repeats it from the end of the epoch."""
        shown, better = self._at.means.means(), False
        try:
            if self._options.due(self._options.precise_bn_every_epochs, self._at.epoch):
                self._precise_bn()
            if self._validate and self._options.due(self._options.valid_every_epochs, self._at.epoch):
                better = self._run_validation()
                shown |= {f"valid {name}": value for name, value in self._at.metrics.items()}
        except StopNow:
            return
        summary = " ".join(f"{name} {value:.4f}" for name, value in shown.items())
        unread = f", {len(self._at.skipped)} unreadable videos so far" if self._at.skipped else ""
        _logger.info("epoch %d done: %s%s", self._at.epoch, summary, unread)
        self._at.next_epoch()
        if better or self._options.due(self._options.save_every_epochs, self._at.epoch - 1):
            self._save()

    def _precise_bn(self) -> None:
        if not self._options.precise_bn_batches:
            return
        count = min(self._options.precise_bn_batches, self._loader.length(self._at.epoch))
        if self._ema:
            with self._ema.swapped():
                self._update_bn(count)
        self._update_bn(count)

    def _update_bn(self, count: int) -> None:
        self.network.train()
        batches = self._stop.until_told(islice(self._loader.full_size_batches(self._at.epoch), count))
        with self._stepper.autocast():
            update_bn_statistics(
                self.network,
                log.progress(batches, count, "precise BN", "batch"),
                lambda batch: self._task.forward(self.network, batch),
            )

    def _run_validation(self) -> bool:
        """Whether it was the best so far."""
        with self._stop.interruptible():
            metrics = dict(self._validate(self.network))
        if self._ema:
            with self._ema.swapped(), self._stop.interruptible():
                metrics.update({f"ema_{name}": value for name, value in self._validate(self.network).items()})
        self._at.metrics = metrics
        self._curves.write("val", self.global_step, {"epoch": self._at.epoch, **metrics})
        name = self._task.best_metric
        better = self._snapshots.note(self._at.epoch, name, metrics[name])
        self._at.stale_validations = 0 if better else self._at.stale_validations + 1
        return better

    def _save_if_new(self) -> None:
        if self._saved_at != (self._at.epoch, self._at.step):
            self._save()

    def _save(self) -> None:
        """Write a checkpoint of this moment: of the finished epoch at the start of the next one, else of a step."""
        finished = self._at.step == 0
        state = {
            "progress": self._at.state(),
            "steps_per_epoch": self._loader.length(self._at.epoch),
            "optimizer": named_state(self._optimizer, self.network),
            "scaler": dict(self._stepper.scaler.state_dict()),
            "ema": self._ema.state() if self._ema else None,
            "best": self._snapshots.best,
        }
        self._last = self._snapshots.save(
            epoch=self._at.epoch - 1 if finished else self._at.epoch,
            step=None if finished else self._at.step,
            weights={name: value.numpy() for name, value in self.network.state_dict().items()},
            training_state=state,
            metrics=self._at.metrics,
            ema_weights=self._ema.weights() if self._ema else None,
        )
        self._saved_at = (self._at.epoch, self._at.step)

    def _restore(self, path: str | Path) -> None:
        path = checkpoint.stem(path)
        if reason := checkpoint.damage(path):
            raise CheckpointError(f"{reason}; resume from an earlier checkpoint")
        checkpoint.load_weights(self.network, checkpoint.load_state(path), path)
        state = checkpoint.load_training_state(path)
        self._at.load(state["progress"])
        if self._at.step and state["steps_per_epoch"] != self._loader.length(self._at.epoch):
            raise CheckpointError(
                f"{path}: stopped in the middle of an epoch of {state['steps_per_epoch']} steps, now an epoch has "
                f"{self._loader.length(self._at.epoch)}; resume with the same list, batch size and number of processes"
            )
        load_named_state(self._optimizer, self.network, state["optimizer"])
        if state["scaler"]:
            self._stepper.scaler.load_state_dict(state["scaler"])
        if self._ema and state["ema"]:
            self._ema.load(state["ema"])
        self._snapshots.best = state["best"]
        self._snapshots.continue_from(path)
        self._last, self._saved_at = path, (self._at.epoch, self._at.step)
        _logger.info("resuming from %s at epoch %d step %d", path, self._at.epoch, self._at.step)
