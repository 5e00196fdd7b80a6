"""Which Paddle package the quick start installs."""

import runpy
from pathlib import Path

import pytest

choose = runpy.run_path(str(Path(__file__).resolve().parents[3] / "scripts" / "choose_paddle.py"))["choose"]
V100, H100 = ("Tesla V100-SXM2-32GB", "7.0", "535.104.05"), ("NVIDIA H100 80GB HBM3", "9.0", "550.54.15")


def test_gpu_package_where_it_runs():
    assert choose([V100], (3, 11), "linux") == (
        "paddlepaddle-gpu==2.6.2",
        "1 x Tesla V100-SXM2-32GB with compute capability 7.0 and driver 535.104.05.",
    )


@pytest.mark.parametrize(
    ("gpus", "python", "platform", "why"),
    [
        ([], (3, 11), "linux", "no NVIDIA GPU"),
        ([H100], (3, 11), "linux", "H100 80GB HBM3 has 9.0"),
        ([V100, H100], (3, 11), "linux", "H100"),
        ([("Tesla K80", "3.7", "535.1")], (3, 11), "linux", "Tesla K80 has 3.7"),
        ([("Quadro", "[N/A]", "535.1")], (3, 11), "linux", "[N/A]"),
        ([("Tesla V100", "7.0", "450.80.02")], (3, 11), "linux", "driver 520 or newer"),
        ([V100], (3, 13), "linux", "no wheel for Python 3.13"),
        ([V100], (3, 11), "win32", "on Linux only"),
    ],
)
def test_cpu_package_elsewhere_with_the_reason(gpus, python, platform, why):
    package, reason = choose(gpus, python, platform)
    assert package == "paddlepaddle"
    assert why in reason
