"""From configuration sections to built parts. Below these functions only plain values travel."""

from collections.abc import Callable
from pathlib import Path

from paddle import nn

from slowfast_paddle import distributed, log
from slowfast_paddle.app import multigrid
from slowfast_paddle.config.load import load_config
from slowfast_paddle.config.schema import Config
from slowfast_paddle.data.augment import ClipAugment
from slowfast_paddle.data.cache import FrameCache
from slowfast_paddle.data.cropping import ResizedCrop
from slowfast_paddle.data.dense import WholeFrames
from slowfast_paddle.data.erasing import RandomErasing
from slowfast_paddle.data.kinetics import ClipDataset, VideoViewsDataset
from slowfast_paddle.data.loader import Loader, collate_clips, one_video
from slowfast_paddle.data.presence import check_present
from slowfast_paddle.data.protocol import Protocol, get_protocol
from slowfast_paddle.data.rand_augment import RandAugment
from slowfast_paddle.data.records import Records, read_records
from slowfast_paddle.data.sampler import Cycle, EvalSampler, TrainSampler
from slowfast_paddle.data.sampling import ClipShape, slow_indices
from slowfast_paddle.data.source import ReadOptions
from slowfast_paddle.data.transforms import resize_bilinear
from slowfast_paddle.engine.mixing import Mixing
from slowfast_paddle.engine.options import TrainOptions
from slowfast_paddle.engine.task import ClassificationTask
from slowfast_paddle.errors import ConfigError
from slowfast_paddle.labels import class_names, is_shipped
from slowfast_paddle.models import registry
from slowfast_paddle.models.pack import PackPathways
from slowfast_paddle.optim.lr_policy import LrPolicy, scaled_lr, warmup_length
from slowfast_paddle.optim.optimizer import (
    ParameterRule,
    build_optimizer,
    check_rules,
    freeze,
    layer_decay_rules,
    parameter_groups,
)

_logger = log.get(__name__)


def build_model(source: Config | str | Path) -> nn.Layer:
    """A network with initial weights, in training mode.

    Args:
        source: a configuration, a preset's name or a YAML file.

    Raises:
        ConfigError: one line that names the field that cannot work.
    """
    config = source if isinstance(source, Config) else load_config(source)
    return registry.build_model(config.model, config.data.num_frames, config.data.crop_px)


def build_loader(source: Config | str | Path, split: str) -> Loader:
    """The reader of one list of a configuration.

    Args:
        split: "train" (random clips), "val" (one centred clip a video) or "test" (all views of a video).

    Raises:
        ConfigError: another split.
    """
    if split not in ("train", "val", "test"):
        raise ConfigError(f"split {split!r}: unknown; expected train, val or test")
    config = source if isinstance(source, Config) else load_config(source)
    if split == "test":
        return test_loader(
            config, labelled_records(config, config.data.val_list), get_protocol(config.test.protocol or "pyslowfast")
        )
    return clip_loader(config, train=split == "train")


def names_of(config: Config) -> list[str | None] | None:
    """Class names in the order of the classifier's outputs; None where the configuration has none.

    A shipped list that a preset brought along and that does not fit other classes is left out, and that is said; a file must fit.
    """
    if config.labels is None:
        return None
    count = config.model.num_classes
    if is_shipped(config.labels) and len(class_names(config.labels)) != count:
        log.warn_once(
            _logger, f"{count} classes without names: {config.labels} does not fit; name them with labels=FILE, one a line"
        )
        return None
    return class_names(config.labels, count)


def shape_of(config: Config) -> ClipShape:
    """Frames and stride of the fastest pathway."""
    data = config.data
    return ClipShape(data.num_frames, data.sampling_rate, data.target_fps, data.frame_sampling)


def read_options(config: Config) -> ReadOptions:
    """How videos are decoded."""
    data = config.data
    return ReadOptions(
        decoder=data.decoder,
        frame_index=data.frame_index,
        min_decoded=data.min_decoded,
        timeout_sec=data.decode_timeout_sec,
        frame_template=data.frame_template,
        frame_fps=data.frame_fps,
    )


def labelled_records(config: Config, path: str) -> Records:
    """A list of videos and labels, checked against the number of classes."""
    data = config.data
    return read_records(
        path, multi_label=data.multi_label, num_classes=config.model.num_classes, separator=data.separator, prefix=data.prefix
    )


def build_pack(config: Config, network: nn.Layer, slow_rule: str = "linspace") -> PackPathways:
    """Normalisation and the frames of each pathway. A network without a spec takes every frame in one pathway."""
    frames = config.data.num_frames
    spec = getattr(network, "spec", None)
    per_pathway = [pathway.frames for pathway in spec.pathways] if spec else [frames]
    ratios = [frames // count for count in per_pathway]

    def indices(length: int) -> list[tuple[int, ...]]:
        return [slow_indices(length, ratio, slow_rule) for ratio in ratios]

    schedule = multigrid.schedule_of(config)
    lengths = {phase.shape.num_frames for phase in schedule.phases} if schedule else set()
    others = {length: indices(length) for length in lengths - {frames}}
    return PackPathways(config.data.mean, config.data.std, indices(frames), config.data.reverse_channels, others)


def clip_loader(config: Config, train: bool) -> Loader:
    """Training or validation clips of this process."""
    data = config.data
    records = labelled_records(config, data.train_list if train else data.val_list)
    check_present(records, data.max_skipped)
    dataset = ClipDataset(
        records,
        shape_of(config),
        train=train,
        crop_px=data.crop_px,
        short_side_px=data.short_side_px,
        inverse=data.short_side_inverse,
        flip=data.flip,
        resized=ResizedCrop(data.crop_area, data.crop_aspect) if data.train_crop == "resized" else None,
        seed=config.train.seed,
        num_classes=config.model.num_classes,
        options=read_options(config),
        augment=clip_augment(config),
        repeats=config.augment.repeats if train else 1,
        cache=FrameCache(data.cache_dir, data.short_side_px[1], resize_bilinear) if train and data.cache_dir else None,
    )
    rank, world = distributed.rank(), distributed.world_size()
    batch = config.train.batch_size // world
    if train:
        sampler = TrainSampler(
            len(dataset),
            batch // config.augment.repeats,
            seed=config.train.seed,
            rank=rank,
            world_size=world,
            labels=dataset.records.labels if data.balance_classes else None,
            cycle=_cycle(config, len(dataset)),
        )
    else:
        sampler = EvalSampler(len(dataset), batch, rank=rank, world_size=world)
    return loader_of(config, dataset, sampler, collate_clips)


def _cycle(config: Config, videos: int) -> Callable[[int], Cycle] | None:
    schedule, world = multigrid.schedule_of(config), distributed.world_size()
    if schedule is None:
        return None
    multigrid.check_fills(config, schedule, videos)
    return multigrid.cycle_of(config, schedule, world)


def clip_augment(config: Config) -> ClipAugment:
    """What happens to the pixels of a training clip after the crop."""
    augment, data = config.augment, config.data
    steps: list = []
    if augment.randaugment_layers:
        steps.append(RandAugment(augment.randaugment_layers, augment.randaugment_magnitude, augment.randaugment_noise))
    if augment.erase:
        steps.append(RandomErasing(augment.erase, augment.erase_mode, augment.erase_boxes, data.mean, data.std))
    return ClipAugment(tuple(steps))


def views_dataset(config: Config, records: Records, protocol: Protocol, **given) -> VideoViewsDataset:
    """All views of videos; `given` are frames in memory and their rate, see VideoViewsDataset."""
    test = config.test
    whole = test.views == "dense-space"
    return (WholeFrames if whole else VideoViewsDataset)(
        records,
        shape_of(config),
        num_clips=test.num_clips,
        num_crops=1 if whole else test.num_crops,
        short_side_px=test.short_side_px,
        crop_px=test.crop_px,
        protocol=protocol,
        options=read_options(config),
        **given,
    )


def test_loader(config: Config, records: Records, protocol: Protocol) -> Loader:
    """All views of each video of this process."""
    dataset = views_dataset(config, records, protocol)
    sampler = EvalSampler(len(dataset), rank=distributed.rank(), world_size=distributed.world_size())
    return loader_of(config, dataset, sampler, one_video)


def loader_of(config: Config, dataset, sampler, collate) -> Loader:
    """Reads a data set in the order of a sampler, with the configuration's readers."""
    return Loader(
        dataset,
        sampler,
        collate,
        num_workers=min(config.data.workers, len(dataset)),
        timeout_sec=config.data.decode_timeout_sec,
        max_skipped=config.data.max_skipped,
    )


def build_task(config: Config, pack: PackPathways) -> ClassificationTask:
    """Loss and shown numbers."""
    augment = config.augment
    mixing = Mixing(augment.mixup_alpha, augment.cutmix_alpha) if augment.mixup_alpha or augment.cutmix_alpha else None
    return ClassificationTask(pack, config.model.num_classes, config.data.multi_label, augment.label_smoothing, mixing)


def lr_policy(config: Config, steps: int | None = None) -> LrPolicy:
    """The schedule for this batch; the linear scaling rule is applied to every rate and said aloud.

    Args:
        steps: of the first epoch, if known. Parity: MMEngine's warm-up is over one step before its last epoch is.
    """
    optim, batch = config.optim, config.train.batch_size
    scale = scaled_lr(1.0, batch, optim.base_batch_size)
    if scale != 1.0:
        _logger.info(
            "learning rate %g x %d / %d = %g (optim.base_lr belongs to %d clips a step)",
            optim.base_lr, batch, optim.base_batch_size, optim.base_lr * scale, optim.base_batch_size,
        )  # fmt: skip
    fraction = optim.warmup_fraction
    schedule, epochs = multigrid.schedule_of(config), multigrid.epochs_of(config)
    warmup = warmup_length(epochs, None if fraction is not None else optim.warmup_epochs, fraction)
    if optim.warmup == "multiply" and steps is not None:
        warmup = max(warmup - 1 / steps, 0.0)
    stretches = schedule.lr_steps if schedule else list(zip(optim.steps, optim.relative_lrs))
    return LrPolicy(
        policy=optim.policy,
        base_lr=optim.base_lr * scale,
        epochs=epochs,
        warmup_epochs=warmup,
        warmup=optim.warmup,
        by_epoch=optim.by_epoch,
        cosine_after_warmup=optim.cosine_after_warmup,
        warmup_start_lr=optim.warmup_start_lr * scale,
        end_lr=optim.end_lr * scale,
        steps_epochs=[epoch for epoch, _ in stretches],
        steps_factors=[factor for _, factor in stretches],
    )


def optimizer(config: Config, network: nn.Layer, lr: float):
    """Update rule over the trainable parameters; what train.freeze_stages covers is frozen first."""
    optim = config.optim
    if frozen := freeze(network, _frozen_patterns(config.train.freeze_stages)):
        _logger.info(
            "frozen: %d parameters up to %s",
            len(frozen),
            "the stem" if config.train.freeze_stages == 1 else f"res{config.train.freeze_stages}",
        )
    rules = layer_decay_rules(optim.layer_decay) if optim.layer_decay < 1 else []
    rules.append(ParameterRule(r"head\..*", lr_scale=optim.head_lr_scale))
    own = [ParameterRule(rule.pattern, rule.lr_scale, rule.decay_scale) for rule in optim.rules]
    check_rules(network, own)
    groups = parameter_groups(network, optim.weight_decay, optim.norm_weight_decay, rules, own)
    return build_optimizer(optim.kind, groups, lr, optim.momentum, optim.nesterov, optim.betas, optim.trust)


def _frozen_patterns(stages: int) -> list[str]:
    """Name patterns of the stem (1) and res2.. (2..5) with the laterals that feed them."""
    parts = [r"stems\..*", *(rf"(laterals\.{i}|stages\.{i})\..*" for i in range(4))]
    return parts[:stages]


def train_options(config: Config) -> TrainOptions:
    """Plain values of the loop."""
    train = config.train
    return TrainOptions(
        epochs=multigrid.epochs_of(config),
        accumulate_steps=train.accumulate_steps,
        clip_grad_norm=config.optim.clip_grad_norm,
        clip_grad_value=config.optim.clip_grad_value,
        amp=train.amp,
        ema_decay=train.ema_decay,
        log_every_steps=train.log_every_steps,
        save_every_epochs=train.save_every_epochs,
        save_every_steps=train.save_every_steps,
        keep_last=train.keep_last,
        valid_every_epochs=train.valid_every_epochs,
        early_stop_validations=train.early_stop_validations,
        precise_bn_batches=train.precise_bn_batches,
        precise_bn_every_epochs=train.precise_bn_every_epochs,
        skip_nonfinite=train.skip_nonfinite,
        histograms_every_epochs=train.histograms_every_epochs if train.visualdl else 0,
        seed=train.seed,
    )
