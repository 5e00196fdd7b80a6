"""A network, a loader and a run small enough to repeat many times; `python -m` runs it as a process that can be killed."""

import argparse
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import paddle
from paddle import nn

from slowfast_paddle import checkpoint, distributed, log
from slowfast_paddle.engine.options import TrainOptions
from slowfast_paddle.engine.task import ClassificationTask
from slowfast_paddle.engine.trainer import Trainer
from slowfast_paddle.errors import SlowFastError
from slowfast_paddle.optim.lr_policy import LrPolicy
from slowfast_paddle.optim.optimizer import build_optimizer, parameter_groups

CLASSES = 3


class TinyNet(nn.Layer):
    """One pathway; [B, C] in training, [B, 1, C] in evaluation, like the real networks."""

    def __init__(self, dropout=0.5):
        super().__init__()
        self.conv = nn.Conv3D(3, 4, 1, bias_attr=False)
        self.bn = nn.BatchNorm3D(4)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(4, CLASSES)

    def forward(self, pathways):
        x = nn.functional.relu(self.bn(self.conv(pathways[0]))).mean([2, 3, 4])
        logits = self.fc(self.dropout(x))
        return logits if self.training else logits.unsqueeze(1)


def pack(clips):
    """uint8 [B, T, H, W, 3] to one pathway."""
    return ((paddle.to_tensor(clips).astype("float32") / 255.0).transpose([0, 4, 1, 2, 3]),)


class FakeLoader:
    """Batches that depend on epoch and step alone; rank r takes its share of each global batch."""

    def __init__(self, steps=4, batch=4, delay=0.0, poison=None, skipped=()):
        self.steps, self.batch, self.delay, self.poison, self.skipped = steps, batch, delay, poison, list(skipped)
        self.epoch = self.step = 0

    def __len__(self):
        return self.steps

    def length(self, epoch):
        return self.steps

    def set_position(self, epoch, step=0):
        self.epoch, self.step = epoch, step

    def full_size_batches(self, epoch):
        self.set_position(epoch)
        return iter(self)

    def __iter__(self):
        for step in range(self.step, self.steps):
            time.sleep(self.delay)
            rng = np.random.default_rng((self.epoch, step))
            batch = {
                "clip": rng.integers(0, 256, (self.batch, 2, 4, 4, 3), dtype=np.uint8),
                "label": rng.integers(0, CLASSES, self.batch),
                "index": np.arange(self.batch) + step * self.batch,
            }
            share = slice(distributed.rank(), None, distributed.world_size())
            batch = {name: value[share] for name, value in batch.items()}
            yield {**batch, "skipped": self.skipped, "poisoned": (self.epoch, step) == self.poison}


class PoisonedTask(ClassificationTask):
    """Makes the loss of marked batches infinite."""

    def split(self, batch, parts):
        for part in super().split(batch, parts):
            yield {**part, "poisoned": batch.get("poisoned", False)}

    def forward(self, network, batch, rng=None):
        logits, target = super().forward(network, batch, rng)
        return (logits * float("inf") if batch.get("poisoned") else logits), target


class Told:
    """A SIGTERM that a process sends itself, once, when something is done the n-th time."""

    def __init__(self, count):
        self.left = count

    def __call__(self):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGTERM)


class ToldTask(PoisonedTask):
    """Tells the process to stop in the middle of a step."""

    def __init__(self, told):
        super().__init__(pack, CLASSES)
        self.told = told

    def loss(self, logits, target):
        self.told()
        return super().loss(logits, target)


def make_trainer(save_dir, loader=None, options=None, kind="sgd", dropout=0.5, **more):
    """A trainer whose initial weights are always the same."""
    paddle.seed(0)
    options = options or TrainOptions(epochs=3)
    network = TinyNet(dropout)
    optimizer = build_optimizer(kind, parameter_groups(network, 1e-4), lr=0.1)
    policy = LrPolicy("cosine", base_lr=0.1, epochs=options.epochs, warmup_epochs=1, warmup_start_lr=0.01)
    more.setdefault("task", PoisonedTask(pack, CLASSES))
    return Trainer(
        network=network,
        optimizer=optimizer,
        lr_at=policy.at,
        loader=loader or FakeLoader(),
        options=options,
        save_dir=save_dir,
        **more,
    )


def state_of(network):
    """Copies of all weights."""
    return {name: value.numpy().copy() for name, value in network.state_dict().items()}


def assert_equal_states(first, second):
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def main():
    """Train in this process, resuming by itself; every rank writes its final weights beside the checkpoints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--every", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--valid-sec", type=float, default=0.0)
    parser.add_argument("--precise", type=int, default=2)
    parser.add_argument("--ema", type=float, default=0.0)
    parser.add_argument("--told-in-step", type=int, default=0)
    parser.add_argument("--told-in-validation", type=int, default=0)
    parser.add_argument("--told-ranks", type=int, nargs="*", default=[0, 1])
    args = parser.parse_args()
    log.setup()
    distributed.init(use_gpu=False)
    mine = distributed.rank() in args.told_ranks
    in_step, in_validation = Told(args.told_in_step * mine), Told(args.told_in_validation * mine)

    def validate(network):
        in_validation()
        for _ in range(int(args.valid_sec * 100)):
            time.sleep(0.01)
        return {"top1": 0.5}

    trainer = make_trainer(
        args.folder,
        FakeLoader(steps=6, delay=args.delay),
        TrainOptions(
            epochs=args.epochs,
            save_every_steps=args.every,
            log_every_steps=1,
            precise_bn_batches=args.precise,
            ema_decay=args.ema,
        ),
        validate=validate,
        task=ToldTask(in_step),
    )
    try:
        result = trainer.fit(resume=checkpoint.find_latest(args.folder))
    except SlowFastError as err:
        print(err, flush=True)
        return err.exit_code
    if not result.exit_code:
        averaged = {f"ema.{name}": value for name, value in trainer._ema.weights().items()} if args.ema else {}
        np.savez(args.folder / f"final{distributed.rank()}.npz", **state_of(trainer.network), **averaged)
        (args.folder / "metrics.json").write_text(json.dumps(result.metrics))
    return result.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
