"""Whether videos can be decoded: every backend reads a file that was just written."""

import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from slowfast_paddle.doctor.check import Check
from slowfast_paddle.errors import SlowFastError

FRAMES, SIZE, RATE = 24, (96, 64), 12  # count, (width, height) px, 1/s
TOLERANCE = 12.0  # mean grey levels that lossy coding may cost
FIXES = {"pyav": "pip install --force-reinstall av", "opencv": "pip install --force-reinstall opencv-python-headless"}
Decode = Callable[[Path, str], np.ndarray]


def pictures() -> np.ndarray:
    """A bright bar that moves, uint8 [FRAMES, H, W, 3] RGB."""
    width, height = SIZE
    out = np.full((FRAMES, height, width, 3), 40, np.uint8)
    for index in range(FRAMES):
        out[index, :, 4 * index : 4 * index + 8] = (220, 180, 60)
    return out


def decode(path: Path, backend: str) -> np.ndarray:
    """All frames of a file through one backend, uint8 [T, H, W, 3] RGB."""
    from slowfast_paddle.data.decode import open_source
    from slowfast_paddle.data.source import ReadOptions

    return np.stack(list(open_source(path, ReadOptions(decoder=backend)).stream()))


def examine(decode: Decode = decode) -> Iterator[Check]:
    """One check per backend, and one for both together."""
    truth = pictures()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "test.mp4")
        try:
            from slowfast_paddle.data.synthetic import write_video  # needs OpenCV, which may be what is missing

            write_video(path, iter(truth), SIZE, Fraction(RATE))
        except (SlowFastError, ImportError) as err:
            yield Check("decoders", "problem", f"no test video can be written: {err}", "pip install av opencv-python-headless")
            return
        checks = [_one(backend, path, truth, decode) for backend in FIXES]
    yield from checks
    if not any(check.state == "ok" for check in checks):
        yield Check("decoders", "problem", "no video can be read", "pip install av opencv-python-headless")


def _one(backend: str, path: Path, truth: np.ndarray, decode: Decode) -> Check:
    name = f"decoder {backend}"
    try:
        frames = decode(path, backend)
    except (SlowFastError, ImportError, ValueError, OSError) as err:
        return Check(name, "warning", f"fails: {str(err).splitlines()[0]}", FIXES[backend])
    if frames.shape != truth.shape:
        return Check(name, "warning", f"gives frames {frames.shape} of a video of {truth.shape}", FIXES[backend])
    error = float(np.abs(frames.astype(float) - truth).mean())
    if error > TOLERANCE:
        return Check(name, "warning", f"pixels are off by {error:.0f} grey levels on average", FIXES[backend])
    return Check(name, "ok", f"decoded {len(frames)} of {FRAMES} frames")
