"""A generated AVA-style set: several shapes per frame, each moving in its own way, and classes that no single frame shows.

A shape keeps still, swings sideways, swings up and down, or circles (both at once), and may blink besides. Colours, places,
sizes and phases are drawn without looking at the class. Scenes last two seconds with the keyframe in the middle,
so that no clip sees two.
"""

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from slowfast_paddle.data.ava_csv import NO_LABEL, write_detections, write_labels
from slowfast_paddle.data.ava_labels import write_label_map
from slowfast_paddle.data.synthetic import write_video
from slowfast_paddle.errors import DataError

CLASS_NAMES = {1: "swings sideways", 2: "swings up and down", 3: "blinks", 4: "keeps still"}
WIDTH, HEIGHT, RATE = 160, 120, 15  # px, px, 1/s
SCENE_SEC = 2
_MOTIONS = ((0, 0), (1, 0), (0, 1), (1, 1))
_SHIFT = 4  # fractional bits of a corner: movements below one pixel stay visible


@dataclass(frozen=True)
class Shape:
    """One moving shape. Lengths in px, phases in radians, rates in radians/s."""

    centre: np.ndarray
    size: float
    corners: np.ndarray  # [N, 2] around 0, unit length
    colour: np.ndarray
    motion: tuple[int, int]
    swing: float
    rate: float
    phase: float
    blink_rate: float  # 0: never

    @property
    def labels(self) -> list[int]:
        """Class numbers."""
        moving = [label for label, on in zip((1, 2), self.motion, strict=True) if on] or [4]
        return moving + ([3] if self.blink_rate else [])

    def outline(self, time: float) -> np.ndarray:
        """Corners in px at a time in seconds, float64 [N, 2]."""
        angle = self.rate * time + self.phase
        return self.centre + self.size * self.corners + self.swing * np.array(self.motion) * [np.sin(angle), np.cos(angle)]

    def shade(self, time: float) -> np.ndarray:
        """Colour at a time; blinking darkens it half of the time."""
        dark = self.blink_rate and np.sin(self.blink_rate * time + self.phase) > 0
        return self.colour * (0.35 if dark else 1.0)


def draw_shapes(rng: np.random.Generator) -> list[Shape]:
    """One to four shapes, each in its own quarter of the frame."""
    quarters = rng.permutation(4)[: rng.integers(1, 5)]
    shapes = []
    for quarter in quarters:
        middle = np.array([quarter % 2 + 0.5, quarter // 2 + 0.5]) * [WIDTH / 2, HEIGHT / 2]
        count = rng.integers(3, 6)
        angles = rng.uniform(0, 2 * np.pi) + np.arange(count) * 2 * np.pi / count
        motion = _MOTIONS[rng.integers(4)]
        shapes.append(
            Shape(
                centre=middle + rng.uniform(-1, 1, 2) * [12, 3],
                size=rng.uniform(17, 20),
                corners=np.stack([np.cos(angles), np.sin(angles)], axis=1),
                colour=rng.uniform(90, 255, 3),
                motion=motion,
                swing=rng.uniform(8, 11),
                rate=2 * np.pi * rng.uniform(1.0, 1.4),
                phase=rng.uniform(0, 2 * np.pi),
                blink_rate=2 * np.pi * rng.uniform(2.0, 2.6) if rng.random() < 0.4 else 0.0,
            )
        )
    return shapes


def box_of(shape: Shape, time: float) -> np.ndarray:
    """Fractions x1, y1, x2, y2 at a time, clipped to the frame."""
    outline = shape.outline(time) / [WIDTH, HEIGHT]
    return np.clip(np.concatenate([outline.min(axis=0), outline.max(axis=0)]), 0, 1).round(3)


def render(shapes: list[Shape], background: np.ndarray, time: float, rng: np.random.Generator) -> np.ndarray:
    """uint8 RGB [HEIGHT, WIDTH, 3]."""
    picture = background.copy()
    for shape in shapes:
        corners = np.round(shape.outline(time) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(picture, [corners], shape.shade(time).tolist(), lineType=cv2.LINE_AA, shift=_SHIFT)
    picture = picture + rng.normal(0, 3, picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def generate(folder: str | os.PathLike[str], *, split: str, videos: int, scenes: int = 8, seed: int = 0) -> Path:
    """Write the videos of one split and its AVA files; another seed gives other scenes.

    Files: `folder/<split>/<split>_000.mp4 ...` with second 0 first, `folder/<split>.csv` (ground truth),
    `folder/<split>_boxes.csv` (as if from a detector: a little off, with doubtful boxes around nothing),
    `folder/label_map.pbtxt`.

    Returns:
        Path of the ground truth.

    Raises:
        DataError: a value that cannot work.
    """
    if videos < 1 or scenes < 1 or seed < 0:
        raise DataError(f"videos {videos} and scenes {scenes} must be at least 1 and seed {seed} not negative")
    folder = Path(folder)
    (folder / split).mkdir(parents=True, exist_ok=True)
    truth: list[tuple[str, int, np.ndarray, int, int]] = []
    people: list[tuple[str, int, np.ndarray, float]] = []
    for number in range(videos):
        name = f"{split}_{number:03d}"
        rng = np.random.default_rng([seed, number])
        plans = [(draw_shapes(rng), _background(rng)) for _ in range(scenes)]
        frames = (_frame(plans, index / RATE, rng) for index in range(scenes * SCENE_SEC * RATE))
        write_video(folder / split / f"{name}.mp4", frames, (WIDTH, HEIGHT), Fraction(RATE))
        noise = np.random.default_rng([seed, number, 1])
        for scene, (shapes, _) in enumerate(plans):
            second = scene * SCENE_SEC + SCENE_SEC // 2
            for person, shape in enumerate(shapes):
                box = box_of(shape, second)
                truth += [(name, second, box, label, person) for label in shape.labels]
                people.append((name, second, _nearby(box, noise), noise.uniform(0.9, 1.0)))
            people.append((name, second, np.array([0.45, 0.4, 0.55, 0.6]), noise.uniform(0.1, 0.5)))
    _write(folder, split, truth, people)
    return folder / f"{split}.csv"


def _frame(plans: list[tuple[list[Shape], np.ndarray]], time: float, rng: np.random.Generator) -> np.ndarray:
    shapes, background = plans[int(time / SCENE_SEC + 1e-9)]
    return render(shapes, background, time, rng)


def _background(rng: np.random.Generator) -> np.ndarray:
    """A smooth random pattern, float32 [HEIGHT, WIDTH, 3]."""
    coarse = rng.uniform(20, 120, (4, 5, 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), 0, 255)


def _nearby(box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(box + rng.normal(0, 0.008, 4), 0, 1).round(3)


def _write(folder: Path, split: str, truth: list[tuple], people: list[tuple]) -> None:
    names, seconds, boxes, labels, persons = zip(*truth, strict=True)
    write_labels(folder / f"{split}.csv", names, seconds, np.stack(boxes), labels, persons)
    names, seconds, boxes, scores = zip(*people, strict=True)
    write_detections(
        folder / f"{split}_boxes.csv", names, seconds, np.stack(boxes), [NO_LABEL] * len(names), np.array(scores).round(3)
    )
    write_label_map(folder / "label_map.pbtxt", CLASS_NAMES)
