"""CPU prediction at full speed: the network compiled once per input shape, checked, and used in its place.

Paddle's dygraph convolutions unfold the whole input and take ten times as long as oneDNN's. A CompiledNetwork is
called like the network it stands for and gives the same logits within TOLERANCE.
"""

import contextlib
import logging
import platform
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import paddle

from slowfast_paddle.errors import ExportError
from slowfast_paddle.export.cache import cached_folder, default_cache_dir, network_digest
from slowfast_paddle.export.program import Program, save_program

TOLERANCE = 1e-4  # of the largest logit; measured for SlowFast 4x16 R50: 1e-6
MAX_SHAPES = 4  # each holds the weights once more; an input of yet another shape takes the dygraph path
_log = logging.getLogger(__name__)


class CompiledNetwork:
    """Stands in for a network in eval mode on the CPU. Thread-safe.

    The first call with a new shape compiles (or loads a cached program) and compares one clip with the network itself.
    When compiling fails or the outputs differ, it says so once and the network answers.
    """

    def __init__(
        self,
        network: paddle.nn.Layer,
        cache_dir: str | Path | None = None,
        threads: int | None = None,
        example: Sequence[np.ndarray] | None = None,
    ) -> None:
        """Wraps `network`; nothing is compiled yet.

        Args:
            example: pathways to compile and verify with; one program then takes clips of every length and size.
            network: in eval mode, on the CPU; its weights must not change afterwards.
            cache_dir: where programs are kept; None for the user's cache folder.
            threads: CPU threads; None for the process's share of the cores.
        """
        assert not network.training, "compile a network in eval mode"
        self.network = network
        self._cache_dir = Path(cache_dir) if cache_dir is not None else default_cache_dir()
        self._threads = threads
        self._example = None if example is None else [np.asarray(value) for value in example]
        self._programs: dict[tuple, Program | None] = {}
        self._lock = threading.Lock()

    def __call__(self, pathways: Sequence, *extras) -> paddle.Tensor:
        """Logits of a batch, as the network gives them.

        Shapes:
            pathways: [B, 3, T_p, H, W] float32 each, tensors or arrays; extras: boxes [R, 4], boxes_num [B].
            Returns: [B, positions, classes], or [R, classes] for a region network.
        """
        arrays = [np.asarray(value) for value in (*pathways, *extras)]
        program = self._program(arrays, len(pathways))
        if program is None:
            return run_dygraph(self.network, arrays, len(pathways))
        return paddle.to_tensor(program(arrays))

    def compiled(self) -> bool:
        """True when at least one shape runs compiled (for logs and result stamps)."""
        return any(program is not None for program in self._programs.values())

    def _program(self, arrays: list[np.ndarray], pathways: int) -> Program | None:
        shape = tuple(array.shape[1:] for array in arrays) if self._example is None else ()
        with self._lock:
            if shape not in self._programs:
                full = len(self._programs) >= MAX_SHAPES
                self._programs[shape] = None if full else self._compile_or_warn(self._example or arrays, pathways)
                if full:
                    _log.warning("more than %d input shapes; further ones run without compiling, slowly", MAX_SHAPES)
            return self._programs[shape]

    def _compile_or_warn(self, arrays: list[np.ndarray], pathways: int) -> Program | None:
        try:
            return self._compile(arrays, pathways)
        except ExportError as err:
            _log.warning("prediction runs uncompiled, about ten times slower: %s", err)
            return None

    def _compile(self, arrays: list[np.ndarray], pathways: int) -> Program:
        free_sizes = self._example is not None

        def build(folder: Path) -> None:
            save_program(self.network, arrays, pathways, folder, free_sizes)

        key = network_digest(self.network, arrays, free_sizes)
        try:
            folder = cached_folder(self._cache_dir, key, build)
        except OSError as err:
            _log.warning("%s: cannot keep compiled programs (%s); set SLOWFAST_CACHE", self._cache_dir, err.strerror)
            with tempfile.TemporaryDirectory() as scratch:  # the program is read whole when it is loaded
                build(Path(scratch))
                program = Program(Path(scratch), self._threads)
            verify(program, self.network, arrays, pathways)
            return program
        program = Program(folder, self._threads)
        record = folder / "verified"
        here = f"{platform.machine()} {_cpu_model()}"
        if not record.is_file() or record.read_text() != here:
            difference = verify(program, self.network, arrays, pathways)
            with contextlib.suppress(OSError):  # a cache shared read-only is verified by every process
                record.write_text(here)
            _log.info("compiled for the CPU; largest difference to dygraph %.1e of the largest logit", difference)
        return program


def verify(program: Program, network: paddle.nn.Layer, arrays: list[np.ndarray], pathways: int) -> float:
    """Compares the program with the network on the first clip; returns the difference as a share of the largest logit.

    Raises:
        ExportError: they differ by more than TOLERANCE, or in shape.
    """
    first = arrays if len(arrays) > pathways else [array[:1] for array in arrays]
    expected = run_dygraph(network, first, pathways).numpy()
    got = program(first)
    if got.shape != expected.shape:
        raise ExportError(f"the compiled output is {list(got.shape)}, the network's {list(expected.shape)}")
    difference = float(np.abs(got - expected).max() / max(1.0, float(np.abs(expected).max()))) if got.size else 0.0
    if not difference <= TOLERANCE:  # also when it is not a number
        raise ExportError(
            f"the compiled output differs by {difference:.1e} of the largest logit; at most {TOLERANCE:.0e} is allowed"
        )
    return difference


def run_dygraph(network: paddle.nn.Layer, arrays: list[np.ndarray], pathways: int) -> paddle.Tensor:
    """Runs the network itself on arrays."""
    with paddle.no_grad():
        tensors = [paddle.to_tensor(array) for array in arrays]
        return network(tuple(tensors[:pathways]), *tensors[pathways:])


def _cpu_model() -> str:
    """Name of the processor: a program verified on one may take other kernels on another."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return ""
    return next((line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")), "")
