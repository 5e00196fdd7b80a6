"""Processes of one job: a thin layer over paddle.distributed that does nothing in a single process.

The environment is the one `python -m paddle.distributed.launch` sets. Backend: nccl on GPU, gloo on CPU. Paddle is
imported only when a collective is needed, so that logging and `--help` stay light.
"""

import ctypes
import os
import signal
import sys
from typing import Any

import numpy as np

from slowfast_paddle.errors import ConfigError

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def rank() -> int:
    """This process's number, 0 .. world_size() - 1."""
    return int(os.environ.get("PADDLE_TRAINER_ID", "0"))


def world_size() -> int:
    """Number of processes of the job; 1 without a launcher."""
    return int(os.environ.get("PADDLE_TRAINERS_NUM", "1"))


def is_main() -> bool:
    """Whether this process writes files and prints."""
    return rank() == 0


def init(use_gpu: bool) -> None:
    """Choose the device and join the other processes, if there are any. Call once, before any tensor is made.

    Args:
        use_gpu: take this process's GPU; else CPU.

    Raises:
        ConfigError: a GPU is asked for and this Paddle or machine has none.
    """
    import paddle

    if use_gpu and not (paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0):
        raise ConfigError("use_gpu=true, but this Paddle sees no GPU; expected a GPU build on a GPU machine: use --use_gpu false")
    paddle.set_device("gpu" if use_gpu else "cpu")  # "gpu" is the one the launcher gave this process
    if world_size() == 1:
        return
    _stop_with_launcher()
    # Paddle: without this variable init_parallel_env insists on nccl even where no GPU exists (2.6, 3.x).
    os.environ["PADDLE_DISTRI_BACKEND"] = "nccl" if use_gpu else "gloo"
    # Paddle: DataParallel averages the memory of a gradient as if it were contiguous. That of a transposed weight is not, and
    # every rank would go on with numbers of its own (2.6, 3.3). Without strided kernels all tensors are contiguous.
    paddle.set_flags({"FLAGS_use_stride_kernel": False})
    paddle.distributed.init_parallel_env()


def _stop_with_launcher() -> None:
    """Have Linux send this process a SIGTERM when the launcher dies.

    Paddle: the launcher for gloo dies of SIGTERM without telling the ranks, which would train on as orphans (2.6, 3.3).
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))


def barrier() -> None:
    """Wait until every process is here."""
    if world_size() > 1:
        import paddle

        paddle.distributed.barrier()


def all_gather_object(value: Any) -> list[Any]:
    """Every rank's `value` (anything picklable), in rank order."""
    if world_size() == 1:
        return [value]
    import paddle

    gathered: list[Any] = []
    paddle.distributed.all_gather_object(gathered, value)
    return gathered


def all_sum(values: np.ndarray) -> np.ndarray:
    """Elementwise sum over the ranks.

    Args:
        values: float64 array of the same shape on every rank.
    """
    if world_size() == 1:
        return values
    import paddle

    total = paddle.to_tensor(values)
    paddle.distributed.all_reduce(total)
    return total.numpy()


def all_gather(values: np.ndarray) -> np.ndarray:
    """[ranks, ...]: every rank's `values`, float64 arrays of the same shape, in rank order."""
    if world_size() == 1:
        return values[None]
    import paddle

    gathered: list[Any] = []
    paddle.distributed.all_gather(gathered, paddle.to_tensor(values))
    return np.stack([part.numpy() for part in gathered])


def mean(value: float) -> float:
    """Mean over the ranks of one number."""
    return float(all_sum(np.asarray([value], dtype="float64"))[0]) / world_size()


def broadcast_object(value: Any) -> Any:
    """Rank 0's `value` on every rank, so that one process decides for all."""
    return all_gather_object(value if is_main() else None)[0]
