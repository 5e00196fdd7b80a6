"""Small generated videos whose class is the order of their frames and nothing else.

A shape slides, turns or grows through a ring of states at constant speed: one state follows the other forward or
backward, and the ring is passed once or twice a second. The kind of motion, the background, the colours, the place,
the frame rate and the picture size are drawn without looking at the class, and the four videos of one scene show the
same states. So a single frame says nothing about the class, and neither does an unordered set of frames: played
backward the frames stay the same, and a clip of about a second holds every state of the ring at one pass as at two.
The slow pathway alone is also at a loss: its four frames lie a third of a second apart, where one pass forward looks
like two passes backward (aliasing). Only frames close together in time tell the classes apart.

Every frame is coded on its own at a fixed quantiser. A predicted frame would carry traces of the frames before it,
and those traces would show the direction.
"""

import functools
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from ..errors import DataError

CLASS_NAMES = ("forward once", "forward twice", "backward once", "backward twice")
_PASSES_PER_SEC = (1.0, 2.0, -1.0, -2.0)
KINDS = ("slide", "turn", "grow")
FRAME_ORDERS = ("time", "shuffled", "single")
_SIZES = ((96, 72), (72, 96), (112, 84), (80, 80), (128, 72), (120, 90))  # width, height in pixels
_RATES = (Fraction(15), Fraction(20), Fraction(25), Fraction(30000, 1001), Fraction(30))
# A non-convex arrow in units of its length: no turn but a full one maps it onto itself.
_ARROW = np.array([[-0.5, -0.16], [0.05, -0.16], [0.05, -0.42], [0.55, 0.0], [0.05, 0.42], [0.05, 0.16], [-0.5, 0.16]])
_UNEVEN_TURNS = 0.03  # standard deviation of a state about steady motion
_SHIFT = 4  # fractional bits of a polygon corner: movements below one pixel stay visible


@dataclass(frozen=True)
class Scene:
    """Everything of a video but its class. Lengths in pixels, phases in turns of the ring."""

    kind: str
    rate: Fraction
    frames: int
    background: np.ndarray  # float32 [H, W, 3], 0..255
    colour: tuple[float, float, float]
    centre: tuple[float, float]
    length: float
    heading: float
    phase: float
    noise: float


def _background(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """A smooth random pattern with a few darker and lighter patches, float32 [H, W, 3] in 40..200."""
    cells = int(rng.integers(2, 7))
    coarse = rng.uniform(40, 200, size=(cells, cells, 3)).astype(np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(int(rng.integers(0, 6))):
        x, y = (int(rng.integers(0, side)) for side in (width, height))
        tone = rng.uniform(40, 200, 3).tolist()
        cv2.circle(smooth, (x, y), int(rng.integers(2, 8)), tone, thickness=-1, lineType=cv2.LINE_AA)
    return np.clip(smooth, 40, 200)


def draw_scene(rng: np.random.Generator) -> Scene:
    """Draws a scene; the class takes no part in it."""
    width, height = _SIZES[rng.integers(len(_SIZES))]
    rate = _RATES[rng.integers(len(_RATES))]
    background = _background(rng, width, height)
    # White or black against the middle tones of the background, tinted at random.
    tint = rng.uniform(0, 50, 3)
    colour = 255 - tint if rng.random() < 0.5 else tint
    short = min(width, height)
    return Scene(
        kind=KINDS[rng.integers(len(KINDS))],
        rate=rate,
        frames=int(float(rate) * rng.uniform(1.4, 2.2)),
        background=background,
        colour=(float(colour[0]), float(colour[1]), float(colour[2])),
        centre=(width * rng.uniform(0.42, 0.58), height * rng.uniform(0.4, 0.6)),
        length=short * rng.uniform(0.5, 0.75),
        heading=rng.uniform(0, 1),
        phase=rng.uniform(0, 1),
        noise=rng.uniform(2, 10),
    )


def render(scene: Scene, phase: float) -> np.ndarray:
    """The picture of one state of the ring, without noise.

    Args:
        scene: what to draw.
        phase: state in turns; whole numbers added to it change nothing.

    Returns:
        float32 [H, W, 3] RGB, 0..255. A growing phase means: to the right, clockwise, bigger.
    """
    height, width = scene.background.shape[:2]
    (x, y), length, heading = scene.centre, scene.length, scene.heading
    phase = phase % 1.0
    if scene.kind == "turn":
        heading += phase
    elif scene.kind == "grow":
        length *= 0.25 + 1.0 * phase
    else:
        x, length = phase * width, length * 0.6
    cos, sin = np.cos(2 * np.pi * heading), np.sin(2 * np.pi * heading)
    corners = length * _ARROW @ np.array([[cos, sin], [-sin, cos]]) + (x, y)
    picture = scene.background.copy()
    # What leaves on one side comes in on the other, so that no place of a sliding shape is special.
    for lap in (-width, 0, width) if scene.kind == "slide" else (0,):
        points = np.round((corners + (lap, 0)) * 2**_SHIFT).astype(np.int32)
        cv2.fillPoly(picture, [points], scene.colour, lineType=cv2.LINE_AA, shift=_SHIFT)
    return picture


def frames_of(scene: Scene, label: int, rng: np.random.Generator, order: str = "time") -> Iterator[np.ndarray]:
    """Frames of one video, uint8 [H, W, 3] RGB.

    Args:
        scene: what the video shows.
        label: index into `CLASS_NAMES`.
        rng: source of the pixel noise, of the unevenness of the motion and of the shuffling.
        order: "time" as filmed; "shuffled" the same frames in random order; "single" one random frame all along.
            The last two are the controls which show that a network needs the order.
    """
    times = np.arange(scene.frames) / float(scene.rate)
    # Without the unevenness the distances between neighbouring states would tell one pass from two at some frame rates.
    phases = scene.phase + _PASSES_PER_SEC[label] * times + rng.normal(0, _UNEVEN_TURNS, scene.frames)
    if order == "shuffled":
        phases = rng.permutation(phases)
    elif order == "single":
        phases = np.full_like(phases, rng.choice(phases))
    for phase in phases:
        picture = render(scene, float(phase))
        picture += scene.noise * rng.standard_normal(picture.shape, dtype=np.float32)
        yield np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def write_video(path: Path, frames: Iterable[np.ndarray], size: tuple[int, int], rate: Fraction) -> None:
    """Writes frames (uint8 RGB; size is width, height, both even) as MP4.

    H.264 with PyAV; MPEG-4 part 2 with OpenCV where PyAV or its encoder is missing.
    """
    try:
        import av

        av.Codec("libx264", "w")
    except (ImportError, ValueError):
        _write_with_opencv(path, frames, size, rate)
        return
    with av.open(str(path), "w") as container:
        options = {"qp": "20", "g": "1", "bf": "0", "preset": "ultrafast", "threads": "1"}
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.pix_fmt = "yuv420p"
        stream.width, stream.height = size
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def _write_with_opencv(path: Path, frames: Iterable[np.ndarray], size: tuple[int, int], rate: Fraction) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), float(rate), size)
    if not writer.isOpened():
        raise DataError(f"{path}: neither PyAV (H.264) nor OpenCV (mp4v) can write it; pip install av")
    for picture in frames:
        writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    writer.release()


def _write_one(index: int, folder: Path, seed: int, order: str) -> None:
    # The four videos of a scene share its generator, so that no background belongs to one class more than to another.
    scene = draw_scene(np.random.default_rng([seed, index // len(CLASS_NAMES)]))
    noise = np.random.default_rng([seed, 1, index])
    frames = frames_of(scene, index % len(CLASS_NAMES), noise, order)
    height, width = scene.background.shape[:2]
    write_video(folder / f"{index:05d}.mp4", frames, (width, height), scene.rate)


def generate(
    folder: str | os.PathLike[str],
    *,
    split: str,
    videos_per_class: int,
    seed: int,
    order: str = "time",
    processes: int | None = None,
) -> Path:
    """Writes the videos of one split, its list file and the class names.

    Files: `folder/<split>/00000.mp4 ...`, `folder/<split>.csv` with lines `path,label`, `folder/class_names.txt`.
    Paths in the list begin with `folder` as given. Another seed gives other scenes; equal arguments give equal pixels.

    Args:
        folder: made when missing.
        split: name of the list, such as "train" or "val".
        videos_per_class: number of scenes, each filmed once for every class.
        seed: not negative; use another one for every split.
        order: see `frames_of`.
        processes: how many work at once; None takes one for each processor.

    Returns:
        Path of the list file.

    Raises:
        DataError: a value that cannot work, or no encoder on this machine.
    """
    if videos_per_class < 1 or seed < 0:
        raise DataError(f"videos_per_class {videos_per_class} must be at least 1 and seed {seed} not negative")
    if order not in FRAME_ORDERS:
        raise DataError(f"frame order '{order}' is unknown; choose one of {', '.join(FRAME_ORDERS)}")
    folder = Path(folder)
    videos = folder / split
    videos.mkdir(parents=True, exist_ok=True)
    indices = range(videos_per_class * len(CLASS_NAMES))
    write = functools.partial(_write_one, folder=videos, seed=seed, order=order)
    workers = min(processes or os.cpu_count() or 1, len(indices))
    # spawn: the caller may hold threads of a decoder or of Paddle, which do not survive a fork.
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        done = pool.imap_unordered(write, indices, chunksize=4)
        for _ in tqdm(done, total=len(indices), desc=f"generate {split}", unit="video", disable=None):
            pass
    lines = [f"{videos / f'{index:05d}.mp4'},{index % len(CLASS_NAMES)}\n" for index in indices]
    list_file = folder / f"{split}.csv"
    list_file.write_text("".join(lines), encoding="utf-8")
    (folder / "class_names.txt").write_text("\n".join(CLASS_NAMES) + "\n", encoding="utf-8")
    return list_file
