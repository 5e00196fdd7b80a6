"""CPU prediction at full speed: the network compiled once per input shape, checked, and used in its place.

Paddle's dygraph convolutions unfold the whole input and take several times as long as OpenVINO's or oneDNN's. A
CompiledNetwork is called like the network it stands for and gives the same logits within the engine's tolerance.
"""

import contextlib
import logging
import platform
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import paddle

from slowfast_paddle.errors import ExportError
from slowfast_paddle.export.cache import cached_folder, default_cache_dir, kept_folder, network_digest
from slowfast_paddle.export.engines import Engine, engines
from slowfast_paddle.export.program import Program, meet_paddle
from slowfast_paddle.locks import PADDLE, ForkLock

MAX_SHAPES = 4  # each holds the weights once more; an input of yet another shape takes the dygraph path
_log = logging.getLogger(__name__)
# Programs whose network is gone, for the next one like it, where dropping them would give no memory back.
_spare: dict[tuple, list[Program]] = {}


class CompiledNetwork:
    """Stands in for a network in eval mode on the CPU. Thread-safe.

    The first call with a new shape compiles (or loads a cached program) for the fastest engine that gives the network's
    answer for one clip. When none does, it says so once and the network answers.
    """

    def __init__(
        self,
        network: paddle.nn.Layer,
        cache_dir: str | Path | None = None,
        threads: int | None = None,
        example: Sequence[np.ndarray] | None = None,
        precision: str = "float32",
    ) -> None:
        """Wraps `network`; nothing is compiled yet.

        Args:
            example: pathways to compile and verify with; one program then takes clips of every length and size.
            precision: "float32" or "bfloat16".
            network: in eval mode, on the CPU; its weights must not change afterwards.
            cache_dir: where programs are kept; None for the user's cache folder.
            threads: CPU threads; None for the process's share of the cores.
        """
        assert not network.training, "compile a network in eval mode"
        self.network = network
        self._cache_dir = Path(cache_dir) if cache_dir is not None else default_cache_dir()
        self._threads = threads
        self._example = None if example is None else [np.asarray(value) for value in example]
        self._precision = precision
        self._programs: dict[tuple, Program | None] = {}
        self._lock = ForkLock()

    def __call__(self, pathways: Sequence, *extras) -> paddle.Tensor:
        """Logits of a batch, as the network gives them.

        Shapes:
            pathways: [B, 3, T_p, H, W] float32 each, tensors or arrays; extras: boxes [R, 4], boxes_num [B].
            Returns: [B, positions, classes], or [R, classes] for a region network.
        """
        meet_paddle()
        arrays = [np.asarray(value) for value in (*pathways, *extras)]
        program = self._program(arrays, len(pathways))
        if program is None:
            return run_dygraph(self.network, arrays, len(pathways))
        return paddle.to_tensor(program(arrays))

    def prepare(self, pathways: Sequence[np.ndarray]) -> None:
        """Loads the program for inputs like these (values do not matter) if it was kept and verified on this machine.

        Otherwise nothing happens: the first call compiles, and verifies with what it is given.
        """
        arrays = self._example or list(pathways)
        with self._lock, contextlib.suppress(ExportError):  # what cannot be loaded is reported by the first call
            key, engine = next(iter(self._keys(arrays).items()))
            if self._shape(arrays) in self._programs or not self._is_verified(self._cache_dir / key):
                return
            if folder := kept_folder(self._cache_dir, key):
                self._programs[self._shape(arrays)] = self._load(folder, engine)

    def compiled(self) -> bool:
        """True when at least one shape runs compiled (for logs and result stamps)."""
        return any(program is not None for program in self._programs.values())

    def _program(self, arrays: list[np.ndarray], pathways: int) -> Program | None:
        shape = self._shape(arrays)
        with self._lock:
            if shape not in self._programs:
                full = len(self._programs) >= MAX_SHAPES
                self._programs[shape] = None if full else self._compile_or_warn(self._example or arrays, pathways)
                if full:
                    _log.warning("more than %d input shapes; further ones run without compiling, slowly", MAX_SHAPES)
            return self._programs[shape]

    def _shape(self, arrays: Sequence[np.ndarray]) -> tuple:
        """What decides which program takes these inputs."""
        return tuple(array.shape[1:] for array in arrays) if self._example is None else ()

    def _keys(self, arrays: Sequence[np.ndarray]) -> dict[str, Engine]:
        """Names of the programs for such inputs in the cache, the one to try first in front.

        What is cached, damaged or not, precedes what is fast: an engine that could not take this network is not asked again
        in every process.
        """
        digest = network_digest(self.network, arrays, free_sizes=self._example is not None)
        keys = {f"{engine.name.lower()}-{digest[:32]}": engine for engine in engines(self._precision)}
        return dict(sorted(keys.items(), key=lambda item: not (self._cache_dir / item[0]).exists()))

    def _compile_or_warn(self, arrays: list[np.ndarray], pathways: int) -> Program | None:
        reasons = []
        for key, engine in self._keys(arrays).items():
            try:
                return self._compile(engine, key, arrays, pathways)
            except ExportError as err:
                reasons.append(f"{engine.name}: {err}")
        if self._precision != "float32":  # float32 instead would be another answer than the one asked for
            raise ExportError(f"cannot compute in {self._precision} ({'; '.join(reasons)}); set test.precision=float32")
        _log.warning("prediction runs uncompiled, several times slower: %s", "; ".join(reasons))
        return None

    def _compile(self, engine: Engine, key: str, arrays: list[np.ndarray], pathways: int) -> Program:
        free_sizes = self._example is not None

        def build(folder: Path) -> None:
            engine.save(self.network, arrays, pathways, folder, free_sizes)

        tolerance = engine.tolerance[self._precision]
        try:
            with PADDLE:  # threads that want the same program wait for the first to build it
                folder = cached_folder(self._cache_dir, key, build)
        except OSError as err:
            _log.warning("%s: cannot keep compiled programs (%s); set SLOWFAST_CACHE", self._cache_dir, err.strerror)
            with tempfile.TemporaryDirectory() as scratch:  # the program is read whole when it is loaded
                build(Path(scratch))
                program = self._load(Path(scratch), engine)
            verify(program, self.network, arrays, pathways, tolerance)
            return program
        program = self._load(folder, engine)
        if not self._is_verified(folder):
            difference = verify(program, self.network, arrays, pathways, tolerance)
            with contextlib.suppress(OSError):  # a cache shared read-only is verified by every process
                self._record(folder).write_text(_this_machine())
            _log.info(
                "compiled for the CPU with %s in %s; largest difference to dygraph %.1e of the largest logit",
                engine.name, self._precision, difference,
            )  # fmt: skip
        return program

    def _load(self, folder: Path, engine: Engine) -> Program:
        key = (str(folder), self._threads, self._precision)
        spare = _spare.get(key)
        program = spare.pop() if spare else Program(folder, self._threads, lambda config: engine.use(config, self._precision))
        if engine.keeps_memory:
            weakref.finalize(self, _spare.setdefault(key, []).append, program).atexit = False
        return program

    def _record(self, folder: Path) -> Path:
        """Says where the program was found right."""
        return folder / f"verified-{self._precision}"

    def _is_verified(self, folder: Path) -> bool:
        try:
            return self._record(folder).read_bytes() == _this_machine().encode()
        except OSError:
            return False


def verify(program: Program, network: paddle.nn.Layer, arrays: list[np.ndarray], pathways: int, tolerance: float) -> float:
    """Compares the program with the network on the first clip; returns the difference as a share of the largest logit.

    Raises:
        ExportError: they differ by more than `tolerance`, or in shape.
    """
    first = arrays if len(arrays) > pathways else [array[:1] for array in arrays]
    expected = run_dygraph(network, first, pathways).numpy()
    got = program(first)
    if got.shape != expected.shape:
        raise ExportError(f"the compiled output is {list(got.shape)}, the network's {list(expected.shape)}")
    difference = float(np.abs(got - expected).max() / max(1.0, float(np.abs(expected).max()))) if got.size else 0.0
    if not difference <= tolerance:  # also when it is not a number
        raise ExportError(
            f"the compiled output differs by {difference:.1e} of the largest logit; at most {tolerance:.0e} is allowed"
        )
    return difference


def run_dygraph(network: paddle.nn.Layer, arrays: list[np.ndarray], pathways: int) -> paddle.Tensor:
    """Runs the network itself on arrays."""
    with PADDLE, paddle.no_grad():
        tensors = [paddle.to_tensor(array) for array in arrays]
        return network(tuple(tensors[:pathways]), *tensors[pathways:])


def _this_machine() -> str:
    """Name of the processor: a program verified on one may take other kernels on another."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return f"{platform.machine()} {model}"
