"""A network as a static program: saved by paddle.jit, run by Paddle Inference on the CPU."""

import contextlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import paddle
from paddle import inference

from slowfast_paddle import cpu
from slowfast_paddle.errors import ExportError
from slowfast_paddle.locks import PADDLE, ForkLock

STEM = "network"
GRAPH_SUFFIXES = (".json", ".pdmodel")  # Paddle 3 writes the first, 2.6 the second
PATHWAY_NAMES = {1: ("clip",), 2: ("slow", "fast")}
# What Paddle raises from tracing, saving and running; anything else is a bug of ours and keeps its traceback.
PADDLE_ERRORS = (RuntimeError, ValueError, NotImplementedError, OSError)


def meet_paddle() -> None:
    """Paddle: a thread that first meets Paddle while another traces begins in static mode, and stays there."""
    with PADDLE:
        paddle.in_dynamic_mode()


def input_names(pathways: int, extras: int = 0) -> list[str]:
    """Names of the program's inputs: "clip" or "slow", "fast"; then "boxes", "boxes_num" of region networks."""
    return [*PATHWAY_NAMES[pathways], *("boxes", "boxes_num")[:extras]]


def save_program(
    network: paddle.nn.Layer, inputs: Sequence[np.ndarray], pathways: int, folder: Path, free_sizes: bool = False
) -> None:
    """Traces the network in eval mode and writes `network.json|.pdmodel` and `network.pdiparams`.

    Args:
        network: in eval mode; forward(pathways) or forward(pathways, boxes, boxes_num).
        inputs: one example per input, pathways first. Their first axis (batch, or boxes) becomes free.
        pathways: how many of the inputs are pathways.
        folder: existing folder to write into.
        free_sizes: everything but the channels becomes free.

    Raises:
        ExportError: Paddle cannot trace or write it.
    """
    names = input_names(pathways, len(inputs) - pathways)
    shapes = [array.shape[1:2] + (None,) * (array.ndim - 2) if free_sizes else array.shape[1:] for array in inputs]
    specs = [paddle.static.InputSpec([None, *shape], array.dtype.name, name) for name, array, shape in zip(names, inputs, shapes)]
    try:
        with PADDLE, _forwards_kept(network), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Paddle warns of what its own rewriting does
            paddle.jit.save(network, str(folder / STEM), input_spec=[tuple(specs[:pathways]), *specs[pathways:]])
    except PADDLE_ERRORS as err:
        raise ExportError(f"{type(network).__name__}: Paddle cannot turn it into a program ({first_line(err)})") from err


@contextlib.contextmanager
def _forwards_kept(network: paddle.nn.Layer) -> Iterator[None]:
    """Undoes what tracing does to the network.

    Paddle: tracing leaves a rewritten `forward` on every sublayer (2.6 and 3.x), also when it fails half-way, and
    dygraph would go on to run that.
    """
    before = [(layer, vars(layer).get("forward")) for layer in network.sublayers(include_self=True)]
    try:
        yield
    finally:
        for layer, forward in before:
            if forward is not None:
                layer.forward = forward
            else:
                vars(layer).pop("forward", None)


def graph_file(folder: Path) -> Path:
    """The graph of a saved program.

    Raises:
        ExportError: the folder holds none, or lacks its weights.
    """
    found = [folder / (STEM + suffix) for suffix in GRAPH_SUFFIXES if (folder / (STEM + suffix)).is_file()]
    if not found or not (folder / f"{STEM}.pdiparams").is_file():
        raise ExportError(f"{folder}: holds no saved program; expected {STEM}.json or {STEM}.pdmodel and {STEM}.pdiparams")
    return found[0]


def cpu_threads() -> int:
    """Threads for this process: the user's MKL_NUM_THREADS or OMP_NUM_THREADS, else its share of the cores."""
    chosen = os.environ.get("MKL_NUM_THREADS") or ""
    if chosen.isdigit() and int(chosen) > 0:
        return int(chosen)
    return len(cpu.own_cores(os.environ, _cores()))


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


@contextlib.contextmanager
def _on_own_cores() -> Iterator[None]:
    """OpenVINO binds its threads to the first cores it sees: each process of a job must see others."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpu.own_cores(os.environ, sorted(before)))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def use_onednn(config: inference.Config) -> None:
    """Lets oneDNN run the program."""
    config.enable_mkldnn()
    config.set_mkldnn_cache_capacity(8)  # the batch varies: keep the kernels of a few sizes, not of all
    # Paddle: enable_memory_optim() makes create_predictor raise in 3.3.1 for a .json program, so it stays off.


class Program:
    """A saved program, loaded and ready. One call runs at a time; threads wait for each other."""

    def __init__(
        self, folder: Path, threads: int | None = None, use_engine: Callable[[inference.Config], None] = use_onednn
    ) -> None:
        """Loads the program.

        Args:
            folder: as `save_program` filled it.
            threads: CPU threads; None for the process's share of the cores.
            use_engine: sets what runs it.

        Raises:
            ExportError: files are missing or Paddle Inference refuses them.
        """
        config = inference.Config(str(graph_file(folder)), str(folder / f"{STEM}.pdiparams"))
        config.disable_gpu()
        config.disable_glog_info()
        config.set_cpu_math_library_num_threads(threads or cpu_threads())
        use_engine(config)
        # Paddle: OpenVINO leaves a copy of the weights in ./__cache__ unless told where; loading it again saves no time.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch, _on_own_cores(), PADDLE:
            config.set_optim_cache_dir(scratch)
            try:
                self._predictor = inference.create_predictor(config)
            except PADDLE_ERRORS as err:
                raise ExportError(f"{folder}: Paddle Inference cannot load the program ({first_line(err)})") from err
        self.names = list(self._predictor.get_input_names())
        self._lock = ForkLock()
        self._running = False

    def __call__(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Runs the program on one array per input and returns its one output.

        Raises:
            ExportError: Paddle Inference fails.
        """
        with self._lock:
            if self._running:  # in another thread of the process this one was forked from; it is not going on here
                raise ExportError(
                    "the process was forked while another thread predicted, which the compiled program does not survive; "
                    "make the Predictor after the fork, or start processes with 'spawn'"
                )
            self._running = True
            try:
                for name, array in zip(self.names, arrays, strict=True):
                    self._predictor.get_input_handle(name).copy_from_cpu(np.ascontiguousarray(array))
                self._predictor.run()
                return self._predictor.get_output_handle(self._predictor.get_output_names()[0]).copy_to_cpu()
            except PADDLE_ERRORS as err:
                raise ExportError(f"the compiled program failed ({first_line(err)})") from err
            finally:
                self._running = False


def first_line(err: BaseException) -> str:
    """The part of a Paddle error a person can use: its stack traces run to pages."""
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    marked = [line for line in lines if "Error:" in line]
    return (marked or lines or [type(err).__name__])[0][:200]
