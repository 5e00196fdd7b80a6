"""Prepares AVA videos: the part between two seconds as frames at a constant rate, and the lists. Safe to stop and start again."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from slowfast_paddle.data.ava_frames import FrameSequence, frame_sequence, write_frame_list
from slowfast_paddle.data.ava_source import open_video_files
from slowfast_paddle.data.decode import open_source
from slowfast_paddle.data.sampling import frames_at_times
from slowfast_paddle.data.source import ReadOptions
from slowfast_paddle.errors import DataError

CHUNK_FRAMES = 300  # ten seconds in memory at a time
JPEG_QUALITY = 95  # ffmpeg's -q:v 1 of the reference scripts is about this


def find_videos(folder: str | Path, names: Sequence[str] = ()) -> dict[str, Path]:
    """Videos of a folder by name without suffix; with names, those alone.

    Raises:
        DataError: for a name without a file.
    """
    videos = open_video_files(folder, 0.0, ReadOptions()).paths
    missing = [name for name in names if name not in videos]
    if missing:
        raise DataError(
            f"{folder}: no video named {missing[0]} ({len(missing)} of {len(names)} are missing); download them first"
        )
    return {name: videos[name] for name in names} if names else videos


def extract(
    path: Path, name: str, out: str | Path, start_sec: float, end_sec: float, fps: float, short_side: int | None = None
) -> int:
    """Write `out/name/name_000001.jpg ...`, frame i showing the moment start_sec + i / fps of the file.

    A finished folder is left as it is. An interrupted one has no mark and is written anew.

    Returns:
        Number of frames on disk.

    Raises:
        DataError: for a video that ends before start_sec, or cannot be decoded.
    """
    folder, unfinished = Path(out) / name, Path(out) / f".{name}.unfinished"
    if folder.is_dir():
        return sum(1 for entry in os.scandir(folder) if entry.name.endswith(".jpg"))
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    count = 0
    for picture in _moments(path, start_sec, end_sec, fps):
        count += 1
        target = unfinished / f"{name}_{count:06d}.jpg"
        picture = _shrink(picture, short_side)
        if not cv2.imwrite(str(target), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]):
            raise DataError(f"{target}: cannot be written; is the disk full?")
    os.replace(unfinished, folder)
    return count


def _moments(path: Path, start_sec: float, end_sec: float, fps: float) -> Iterator[np.ndarray]:
    """RGB frames on screen at start_sec, start_sec + 1 / fps, ... before end_sec or the end of the video."""
    source = open_source(path, ReadOptions())
    timeline = source.timeline
    times = timeline.times if timeline.times is not None else np.arange(timeline.count) / timeline.fps
    end_sec = min(end_sec, float(times[-1]) + 1 / timeline.fps)
    total = int(np.ceil((end_sec - start_sec) * fps - 1e-6))
    if total < 1:
        raise DataError(
            f"{path}: ends at {times[-1]:.1f} s, before the asked start {start_sec:g} s;"
            " give --start 0 for a video that was cut already"
        )
    places = frames_at_times(start_sec * fps + np.arange(total), fps, times)
    for first in range(0, total, CHUNK_FRAMES):
        part = places[first : first + CHUNK_FRAMES]
        read = source.read(np.unique(part), lambda frame: frame, False)
        for place in part.tolist():
            if place not in read.frames:
                raise DataError(
                    f"{path}: frame {place} cannot be decoded{f' ({read.stopped_by})' if read.stopped_by else ''};"
                    " download the video again"
                )
            yield read.frames[place]


def _shrink(picture: np.ndarray, short_side: int | None) -> np.ndarray:
    height, width = picture.shape[:2]
    if short_side is None or min(height, width) <= short_side:
        return picture
    scale = short_side / min(height, width)
    return cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)


def write_list(path: str | Path, out: str | Path, names: Sequence[str]) -> dict[str, FrameSequence]:
    """Write the frame list of extracted videos, with paths relative to `out`."""
    sequences = {}
    for name in names:
        count = sum(1 for entry in os.scandir(Path(out) / name) if entry.name.endswith(".jpg"))
        sequences[name] = frame_sequence([f"{name}/{name}_{number:06d}.jpg" for number in range(1, count + 1)])
    write_frame_list(path, sequences)
    return sequences
