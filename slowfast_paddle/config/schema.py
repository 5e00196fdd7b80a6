"""The whole configuration of one network: what it is, what it reads, how it is trained and tested."""

from pydantic import Field, model_validator

from slowfast_paddle.config.base import Section
from slowfast_paddle.config.data import DataConfig
from slowfast_paddle.config.detection import DetectionConfig
from slowfast_paddle.config.evaluation import TestConfig
from slowfast_paddle.config.model import ModelConfig
from slowfast_paddle.config.train import AugmentConfig, OptimConfig, TrainConfig


class Config(Section):
    """Root of a YAML file."""

    name: str = Field("slowfast", description="Prefix of checkpoints is always slowfast_epoch; this names the run")
    labels: str | None = Field(
        None, description="Class names: a shipped list (kinetics400, ssv2, ...) or a text file, one a line"
    )
    model: ModelConfig = Field(default_factory=ModelConfig, description="The network")
    data: DataConfig = Field(default_factory=DataConfig, description="The reader")
    detection: DetectionConfig = Field(default_factory=DetectionConfig, description="AVA-style data, for head kind roi")
    optim: OptimConfig = Field(default_factory=OptimConfig, description="Optimizer and schedule")
    augment: AugmentConfig = Field(default_factory=AugmentConfig, description="Augmentation")
    train: TrainConfig = Field(default_factory=TrainConfig, description="The loop")
    test: TestConfig = Field(default_factory=TestConfig, description="Testing and prediction")

    @model_validator(mode="after")
    def _across(self) -> "Config":
        alpha = self.model.alpha if self.model.architecture == "slowfast" else 1
        if self.data.num_frames % alpha:
            raise ValueError(
                f"data.num_frames {self.data.num_frames} is not divisible by model.alpha {alpha}; "
                f"the slow pathway takes num_frames / alpha frames"
            )
        if self.optim.warmup_fraction is None and self.optim.warmup_epochs > self.train.epochs:
            raise ValueError(
                f"optim.warmup_epochs {self.optim.warmup_epochs:g} is longer than train.epochs {self.train.epochs}; "
                f"shorten it or set optim.warmup_fraction (e.g. 0.1)"
            )
        if self.data.frame_sampling == "segments" and (self.test.num_clips > 1 or self.test.views in ("dense", "dense-time")):
            raise ValueError(
                "data.frame_sampling segments makes one clip of the whole video; set test.num_clips 1 and test.views grid"
            )
        self._multigrid()
        if self.model.head.kind == "classification":
            self._labels_a_video()
        if self.model.head.kind == "roi":
            changed = [name for name, value in self.augment if value != AugmentConfig.model_fields[name].default]
            if changed or self.data.train_crop != "short_side":
                wrong = f"augment.{changed[0]}" if changed else "data.train_crop"
                raise ValueError(
                    f"{wrong} does not know boxes; action detection (model.head.kind roi) trains with scale, crop and flip"
                )
        return self

    def _labels_a_video(self) -> None:
        several, activation = self.data.multi_label, self.model.head.activation
        if several != (activation == "sigmoid"):
            raise ValueError(
                f"data.multi_label {several} and model.head.activation {activation} contradict each other; several labels a video "
                f"take sigmoid, one takes softmax"
            )
        if several and self.augment.label_smoothing:
            raise ValueError("augment.label_smoothing spreads one label over the others; with data.multi_label set it to 0")

    def _multigrid(self) -> None:
        grid = self.train.multigrid
        if not grid.on:
            return
        if self.model.head.kind == "roi":
            raise ValueError("train.multigrid changes the size of clips, which action detection (model.head.kind roi) does not")
        if self.model.head.pool != "adaptive":
            raise ValueError("train.multigrid needs model.head.pool adaptive: a window of one size does not fit every clip")
        if grid.long_cycle and self.optim.policy != "steps":
            raise ValueError(f"train.multigrid.long_cycle follows optim.policy steps, found {self.optim.policy}")
        if grid.long_cycle and self.model.norm.kind == "batch":
            raise ValueError("train.multigrid.long_cycle changes the batch; set model.norm.kind sub, so that BN does not see it")
        alpha = self.model.alpha if self.model.architecture == "slowfast" else 1
        for factor in {frames for frames, _ in grid.long_factors} if grid.long_cycle else ():
            frames = round(self.data.num_frames * factor)
            if frames % alpha or self.data.num_frames % frames:
                raise ValueError(
                    f"train.multigrid.long_factors: {factor:g} x data.num_frames {self.data.num_frames} is {frames} frames, "
                    f"which must divide data.num_frames and be a multiple of model.alpha {alpha}"
                )
