"""train.py: fit a network and leave checkpoints, curves and the resolved configuration behind."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import paddle
from paddle import nn

from slowfast_paddle import checkpoint, distributed, log
from slowfast_paddle.app import build, detection, machine, multigrid
from slowfast_paddle.cli import Resume, Runtime
from slowfast_paddle.config.load import dump_config
from slowfast_paddle.config.schema import Config
from slowfast_paddle.convert.finetune import load_backbone
from slowfast_paddle.data.loader import Loader
from slowfast_paddle.engine.curves import open_curves
from slowfast_paddle.engine.task import Task
from slowfast_paddle.engine.trainer import FitResult, Trainer, Validate
from slowfast_paddle.engine.validation import validate
from slowfast_paddle.errors import CheckpointError, ConfigError
from slowfast_paddle.metrics.curve_file import JSONL_NAME
from slowfast_paddle.viz.curves import draw_curves

_logger = log.get(__name__)


def train(
    config: Config,
    *,
    runtime: Runtime,
    weights: str | None = None,
    finetune: bool = False,
    resume: Resume = Resume(),  # noqa: B008  frozen
    batch_size_given: bool = False,
) -> int:
    """Trains; returns the exit code.

    Args:
        weights: initial weights, loaded strictly, or without the classifier when `finetune`.
        resume: continue an interrupted run.
        batch_size_given: whether train.batch_size was asked for explicitly.
    """
    folder = Path(config.train.save_dir)
    here = machine.start(runtime, folder / "train.log")
    config = machine.fit_batch(config, here, batch_size_given)
    if config.train.deterministic:
        machine.compute_deterministically(config, here)
    start = _resume_from(folder, resume)
    if finetune and weights is None and start is None:
        raise ConfigError("--finetune: nothing to start from; name the trained weights with --weights FILE")
    paddle.seed(config.train.seed)
    network = build.build_model(config)
    if start is None and weights is not None:
        _load_initial(network, weights, finetune)
    elif start is None and config.train.freeze_stages:
        _logger.warning("train.freeze_stages %d freezes random weights; start from trained ones with --weights FILE --finetune",
                        config.train.freeze_stages)  # fmt: skip
    if here.rank == 0:
        _write_config(folder, config)
    result = _fit(config, network, folder, start)
    if distributed.is_main() and (folder / JSONL_NAME).exists():
        draw_curves(folder / JSONL_NAME, folder / "curves.png")
        _logger.info("checkpoint %s, curves %s", result.checkpoint, folder / "curves.png")
    return result.exit_code or _test(config, here, result)


def _fit(config: Config, network: nn.Layer, folder: Path, start: Path | None) -> FitResult:
    train = config.train
    boxes = detection.wanted(config)
    pack = build.build_pack(config, network)
    task = detection.build_task(config, pack) if boxes else build.build_task(config, pack)
    train_loader = detection.train_loader(config) if boxes else build.clip_loader(config, train=True)
    policy = build.lr_policy(config, len(train_loader))
    optimizer = build.optimizer(config, network, policy.at(0.0))
    with train_loader as loader, _validation_loader(config) as val_loader:
        _logger.info("%d training samples, %d steps an epoch", len(loader.dataset), len(loader))
        visualdl = Path(train.visualdl_dir or folder / "vdl") if train.visualdl else None
        trainer = Trainer(
            network,
            task,
            optimizer,
            policy.at,
            loader,
            build.train_options(config),
            folder,
            validate=_validation(config, task, val_loader) if train.valid_every_epochs else None,
            curves=open_curves(folder, visualdl),
            facts=_facts(config),
            clip_name=loader.dataset.name,
            before_epoch=multigrid.before_epoch(config, network, distributed.world_size()),
        )
        return trainer.fit(start)


def _validation_loader(config: Config) -> AbstractContextManager[Loader | None]:
    if not config.train.valid_every_epochs:
        return nullcontext()
    if detection.wanted(config):
        return detection.test_loader(config, config.detection.valid_every_sec)
    return build.clip_loader(config, train=False)


def _validation(config: Config, task: Task, loader: Loader) -> Validate:
    if detection.wanted(config):
        return detection.validation(config, task, loader)
    return lambda network: validate(network, task, loader)


def _facts(config: Config) -> dict[str, Any]:
    """What every sidecar says, so that weights need nothing else to be used."""
    return {
        "config": config.model_dump(mode="json"),
        "class_names": detection.names_of(config) if detection.wanted(config) else build.names_of(config),
        "protocol": {"name": config.test.protocol or "pyslowfast"},
        "source": None,
    }


def _write_config(folder: Path, config: Config) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    except OSError as err:
        raise CheckpointError(f"{folder}: cannot be written ({err.strerror}); choose a writable folder with --save_dir") from err


def _resume_from(folder: Path, resume: Resume) -> Path | None:
    """The checkpoint to continue from, chosen by rank 0 for all.

    Raises:
        CheckpointError: nothing to resume from, or a fresh start would mix with the checkpoints of an earlier run.
    """
    if resume.mode == "no":
        if older := distributed.broadcast_object(checkpoint.in_order(folder) if distributed.is_main() else None):
            raise CheckpointError(
                f"{folder}: holds an earlier run up to {older[-1].name}; continue it with --resume (or --auto_resume), "
                "choose another --save_dir, or remove it"
            )
        return None
    found: Path | None = None
    if distributed.is_main():
        if resume.path is not None:
            found = checkpoint.stem(resume.path)
        elif resume.epoch is not None:
            found = folder / f"slowfast_epoch{resume.epoch}"
        else:
            found = checkpoint.find_latest(folder)
    found = distributed.broadcast_object(found)
    if found is None and resume.mode == "required":
        raise CheckpointError(
            f"{folder}: no intact checkpoint to resume from; drop --resume to start afresh, or use --auto_resume"
        )
    return found


def _load_initial(network: nn.Layer, weights: str, finetune: bool) -> None:
    state = checkpoint.load_state(weights)
    if finetune:
        load_backbone(network, state)
    else:
        checkpoint.load_weights(network, state, weights)
    _logger.info("started from %s", weights)


def _test(config: Config, here: machine.Machine, result: FitResult) -> int:
    """The multi-view tests asked for by train.test_last and train.test_best; the largest of their exit codes."""
    from slowfast_paddle.app.testing import test

    folder, codes = Path(config.train.save_dir), [0]
    chosen = {"last": result.checkpoint if config.train.test_last else None}
    if config.train.test_best and result.best:
        chosen["best"] = folder / result.best["checkpoint"]
    for name, path in chosen.items():
        if path is not None:
            _logger.info("testing the %s checkpoint, %s", name, path)
            saved = config.test.model_copy(update={"save_path": str(folder / f"test_{name}")})
            codes.append(test(config.model_copy(update={"test": saved}), here=here, weights=str(path)))
    return max(codes)
