"""Where the clip around a keyframe comes from: a folder of extracted frames, or the video itself."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from slowfast_paddle.data.ava_frames import FrameSequence, read_frame, read_frame_list, scan_frames
from slowfast_paddle.data.ava_keyframes import ClipGrid
from slowfast_paddle.data.decode import open_source
from slowfast_paddle.data.sampling import frames_at_times
from slowfast_paddle.data.source import FrameSource, ReadOptions, read_clips
from slowfast_paddle.data.suffixes import VIDEOS
from slowfast_paddle.errors import DataError

Keep = Callable[[np.ndarray], np.ndarray]
OPEN_VIDEOS = 64  # timelines kept per reader process, 0.5 MB for a quarter of an hour


class ClipSource(Protocol):
    """Clips of named videos; seconds are those of the box files."""

    start_sec: float

    @property
    def videos(self) -> list[str]: ...

    def end_sec(self, video: str) -> float:
        """Second just after the last frame."""
        ...

    def read(self, video: str, second: float, grid: ClipGrid, keep: Keep) -> np.ndarray:
        """Frames around a keyframe, each passed through keep: uint8 [T, H, W, 3], RGB."""
        ...


class FrameFolders:
    """Videos extracted to images at a constant rate; the first image shows start_sec."""

    def __init__(self, videos: dict[str, FrameSequence], fps: float, start_sec: float):
        self.sequences, self.fps, self.start_sec = videos, fps, start_sec

    @property
    def videos(self) -> list[str]:
        return list(self.sequences)

    def end_sec(self, video: str) -> float:
        return self.start_sec + len(self.sequences[video]) / self.fps

    def read(self, video: str, second: float, grid: ClipGrid, keep: Keep) -> np.ndarray:
        frames = self.sequences[video]
        wanted = grid.frames(second - self.start_sec, self.fps, len(frames))
        unique, places = np.unique(wanted, return_inverse=True)
        return np.stack([keep(read_frame(frames.path(int(index)))) for index in unique])[places]


class VideoFiles:
    """Videos read directly: only the window around the keyframe is decoded, resampled by timestamp to the grid's rate."""

    def __init__(self, paths: dict[str, Path], start_sec: float, options: ReadOptions):
        self.paths, self.start_sec, self._options = paths, start_sec, options
        self._source = lru_cache(maxsize=OPEN_VIDEOS)(lambda video: open_source(self.paths[video], self._options))

    @property
    def videos(self) -> list[str]:
        return list(self.paths)

    def __getstate__(self) -> dict:
        return {"paths": self.paths, "start_sec": self.start_sec, "_options": self._options}

    def __setstate__(self, state: dict) -> None:
        self.__init__(state["paths"], state["start_sec"], state["_options"])

    def end_sec(self, video: str) -> float:
        timeline = self._source(video).timeline
        length = timeline.count / timeline.fps if timeline.times is None else float(timeline.times[-1]) + 1 / timeline.fps
        return self.start_sec + length

    def read(self, video: str, second: float, grid: ClipGrid, keep: Keep) -> np.ndarray:
        source = self._source(video)
        clips = read_clips(
            source, lambda count, fps: _shown(source, second - self.start_sec, grid, count, fps), keep, self._options, whole=False
        )
        return clips.frames[clips.index[0]]


def _shown(source: FrameSource, offset_sec: float, grid: ClipGrid, count: int, fps: float) -> np.ndarray:
    """int64 [1, T]: the frames on screen at the times of the grid."""
    times = source.timeline.times
    if times is None or len(times) < count:
        return grid.frames(offset_sec, fps, count)[None]
    return frames_at_times(offset_sec + grid.seconds(), 1.0, times[:count])[None]


def open_frame_folders(folder: str | Path, lists: list[str | Path], fps: float, start_sec: float) -> FrameFolders:
    """Frames named by list files, or, without a list, every sub-folder of `folder`.

    Raises:
        DataError: for a bad list, or a folder without frames.
    """
    videos: dict[str, FrameSequence] = {}
    for path in lists:
        for name, frames in read_frame_list(path, folder).items():
            if name in videos:
                raise DataError(f"{path}: video {name!r} is in an earlier frame list too; list every video once")
            videos[name] = frames
    if not lists:
        if not Path(folder).is_dir():
            raise DataError(f"{folder}: no such folder; expected one folder of frames per video in it")
        videos = {entry.name: scan_frames(folder, entry.name) for entry in sorted(Path(folder).iterdir()) if entry.is_dir()}
    if not videos:
        raise DataError(f"{folder}: holds no frame folders; expected {folder}/VIDEO/VIDEO_000001.jpg ...")
    return FrameFolders(videos, fps, start_sec)


def open_video_files(folder: str | Path, start_sec: float, options: ReadOptions) -> VideoFiles:
    """Every video of a folder under its name without suffix.

    Raises:
        DataError: for a folder without videos, or two files of one name.
    """
    if not Path(folder).is_dir():
        raise DataError(f"{folder}: no such folder; expected video files named as in the box files")
    paths: dict[str, Path] = {}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix.lower() in VIDEOS:
            if path.stem in paths:
                raise DataError(
                    f"{path}: {paths[path.stem].name} has the same name; remove one, box files name videos without suffix"
                )
            paths[path.stem] = path
    if not paths:
        raise DataError(f"{folder}: holds no videos ({', '.join(VIDEOS)})")
    return VideoFiles(paths, start_sec, options)
