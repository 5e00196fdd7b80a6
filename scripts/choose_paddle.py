"""Prints the Paddle package this machine can run, and why: `paddlepaddle` (CPU) or `paddlepaddle-gpu` (NVIDIA).

First line of the output: requirement for pip. Second line: the reason. Needs only the standard library; run it with the
Python that will run Paddle.
"""

import csv
import shutil
import subprocess
import sys

# paddlepaddle-gpu 2.6.2 is the newest GPU wheel on PyPI: CUDA 11.8, machine code for these capabilities and no PTX.
GPU_PACKAGE = "paddlepaddle-gpu==2.6.2"
LOWEST_CAPABILITY, HIGHEST_CAPABILITY = (6, 1), (8, 6)
LOWEST_DRIVER = 520  # of CUDA 11.8 on Linux
NEWEST_PYTHON = (3, 12)
CPU_PACKAGE = "paddlepaddle"
ADVICE = "For Paddle 3 on a GPU install it by hand from Paddle's own index: https://www.paddlepaddle.org.cn/install/quick"


def nvidia_gpus() -> list[tuple[str, str, str]]:
    """(name, compute capability, driver version) of every NVIDIA GPU; empty without one or without nvidia-smi."""
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, timeout=60)
    if answer.returncode:
        return []
    rows = csv.reader(answer.stdout.splitlines(), skipinitialspace=True)
    return [(row[0], row[1], row[2]) for row in rows if len(row) == 3]


def choose(gpus: list[tuple[str, str, str]], python: tuple[int, int], platform: str) -> tuple[str, str]:
    """The pip requirement and the reason in one sentence."""
    if not gpus:
        return CPU_PACKAGE, "no NVIDIA GPU found."
    if platform != "linux":
        return CPU_PACKAGE, f"the GPU package is chosen automatically on Linux only. {ADVICE}"
    if python > NEWEST_PYTHON:
        return CPU_PACKAGE, f"{GPU_PACKAGE} has no wheel for Python {python[0]}.{python[1]}; take 3.10 to 3.12. {ADVICE}"
    for name, capability, driver in gpus:
        major, _, minor = capability.partition(".")
        if not (major.isdigit() and LOWEST_CAPABILITY <= (int(major), int(minor or 0)) <= HIGHEST_CAPABILITY):
            return CPU_PACKAGE, f"{GPU_PACKAGE} runs on compute capability 6.1 to 8.6 and {name} has {capability}. {ADVICE}"
        if int(driver.partition(".")[0]) < LOWEST_DRIVER:
            return CPU_PACKAGE, f"{GPU_PACKAGE} needs driver {LOWEST_DRIVER} or newer and {name} has {driver}; update it."
    return GPU_PACKAGE, f"{len(gpus)} x {gpus[0][0]} with compute capability {gpus[0][1]} and driver {gpus[0][2]}."


if __name__ == "__main__":
    print("\n".join(choose(nvidia_gpus(), sys.version_info[:2], sys.platform)))
