"""What runs a compiled network on the CPU: OpenVINO where Paddle carries it, else oneDNN."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import paddle
from paddle import inference, nn

from slowfast_paddle.errors import ConfigError, ExportError
from slowfast_paddle.export.program import STEM, first_line, save_program, use_onednn
from slowfast_paddle.locks import PADDLE

PRECISIONS = {"float32": "Float32", "bfloat16": "Bfloat16"}


@dataclass(frozen=True)
class Engine:
    """One way to run a program.

    Attributes:
        save: writes a network as the program this engine takes; arguments and errors of `save_program`.
        use: sets it in a configuration, with the precision to compute in.
        tolerance: largest difference to the network that is accepted, as a share of the largest logit, by precision.
        keeps_memory: dropping a loaded program frees neither its memory nor its threads.
    """

    name: str
    save: Callable[..., None]
    use: Callable[[inference.Config, str], None]
    tolerance: dict[str, float]
    keeps_memory: bool = False


def engines(precision: str) -> list[Engine]:
    """The engines of this Paddle for a precision, the fastest first."""
    # Paddle: in 3.3 wheels for x86; it takes programs of the representation that Paddle 2 used, and no others.
    carried = hasattr(inference.Config, "enable_openvino_engine") and hasattr(paddle.pir_utils, "OldIrGuard")
    return [engine for engine in (OPENVINO, ONEDNN) if precision in engine.tolerance and (carried or engine is ONEDNN)]


def check_precision(precision: str, compiled: bool) -> None:
    """Refuses a precision that this run would only pretend to compute in.

    Raises:
        ConfigError: bfloat16 without compiling, or on a processor or with a Paddle that has none.
    """
    if precision == "float32":
        return
    if not compiled:
        lacks = "only networks compiled for the CPU have it (test.compiled=true, no GPU)"
    elif not {"avx512_bf16", "amx_bf16"} & _cpu_flags():
        lacks = "this processor has no bfloat16 instructions (avx512_bf16 or amx_bf16 in /proc/cpuinfo)"
    elif not engines(precision):
        lacks = f"Paddle {paddle.__version__} here carries no OpenVINO; 3.3 for Linux on x86 does"
    else:
        return
    raise ConfigError(f"test.precision: {precision}: {lacks}; use float32")


def _cpu_flags() -> set[str]:
    info = Path("/proc/cpuinfo")
    return set(info.read_text().split()) if info.is_file() else set()


def _save_for_openvino(network: nn.Layer, inputs: Sequence[np.ndarray], pathways: int, folder: Path, free_sizes: bool) -> None:
    with PADDLE, paddle.pir_utils.OldIrGuard():
        try:
            save_program(network, inputs, pathways, folder, free_sizes)
        except TypeError as err:  # Paddle: some functions of 3.3 only know the new representation (matmul, sigmoid)
            raise ExportError(f"{type(network).__name__}: not traceable for OpenVINO ({first_line(err)})") from err
        graph = folder / f"{STEM}.pdmodel"
        # Paddle: the public reader of programs only works in static mode, a switch of the whole process.
        program = paddle.base.core.ProgramDesc(graph.read_bytes())
        for block in (program.block(i) for i in range(program.num_blocks())):
            for op in (block.op(i) for i in range(block.op_size())):
                if op.type() == "conv3d":  # OpenVINO's reader knows conv2d alone, but takes it with any number of axes
                    op.set_type("conv2d")
                    op._set_attr("data_format", "NCHW")
        graph.write_bytes(program.serialize_to_string())


def _use_openvino(config: inference.Config, precision: str) -> None:
    config.enable_openvino_engine(getattr(inference.PrecisionType, PRECISIONS[precision]))
    if not config.openvino_engine_enabled():
        raise ExportError("this Paddle was built without OpenVINO")


# Measured for SlowFast 4x16 R50: 2e-6 in float32, 1e-2 in bfloat16. Paddle: 3.3 holds every OpenVINO engine to the end.
OPENVINO = Engine("OpenVINO", _save_for_openvino, _use_openvino, {"float32": 1e-4, "bfloat16": 5e-2}, keeps_memory=True)
ONEDNN = Engine("oneDNN", save_program, lambda config, _: use_onednn(config), {"float32": 1e-4})
