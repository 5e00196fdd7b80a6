"""The machine a run sees: device, processes, and the batch that fits them."""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

import paddle

from slowfast_paddle import distributed, log
from slowfast_paddle.cli import Runtime
from slowfast_paddle.config.schema import Config
from slowfast_paddle.errors import ConfigError

_logger = log.get(__name__)


@dataclass(frozen=True)
class Machine:
    """What the process computes on.

    Attributes:
        gpu: whether tensors live on a GPU.
        rank, world_size: this process among those of the launcher.
    """

    gpu: bool
    rank: int
    world_size: int


def start(runtime: Runtime, log_file: Path | None = None) -> Machine:
    """Sets up device, processes and logging, and imports the user's plugins.

    Raises:
        ConfigError: a GPU that is not there, several processes without data parallelism, a missing plugin.
    """
    available = paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0
    gpu = runtime.use_gpu == "true" or (runtime.use_gpu == "auto" and available)
    if not runtime.data_parallel and distributed.world_size() > 1:
        raise ConfigError(
            f"--use_data_parallel false, but the launcher started {distributed.world_size()} processes; start the script alone"
        )
    paddle.disable_signal_handler()  # Paddle prints a C++ trace for every process that is told to stop
    distributed.init(gpu)
    log.setup(log_file)
    for plugin in runtime.plugins:
        import_plugin(Path(plugin))
    return Machine(gpu, distributed.rank(), distributed.world_size())


def compute_deterministically(config: Config, machine: Machine) -> None:
    """Same run, same weights. On CPU they are anyway, as long as the number of threads and processes is the same.

    Raises:
        ConfigError: action detection on a GPU.
    """
    if not machine.gpu:
        return
    if config.model.head.kind == "roi":
        raise ConfigError(
            "train.deterministic: the gradient of RoIAlign adds in any order on a GPU, and Paddle has no other kernel; train "
            "action detection without it, or on the CPU"
        )
    # Paddle: the search picks the fastest algorithm of the moment, which may differ from run to run.
    paddle.set_flags({"FLAGS_cudnn_deterministic": True, "FLAGS_cudnn_exhaustive_search": False})


def finish(here: Machine, failed: int) -> int:
    """Exit code when all is written: 3 when items failed, said by rank 0 alone.

    The launcher kills every process as soon as one ends with a code other than 0, and may then report that death.
    """
    distributed.barrier()
    return 3 if failed and here.rank == 0 else 0


def import_plugin(path: Path) -> None:
    """Runs a user's file, named on the command line and nowhere else: configurations never run code."""
    if not path.is_file():
        raise ConfigError(f"--plugin {path}: no such file; expected a Python file that registers architectures or heads")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)


def fit_batch(config: Config, machine: Machine, batch_size_given: bool) -> Config:
    """The training batch for this machine: on CPU the small one of the configuration, unless one was asked for.

    Raises:
        ConfigError: the batch does not divide among processes and accumulation steps.
    """
    train = config.train
    if not machine.gpu and train.cpu_clips_per_process and not batch_size_given:
        batch = train.cpu_clips_per_process * machine.world_size
        _logger.info(
            "no GPU: %d clips a step (%d in each of %d processes) instead of %d; --batch_size sets another number",
            batch, train.cpu_clips_per_process, machine.world_size, train.batch_size,
        )  # fmt: skip
        config = config.model_copy(update={"train": train.model_copy(update={"batch_size": batch, "accumulate_steps": 1})})
    parts = machine.world_size * config.train.accumulate_steps * config.augment.repeats
    if config.train.batch_size % parts:
        repeats = f" x {config.augment.repeats} clips of a video (augment.repeats)" if config.augment.repeats > 1 else ""
        raise ConfigError(
            f"train.batch_size {config.train.batch_size} is not divisible by {machine.world_size} processes x "
            f"{config.train.accumulate_steps} accumulation steps{repeats}; use a multiple of {parts}"
        )
    return config
