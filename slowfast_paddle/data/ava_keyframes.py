"""Keyframes of an AVA-style set: which moments are shown to the network, with which boxes and classes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slowfast_paddle.data.ava_csv import NO_LABEL, BoxTable, image_key
from slowfast_paddle.errors import DataError


@dataclass(frozen=True)
class Keyframe:
    """One moment of one video.

    Shapes: boxes float64 [R, 4] fractions, clipped to the frame; labels: class numbers per box, none for a predicted box whose
    file gives no class; scores float64 [R], of the detector, 1 for ground truth.
    """

    video: str
    second: float
    boxes: np.ndarray
    labels: tuple[tuple[int, ...], ...]
    scores: np.ndarray

    @property
    def image(self) -> str:
        """Key `video,second` shared with the box files."""
        return image_key(self.video, self.second)


@dataclass(frozen=True)
class KeyframeRules:
    """Which rows count. Seconds are those of the box files."""

    first_sec: float = -math.inf
    last_sec: float = math.inf
    every_sec: int | None = None  # seconds divisible by it only; PySlowFast validates during training with 4
    score_threshold: float = 0.8
    excluded: frozenset[str] = frozenset()

    def admits(self, second: float, image: str) -> bool:
        """Whether a moment takes part."""
        chosen = self.every_sec is None or second % self.every_sec == 0
        return chosen and self.first_sec <= second <= self.last_sec and image not in self.excluded


@dataclass(frozen=True)
class Keyframes:
    """Keyframes of a set, and what was left out or changed on the way."""

    items: list[Keyframe]
    counts: dict[str, int]


def collect_keyframes(videos: Sequence[str], tables: Sequence[BoxTable], rules: KeyframeRules) -> Keyframes:
    """Group the rows of ground truth and predicted boxes by moment; several rows of one box are one box with several classes.

    Args:
        videos: names in the order of the result; seconds rise within a video.
        tables: ground truth (scores None) and predicted boxes, in that order of precedence.

    Raises:
        DataError: for a row whose video is not among videos, or when nothing is left.
    """
    known = {name: place for place, name in enumerate(videos)}
    moments: dict[tuple[int, float], dict[tuple, tuple[list[int], float]]] = {}
    counts = {"rows": 0, "rows_outside_seconds_or_excluded": 0, "boxes_below_threshold": 0, "boxes_clipped_to_frame": 0}
    for table in tables:
        counts["rows"] += len(table)
        scores = table.scores if table.scores is not None else np.ones(len(table))
        corners = map(tuple, table.boxes.tolist())
        rows = zip(
            table.videos, table.seconds.tolist(), table.images, corners, table.labels.tolist(), scores.tolist(), strict=True
        )
        for row, (video, second, image, box, label, score) in enumerate(rows):
            if video not in known:
                raise DataError(
                    f"{table.where(row)}: no frames are listed for video {video!r};"
                    f" known videos are {', '.join(list(videos)[:3])}, ..."
                )
            if not rules.admits(second, image):
                counts["rows_outside_seconds_or_excluded"] += 1
            elif score < rules.score_threshold and table.scores is not None:
                counts["boxes_below_threshold"] += 1
            else:
                labels, _ = moments.setdefault((known[video], second), {}).setdefault(box, ([], score))
                if label != NO_LABEL and label not in labels:
                    labels.append(label)
    items = [_keyframe(videos[video], second, boxes) for (video, second), boxes in sorted(moments.items())]
    if not items:
        raise DataError(
            f"{tables[0].path}: no keyframe is left of {counts['rows']} rows"
            f" ({', '.join(f'{name} {n}' for name, n in counts.items() if n and name != 'rows')});"
            " check first_sec, last_sec and the score threshold"
        )
    raw = [box for boxes in moments.values() for box in boxes]
    counts["boxes_clipped_to_frame"] = sum(min(box) < 0 or max(box) > 1 for box in raw)
    counts["keyframes"], counts["boxes"] = len(items), len(raw)
    return Keyframes(items, counts)


def _keyframe(video: str, second: float, boxes: dict[tuple, tuple[list[int], float]]) -> Keyframe:
    return Keyframe(
        video=video,
        second=second,
        boxes=np.clip(np.array(list(boxes), dtype=np.float64), 0.0, 1.0),
        labels=tuple(tuple(labels) for labels, _ in boxes.values()),
        scores=np.array([score for _, score in boxes.values()]),
    )


@dataclass(frozen=True)
class ClipGrid:
    """Frames of one clip around a keyframe, `num_frames` at a stride counted at `target_fps` (1/s)."""

    num_frames: int
    sampling_rate: int
    target_fps: float = 30.0

    def seconds(self) -> np.ndarray:
        """Times of the frames relative to the keyframe, float64 [T]. Source: PySlowFast datasets/utils.py get_sequence."""
        half = self.num_frames * self.sampling_rate // 2
        return (np.arange(self.num_frames) * self.sampling_rate - half) / self.target_fps

    def frames(self, offset_sec: float, fps: float, count: int) -> np.ndarray:
        """Nearest frames of a constant rate, the ends repeated; offset_sec counts from the first frame. Shapes: int64 [T]."""
        places = np.floor(np.round((offset_sec + self.seconds()) * fps, 6) + 0.5)
        return np.clip(places, 0, count - 1).astype(np.int64)


def to_targets(keyframe: Keyframe, columns: dict[int, int], num_columns: int) -> np.ndarray:
    """Multi-hot classes of a keyframe's boxes, float32 [R, columns]; predicted boxes without classes stay zero.

    Raises:
        DataError: for a class number without a column.
    """
    targets = np.zeros((len(keyframe.boxes), num_columns), dtype=np.float32)
    for row, labels in enumerate(keyframe.labels):
        for label in labels:
            if label not in columns:
                raise DataError(
                    f"{keyframe.image}: class {label} is not in the label map"
                    f" (it holds {min(columns)} to {max(columns)}); add it there, or remove these rows"
                )
            targets[row, columns[label]] = 1.0
    return targets
