"""Python, the packages, and the pairs of versions that do not work together."""

import platform
import re
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata

from slowfast_paddle.doctor.check import Check

REQUIRED = ("numpy", "pyyaml", "pydantic", "tqdm", "matplotlib", "jinja2", "markupsafe", "pillow", "visualdl", "setuptools")
OPTIONAL = {
    "onnx": "exporting to ONNX",
    "onnxruntime": "ONNX detectors and checking an export",
    "paddle2onnx": "exporting to ONNX",
}
PADDLE = ("paddlepaddle", "paddlepaddle-gpu")
OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")


def installed() -> dict[str, str]:
    """Version of every package this project uses, where it is installed."""
    found = {}
    for name in (*PADDLE, *OPENCV, "av", "protobuf", *REQUIRED, *OPTIONAL):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def examine(versions: Mapping[str, str], python: tuple[int, int]) -> Iterator[Check]:
    """What is installed and what does not fit together.

    Args:
        versions: see `installed`.
        python: major and minor version.
    """
    told = f"Python {python[0]}.{python[1]}, {platform.system()} {platform.machine()}"
    if python < (3, 10):
        yield Check("python", "problem", told, "use Python 3.10 or newer")
    else:
        yield Check("python", "ok", told)
    missing = [name for name in REQUIRED if name not in versions]
    if missing:
        yield Check("packages", "problem", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    else:
        yield Check(
            "packages", "ok", ", ".join(f"{name} {versions[name]}" for name in ("protobuf", *REQUIRED) if name in versions)
        )
    absent = [f"{name} ({use})" for name, use in OPTIONAL.items() if name not in versions]
    if absent:
        yield Check("optional packages", "ok", f"not installed, needed only for their purpose: {', '.join(absent)}")
    yield from _paddle(versions, python)
    several = [name for name in OPENCV if name in versions]
    if len(several) > 1:
        yield Check(
            "opencv", "warning", f"{' and '.join(several)} overwrite each other's files",
            f"pip uninstall -y {' '.join(several)} && pip install opencv-python-headless",
        )  # fmt: skip


def _paddle(versions: Mapping[str, str], python: tuple[int, int]) -> Iterator[Check]:
    found = [name for name in PADDLE if name in versions]
    if not found:
        yield Check(
            "paddle",
            "problem",
            "not installed",
            "pip install paddlepaddle (CPU), or for a GPU see paddlepaddle.org.cn/install/quick",
        )
        return
    told = ", ".join(f"{name} {versions[name]}" for name in found)
    if len(found) > 1:
        yield Check(
            "two paddles",
            "problem",
            f"{told}: both are one package `paddle`",
            "pip uninstall -y paddlepaddle, then install paddlepaddle-gpu again",
        )
    version = number(versions[found[0]])
    if version < (2, 6):
        yield Check("paddle", "problem", f"{told} is too old", 'pip install "paddlepaddle>=2.6.2"')
    else:
        yield Check("paddle", "ok", told)
    if version < (3,):
        opencv = next((versions[name] for name in OPENCV if name in versions), "0")
        if number(versions.get("numpy", "0")) >= (2,):
            yield Check(
                "paddle and numpy", "problem", f"Paddle 2 does not work with numpy {versions['numpy']}", 'pip install "numpy<2"'
            )
        if number(opencv) >= (4, 12):
            yield Check(
                "paddle and opencv",
                "problem",
                f"OpenCV {opencv} wants numpy 2, Paddle 2 does not",
                'pip install "opencv-python-headless<4.12"',
            )
        if python > (3, 12):
            yield Check(
                "paddle and python",
                "problem",
                f"Paddle 2 has no build for Python {python[0]}.{python[1]}",
                "use Python 3.10 to 3.12, or Paddle 3",
            )


def number(version: str) -> tuple[int, ...]:
    """Leading numbers of a version: "3.0.0b1" -> (3, 0, 0)."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()


def here() -> list[Check]:
    """This interpreter's state."""
    return list(examine(installed(), sys.version_info[:2]))
