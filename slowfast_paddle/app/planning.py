"""What a training run would take on this machine: a few measured steps and clips, and the settings that follow from them."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import paddle

from slowfast_paddle import distributed
from slowfast_paddle.app import build, multigrid
from slowfast_paddle.config.schema import Config
from slowfast_paddle.data.kinetics import Key
from slowfast_paddle.data.loader import Loader
from slowfast_paddle.doctor.machine import memory_bytes
from slowfast_paddle.engine.pace import memory_gb
from slowfast_paddle.engine.step import Stepper
from slowfast_paddle.layers.norm import set_splits

USABLE = 0.8  # share of the memory a process may take: readers, caches and fragments need the rest
_QUICK_SEC = 0.3  # steps shorter than this are measured with more clips, for memory to show above the noise


@dataclass(frozen=True)
class Measured:
    """One process on this machine.

    Attributes:
        fixed_sec, clip_sec: a step of n clips takes fixed_sec + n * clip_sec.
        fixed_gb, clip_gb: its memory likewise.
        read_sec: one reader's time for a training clip; None when no videos were read.
        memory_gb: memory for all processes of this machine; of one GPU where there is one.
        cores: processor cores.
        gpu: whether the network runs on one.
    """

    fixed_sec: float
    clip_sec: float
    fixed_gb: float
    clip_gb: float
    read_sec: float | None
    memory_gb: float
    cores: int
    gpu: bool

    def step_sec(self, clips: int) -> float:
        """The network's time for one forward, backward and update."""
        return self.fixed_sec + clips * self.clip_sec


@dataclass(frozen=True)
class Proposal:
    """Settings for this machine, and what to expect of them.

    Attributes:
        largest_batch: clips of one process in one forward; 0 when not even one fits.
        accumulate_steps, workers: values of train.accumulate_steps and data.workers.
        network_sec, reader_sec: of a step; reader_sec is what all proposed workers together need, None when not measured.
        step_sec: expected time of a step.
        limit: "network" or "reader".
        memory_gb: of one process.
        steps, hours: of the whole run.
    """

    largest_batch: int
    accumulate_steps: int
    workers: int
    network_sec: float
    reader_sec: float | None
    step_sec: float
    limit: str
    memory_gb: float
    steps: int
    hours: float


def propose(measured: Measured, batch: int, processes: int, steps: int, repeats: int = 1) -> Proposal:
    """The settings that keep the batch.

    Args:
        batch: clips a step over all processes.
        processes: of the job, all on this machine.
        steps: of the whole run.
        repeats: clips of a video that stay together (augment.repeats).
    """
    share = measured.memory_gb if measured.gpu else measured.memory_gb / processes
    largest = max(0, math.floor((USABLE * share - measured.fixed_gb) / max(measured.clip_gb, 1e-4)))
    clips = batch // processes
    parts = [n for n in range(1, clips + 1) if clips % n == 0 and (clips // n) % repeats == 0]
    accumulate = next((n for n in parts if clips // n <= largest), parts[-1])
    network_sec = accumulate * measured.step_sec(clips // accumulate)
    cores = max(1, measured.cores // processes)
    if measured.read_sec is None:
        workers, reader_sec, step_sec = cores, None, network_sec
    elif measured.gpu:
        workers = min(cores, math.ceil(measured.read_sec * clips / network_sec))
        reader_sec = measured.read_sec * clips / workers
        step_sec = max(network_sec, reader_sec)
    else:  # readers take the cores the network computes on
        workers = min(cores, math.ceil(measured.read_sec * clips / network_sec))
        reader_sec = measured.read_sec * clips / workers
        step_sec = network_sec + measured.read_sec * clips / cores
    return Proposal(
        largest_batch=largest,
        accumulate_steps=accumulate,
        workers=workers,
        network_sec=network_sec,
        reader_sec=reader_sec,
        step_sec=step_sec,
        limit="reader" if reader_sec is not None and reader_sec > network_sec else "network",
        memory_gb=measured.fixed_gb + clips // accumulate * measured.clip_gb,
        steps=steps,
        hours=steps * step_sec / 3600,
    )


def measure(config: Config, gpu: bool, loader: Loader | None, seconds: float) -> Measured:
    """Runs training steps on random clips and reads training clips, each for about `seconds`."""
    step = _step(config)
    small = _seconds(lambda: step(1), seconds / 2)
    small_gb, more = memory_gb(), 8 if small < _QUICK_SEC else 2
    large = _seconds(lambda: step(more), seconds / 2)
    clip_sec = (large - small) / (more - 1) if large > small else large / more  # other work on the machine hid the difference
    clip_gb = max((memory_gb() - small_gb) / (more - 1), 0.0)
    return Measured(
        fixed_sec=max(small - clip_sec, 0.0),
        clip_sec=clip_sec,
        fixed_gb=max(small_gb - clip_gb, 0.0),
        clip_gb=clip_gb,
        read_sec=None if loader is None else _read_sec(config, loader, seconds),
        memory_gb=_memory_gb(gpu),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        gpu=gpu,
    )


def steps_of(config: Config, videos: int) -> int:
    """Steps of the whole run over a list of so many videos; every step takes a whole batch."""
    schedule = multigrid.schedule_of(config)
    per_step = config.train.batch_size // config.augment.repeats
    if schedule is None:
        return config.train.epochs * (videos // per_step)
    multigrid.check_fills(config, schedule, videos)
    mean = [sum(shape.batch_factor for shape in phase.cycle) / len(phase.cycle) for phase in schedule.phases]
    lengths = [phase.end_epoch - phase.first_epoch for phase in schedule.phases]
    return sum(int(epochs * videos / (per_step * factor)) for epochs, factor in zip(lengths, mean))


def _step(config: Config) -> Callable[[int], None]:
    """A function that trains on so many random clips, as train.py would."""
    network = build.build_model(config)
    set_splits(network, 1)
    task = build.build_task(config, build.build_pack(config, network))
    policy = build.lr_policy(config)
    stepper = Stepper(network, task, build.optimizer(config, network, policy.at(0.0)), amp=config.train.amp)
    network.train()
    rng, data = np.random.default_rng(0), config.data

    def step(clips: int) -> None:
        label = np.zeros((clips, config.model.num_classes), np.float32) if data.multi_label else np.zeros(clips, np.int64)
        clip = rng.integers(0, 256, (clips, data.num_frames, data.crop_px, data.crop_px, 3), dtype=np.uint8)
        stepper.run({"clip": clip, "label": label, "index": np.arange(clips)}, 0.0, rng, lambda: False)

    return step


def _seconds(work: Callable[[], None], budget: float) -> float:
    """Shortest time after a first, unmeasured run, at least two measurements: other work on the machine only adds."""
    work()
    times: list[float] = []
    while len(times) < 2 or sum(times) < budget:
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def _read_sec(config: Config, loader: Loader, budget: float) -> float:
    """One process's time for a training clip, over the list in its shuffled order."""
    data, clips, started = loader.dataset, 0, time.perf_counter()
    order = np.random.default_rng(config.train.seed).permutation(len(data))
    while time.perf_counter() - started < budget:
        data[Key(0, int(order[clips // config.augment.repeats % len(order)]))]
        clips += config.augment.repeats
    return (time.perf_counter() - started) / clips


def _memory_gb(gpu: bool) -> float:
    """Memory a job may take: of the GPU, else of the machine, within the container's limit."""
    if gpu:
        return paddle.device.cuda.get_device_properties(distributed.rank()).total_memory / 1e9
    return memory_bytes() / 1e9
