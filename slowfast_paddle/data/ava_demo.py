"""Keyframes of any single video: from a csv of boxes, or from a detector that looks at every keyframe."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from slowfast_paddle.data.ava_csv import BoxTable, read_boxes
from slowfast_paddle.data.ava_keyframes import ClipGrid, Keyframe, KeyframeRules, Keyframes, collect_keyframes
from slowfast_paddle.data.ava_source import VideoFiles
from slowfast_paddle.data.decode import open_source
from slowfast_paddle.data.source import ReadOptions
from slowfast_paddle.errors import DataError

Find = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
DEFAULT_OPTIONS = ReadOptions()
PLAY_FRAMES = 60  # decoded at a time while a video is played


def open_one_video(path: str | Path, start_sec: float = 0.0, options: ReadOptions = DEFAULT_OPTIONS) -> VideoFiles:
    """A clip source of one file, named as the file without suffix; its first frame shows `start_sec`."""
    return VideoFiles({Path(path).stem: Path(path)}, start_sec, options)


def keyframes_from_boxes(path: str | Path, source: VideoFiles, score_threshold: float) -> Keyframes:
    """Keyframes of the rows of a box file (`video,second,x1,y1,x2,y2,,score`) that name the video.

    Raises:
        DataError: when no row does, or none is above the threshold.
    """
    table = read_boxes(path)
    (name,) = source.videos
    mine = np.array([video in (name, source.paths[name].name) for video in table.videos], dtype=bool)
    if not mine.any():
        others = ", ".join(sorted(set(table.videos))[:3])
        raise DataError(
            f"{path}: names no boxes of video {name!r} (it has {others or 'no rows'}); the first column must be {name}"
        )
    return collect_keyframes([name], [_of_video(table, mine, name)], KeyframeRules(score_threshold=score_threshold))


def _of_video(table: BoxTable, mask: np.ndarray, name: str) -> BoxTable:
    rows = np.flatnonzero(mask)
    return BoxTable(
        path=table.path,
        videos=[name] * len(rows),
        images=[table.images[row] for row in rows],
        seconds=table.seconds[rows],
        boxes=table.boxes[rows],
        labels=table.labels[rows],
        scores=table.scores[rows],
        persons=None,
        lines=table.lines[rows],
    )


def keyframes_from_detector(source: VideoFiles, find: Find, every_sec: float) -> Keyframes:
    """Look at one frame every `every_sec`; moments without people are left out and counted.

    Args:
        find: uint8 [H, W, 3] RGB -> boxes [N, 4] as fractions, scores [N].

    Raises:
        DataError: when nobody is found in the whole video.
    """
    (name,) = source.videos
    items, looked = [], 0
    first = source.start_sec
    for second in np.arange(first + every_sec / 2, source.end_sec(name), every_sec).round(6).tolist() or [first]:
        looked += 1
        picture = source.read(name, second, ClipGrid(1, 1), lambda frame: frame)[0]
        boxes, scores = find(picture)
        if len(boxes):
            items.append(Keyframe(name, second, np.asarray(boxes, dtype=np.float64), ((),) * len(boxes), np.asarray(scores)))
    if not items:
        raise DataError(
            f"{source.paths[name]}: the detector finds nobody in {looked} frames; lower its threshold, or give --boxes"
        )
    return Keyframes(items, {"keyframes": len(items), "keyframes_without_people": looked - len(items)})


def play(
    path: str | Path, start_sec: float = 0.0, options: ReadOptions = DEFAULT_OPTIONS
) -> tuple[float, Iterator[tuple[float, np.ndarray]]]:
    """Frame rate (1/s) of a video, and its frames in order as (second, uint8 [H, W, 3] RGB); the first shows `start_sec`."""
    source = open_source(path, options)
    timeline = source.timeline
    times = timeline.times if timeline.times is not None else np.arange(timeline.count) / timeline.fps

    def frames() -> Iterator[tuple[float, np.ndarray]]:
        for first in range(0, len(times), PLAY_FRAMES):
            wanted = np.arange(first, min(first + PLAY_FRAMES, len(times)))
            read = source.read(wanted, lambda frame: frame, False)
            for place in wanted.tolist():
                if place not in read.frames:
                    return  # a damaged end: what came out is shown
                yield start_sec + float(times[place]), read.frames[place]

    return timeline.fps, frames()
