"""Paddle itself: whether it starts, computes the right numbers on CPU and GPU, and several processes reach each other."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from slowfast_paddle.doctor import probe
from slowfast_paddle.doctor.check import Check

TIMEOUT_SEC = 180.0
EXACT, HALF = 1e-3, 5e-2  # largest relative errors of float32 (TF32 on GPUs) and of 16 bits
ROOT = Path(__file__).resolve().parents[2]
REINSTALL = "pip install --force-reinstall paddlepaddle (GPU: https://www.paddlepaddle.org.cn/install/quick)"


def examine() -> Iterator[Check]:
    """Device first; processes only where that worked."""
    facts, error = _facts([sys.executable, probe.__file__, "device"])
    if facts is None:
        yield Check("paddle starts", "problem", error, REINSTALL)
        return
    yield from judge(facts, has_nvidia=shutil.which("nvidia-smi") is not None)
    yield processes(len(facts["gpus"]))


def judge(facts: Mapping[str, Any], has_nvidia: bool) -> Iterator[Check]:
    """What the facts of `probe.device` mean.

    Args:
        has_nvidia: the machine has NVIDIA's driver.
    """
    built = f"CUDA {facts['cuda']}" if facts["cuda"] else "CPU"
    yield Check("paddle starts", "ok", f"{facts['paddle']}, built for {built}")
    yield _numbers("conv3d on CPU", facts["cpu"], EXACT)
    if not facts["gpus"]:
        state, fix = ("warning", REINSTALL) if has_nvidia else ("ok", "")
        told = "NVIDIA's driver is here, but this Paddle sees no GPU" if has_nvidia else "none; everything runs on the CPU"
        yield Check("GPU", state, told, fix)
        return
    yield Check("GPU", "ok", f"{len(facts['gpus'])} x {facts['gpus'][0]}")
    yield _numbers("conv3d on GPU", facts["gpu"], EXACT)
    for kind in ("float16", "bfloat16"):
        check = _numbers(f"mixed precision {kind}", facts[kind], HALF)
        yield check if check.state == "ok" else Check(check.name, "warning", check.found, f"do not set train.amp to {kind}")


def _numbers(name: str, result: Mapping[str, Any], tolerance: float) -> Check:
    if result["error"]:
        return Check(name, "problem", result["error"], REINSTALL)
    if not result["off"] <= tolerance:
        return Check(name, "problem", f"off by {result['off']:.1e} of the largest value", REINSTALL)
    return Check(name, "ok", f"right to {result['off']:.0e}, {1000 * result['sec']:.1f} ms")


def processes(gpus: int) -> Check:
    """Two processes add up a number through the launcher."""
    backend = "nccl" if gpus > 1 else "gloo"
    name = f"two processes over {backend}"
    with tempfile.TemporaryDirectory() as logs:
        command = [sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node", "2", "--log_dir", logs]
        environment = {} if gpus > 1 else {"CUDA_VISIBLE_DEVICES": "-1,-1"}
        if gpus < 2:
            command += ["--backend", "gloo"]
        facts, error = _facts([*command, probe.__file__, "together"], environment, Path(logs, "workerlog.0"))
    if facts is not None and facts["sum"] == 3.0:
        return Check(name, "ok", "a sum over both is right")
    fix = "check that the host name resolves to this machine (hostname -i) and that no firewall closes local ports"
    if backend == "nccl":
        fix += "; NCCL_DEBUG=INFO says more, NCCL_P2P_DISABLE=1 avoids broken links between GPUs"
    return Check(name, "warning", error or f"the sum is {facts['sum']:g}, expected 3", f"{fix}; one process works without")


def _facts(command: list[str], environment: Mapping[str, str] = {}, log: Path | None = None) -> tuple[dict | None, str]:  # noqa: B006
    """The line of JSON that a probe prints, or None and why there is none."""
    known = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]), **environment}
    # A session of its own: when time is up, the launcher's processes end with it.
    run = subprocess.Popen(
        command, env=known, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=os.name == "posix"
    )
    try:
        text, _ = run.communicate(timeout=TIMEOUT_SEC)
    except subprocess.TimeoutExpired:
        _end(run)
        return None, f"no answer within {TIMEOUT_SEC:g} s"
    if log is not None and log.is_file():
        text += log.read_text(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    answers = [line.removeprefix(probe.MARK) for line in lines if line.startswith(probe.MARK)]
    if answers and run.returncode == 0:
        return json.loads(answers[-1]), ""
    return None, _ending(run.returncode, lines)


def _end(run: subprocess.Popen) -> None:
    if os.name == "posix":
        os.killpg(run.pid, signal.SIGKILL)
    else:
        run.kill()
    run.wait()


def _ending(code: int, lines: list[str]) -> str:
    if code == -signal.SIGILL:
        return "ends with an illegal instruction: this build needs a processor with AVX"
    if code < 0:
        return f"ends with signal {signal.Signals(-code).name}"
    return f"ends with code {code}: {lines[-1] if lines else 'without a message'}"
