"""How a network is trained: loop, optimizer, schedule, augmentation."""

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from slowfast_paddle.config.base import Section


class RuleConfig(Section):
    """Factors for the parameters whose whole name matches."""

    pattern: str = Field(description="Regular expression over names such as stages.0.1.blocks.0.a.conv.weight")
    lr_scale: float = Field(1.0, ge=0, description="Factor on the learning rate")
    decay_scale: float = Field(1.0, ge=0, description="Factor on the weight decay")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as err:
            raise ValueError(f"not a regular expression ({err})") from None
        return pattern


class OptimConfig(Section):
    """Optimizer and learning-rate schedule. Source: PySlowFast SOLVER.*; paper section 4.1."""

    kind: Literal["sgd", "lars", "adam", "adamw"] = Field("sgd", description="Update rule")
    base_lr: float = Field(0.1, gt=0, description="Learning rate at base_batch_size clips a step")
    base_batch_size: int = Field(64, ge=1, description="Global batch that base_lr belongs to; other batches scale it linearly")
    momentum: float = Field(0.9, ge=0, lt=1, description="sgd and lars only")
    nesterov: bool = Field(True, description="sgd and lars only")
    trust: float = Field(0.001, gt=0, description="lars only: size of a step relative to the size of the weight, at rate 1")
    betas: tuple[float, float] = Field((0.9, 0.999), description="adam and adamw only")
    weight_decay: float = Field(1e-4, ge=0, description="On every parameter but BN scale and shift")
    norm_weight_decay: float = Field(0.0, ge=0, description="On BN scale and shift (MMAction2: as weight_decay)")
    rules: tuple[RuleConfig, ...] = Field(
        (),
        description="Factors by parameter name, on top of layer_decay and head_lr_scale; the last rule that matches counts, "
        "e.g. {pattern: '.*bias', decay_scale: 0}",
    )
    policy: Literal["cosine", "steps", "exponential"] = Field("cosine", description="Shape after the warm-up")
    end_lr: float = Field(0.0, ge=0, description="Where cosine and exponential end, before batch scaling")
    steps: tuple[float, ...] = Field((), description="policy steps: epochs at which a factor starts, from 0")
    relative_lrs: tuple[float, ...] = Field((), description="policy steps: factors on base_lr, one per step")
    warmup_epochs: float = Field(34.0, ge=0, description="Linear warm-up, epochs")
    warmup_fraction: float | None = Field(
        None, ge=0, lt=1, description="Warm-up as a share of all epochs; replaces warmup_epochs"
    )
    warmup_start_lr: float = Field(0.01, ge=0, description="Where the warm-up starts, before batch scaling")
    warmup: Literal["reach", "multiply"] = Field(
        "reach", description="reach: a line to the policy's rate; multiply: a rising factor on it (MMAction2)"
    )
    by_epoch: bool = Field(False, description="The policy changes between epochs only (MMAction2); the warm-up at every step")
    cosine_after_warmup: bool = Field(False, description="The cosine starts where the warm-up ends, not at epoch 0")
    head_lr_scale: float = Field(1.0, gt=0, description="Factor on the classifier's learning rate, for fine-tuning")
    layer_decay: float = Field(1.0, gt=0, le=1, description="Factor on the learning rate per stage below the head")
    clip_grad_norm: float | None = Field(None, gt=0, description="Largest global L2 norm of the gradient")
    clip_grad_value: float | None = Field(None, gt=0, description="Largest absolute value in the gradient, before the norm")

    @model_validator(mode="after")
    def _steps(self) -> "OptimConfig":
        if self.policy == "steps":
            if not self.steps or len(self.steps) != len(self.relative_lrs):
                raise ValueError(
                    "policy steps needs `steps` and as many `relative_lrs`, e.g. steps: [0, 10, 15], relative_lrs: [1, 0.1, 0.01]"
                )
            if self.steps[0] != 0 or list(self.steps) != sorted(self.steps):
                raise ValueError(f"steps {list(self.steps)} must ascend and start at 0")
        return self


class AugmentConfig(Section):
    """Augmentation beyond scale, crop and flip. Off by default. Source: PySlowFast AUG.*, MIXUP.*."""

    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Share of the target spread over all classes")
    mixup_alpha: float = Field(0.0, ge=0, description="Beta parameter of mixup; 0 is off")
    cutmix_alpha: float = Field(0.0, ge=0, description="Beta parameter of cutmix; 0 is off")
    randaugment_layers: int = Field(0, ge=0, description="RandAugment operations a clip (2 is usual); 0 is off")
    randaugment_magnitude: float = Field(9.0, ge=0, le=10, description="Strength of the operations (m)")
    randaugment_noise: float = Field(0.5, ge=0, description="Standard deviation of the strength (mstd)")
    erase: float = Field(0.0, ge=0, le=1, description="Probability of erasing a box, the same in all frames")
    erase_mode: Literal["pixel", "rand", "const"] = Field("pixel", description="Noise, one random colour or the mean colour")
    erase_boxes: int = Field(1, ge=1, description="Boxes: between 1 and this number")
    repeats: int = Field(
        1, ge=1, description="Clips of one video in a batch, decoded once; an epoch still takes every video once"
    )


class MultigridConfig(Section):
    """Cycles of clip sizes and batches. Source: Wu et al. 2020; PySlowFast MULTIGRID.*."""

    long_cycle: bool = Field(False, description="From many small clips to few large ones in every stretch of optim.policy steps")
    short_cycle: bool = Field(False, description="Another crop and batch from step to step")
    epoch_factor: float = Field(1.5, gt=0, description="Epochs as a multiple of train.epochs; optim.steps stretch with them")
    long_factors: tuple[tuple[float, float], ...] = Field(
        ((0.25, 0.5**0.5), (0.5, 0.5**0.5), (0.5, 1.0), (1.0, 1.0)),
        description="[frames, crop] of each shape, relative to data.*",
    )
    short_factors: tuple[float, ...] = Field((0.5, 0.5**0.5), description="Crops before the full one, relative to data.crop_px")
    bn_clips: int = Field(8, ge=1, description="Clips whose BN statistics are computed together (model.norm.kind sub)")

    @property
    def on(self) -> bool:
        """Whether either cycle is."""
        return self.long_cycle or self.short_cycle

    @model_validator(mode="after")
    def _factors(self) -> "MultigridConfig":
        factors = [*self.short_factors, *(factor for pair in self.long_factors for factor in pair)]
        if not all(0 < factor <= 1 for factor in factors):
            raise ValueError("every factor must lie above 0 and not above 1")
        if not self.long_factors or tuple(self.long_factors[-1]) != (1.0, 1.0):
            raise ValueError(f"long_factors {[list(pair) for pair in self.long_factors]} must end with [1, 1]")
        return self


class TrainConfig(Section):
    """The training loop."""

    epochs: int = Field(196, ge=1, description="Epochs count from 0: 196 of them end in slowfast_epoch195")
    batch_size: int = Field(64, ge=1, description="Clips a step over all processes")
    cpu_clips_per_process: int | None = Field(
        None, ge=1, description="On CPU, unless a batch size is given on the command line: clips a step in each process"
    )
    multigrid: MultigridConfig = Field(default_factory=MultigridConfig, description="Multigrid training")
    accumulate_steps: int = Field(
        1, ge=1, description="Forward-backward passes a step; each sees batch_size / accumulate_steps clips"
    )
    save_dir: str = Field("./checkpoints", description="Checkpoints, resolved config, metrics.jsonl and curves")
    save_every_epochs: int = Field(1, ge=1, description="A checkpoint every so many epochs, of the best and after the last")
    save_every_steps: int = Field(
        0, ge=0, description="Steps between checkpoints inside an epoch, of which the newest stays; 0 off"
    )
    keep_last: int = Field(3, ge=1, description="Older checkpoints are removed, the best one stays")
    valid_every_epochs: int = Field(1, ge=0, description="Validation interval; 0 turns it off")
    early_stop_validations: int = Field(0, ge=0, description="Stop after so many validations without a better one; 0 never")
    log_every_steps: int = Field(10, ge=1, description="Steps between two log lines")
    precise_bn_batches: int = Field(200, ge=0, description="Batches for exact BN statistics; 0 off")
    precise_bn_every_epochs: int = Field(
        10,
        ge=1,
        description="Epochs between two precise BN runs; the last of train.epochs has one, an early stop does not add one",
    )
    amp: Literal["off", "float16", "bfloat16"] = Field("off", description="Mixed precision; GPU only")
    ema_decay: float = Field(0.0, ge=0, lt=1, description="Decay of the averaged weights evaluated beside the raw ones; 0 off")
    freeze_stages: int = Field(0, ge=0, le=5, description="Freeze the stem (1) and res2.. (2..5), BN included, for fine-tuning")
    skip_nonfinite: int = Field(0, ge=0, description="Steps with a non-finite loss that are skipped before the run stops")
    seed: int = Field(0, ge=0, description="Weights, order and augmentation")
    deterministic: bool = Field(False, description="The same weights from every run: cuDNN's deterministic kernels, slower")
    test_last: bool = Field(False, description="Multi-view test of the last checkpoint when training ends")
    test_best: bool = Field(False, description="Multi-view test of the best checkpoint when training ends")
    visualdl: bool = Field(True, description="Write VisualDL curves beside metrics.jsonl")
    histograms_every_epochs: int = Field(0, ge=0, description="Weights, gradients and activations in VisualDL so often; 0 off")
    visualdl_dir: str | None = Field(None, description="Default: save_dir/vdl")

    @model_validator(mode="after")
    def _batch(self) -> "TrainConfig":
        if self.batch_size % self.accumulate_steps:
            raise ValueError(f"batch_size {self.batch_size} is not divisible by accumulate_steps {self.accumulate_steps}")
        return self
