"""The files of one AVA-style set, opened together: what training, evaluation and check-ava share."""

from dataclasses import dataclass
from pathlib import Path

from slowfast_paddle.data.ava_csv import BoxTable, read_boxes, read_excluded, read_labels
from slowfast_paddle.data.ava_keyframes import KeyframeRules, Keyframes, collect_keyframes
from slowfast_paddle.data.ava_proposals import read_proposals
from slowfast_paddle.data.ava_source import ClipSource, open_frame_folders, open_video_files
from slowfast_paddle.data.source import ReadOptions
from slowfast_paddle.errors import DataError

DEFAULT_OPTIONS = ReadOptions()


@dataclass(frozen=True)
class AvaFiles:
    """Paths of a set; an empty one is not used. Pixels come from `frames` (with or without lists) or from `videos`."""

    label_map: str
    labels: str = ""
    boxes: tuple[str, ...] = ()  # csv with scores, or proposal pickles
    excluded: str = ""
    frames: str = ""
    frame_lists: tuple[str, ...] = ()
    frame_fps: float = 30.0
    videos: str = ""
    start_sec: float = 900.0  # second of the first frame; 0 for a full film


def open_clips(files: AvaFiles, options: ReadOptions = DEFAULT_OPTIONS) -> ClipSource:
    """Open the pixels.

    Raises:
        DataError: when neither or both kinds are given, or they cannot be read.
    """
    if bool(files.videos) == bool(files.frames):
        raise DataError(
            "an AVA set needs pixels from one place: a folder of frame folders (frames) or a folder of videos (videos)"
        )
    if files.videos:
        return open_video_files(files.videos, files.start_sec, options)
    return open_frame_folders(files.frames, list(files.frame_lists), files.frame_fps, files.start_sec)


def read_people(path: str | Path) -> BoxTable:
    """Predicted person boxes, by the suffix of the file: .pkl proposals, else csv."""
    return read_proposals(path) if Path(path).suffix in (".pkl", ".pickle") else read_boxes(path)


def read_exclusions(files: AvaFiles) -> frozenset[str]:
    """Keys of excluded keyframes."""
    return frozenset(read_excluded(files.excluded)) if files.excluded else frozenset()


def keyframes_to_train(files: AvaFiles, source: ClipSource, rules: KeyframeRules) -> Keyframes:
    """Ground truth boxes, plus predicted ones above the threshold where box files are given."""
    tables = [read_labels(files.labels), *(read_people(path) for path in files.boxes)]
    return collect_keyframes(source.videos, tables, rules)


def keyframes_to_score(files: AvaFiles, source: ClipSource, rules: KeyframeRules) -> Keyframes:
    """Predicted boxes above the threshold; the ground truth boxes themselves where no box file is given."""
    tables = [read_people(path) for path in files.boxes] or [read_labels(files.labels)]
    return collect_keyframes(source.videos, tables, rules)
