"""What happens when in videos of any length: timelines as JSON and SRT, and videos with running labels."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

from slowfast_paddle import files, log
from slowfast_paddle.app.scorer import Scorer
from slowfast_paddle.data.decode import open_source
from slowfast_paddle.data.sliding import stream_frames, uneven_times
from slowfast_paddle.data.sources import readable
from slowfast_paddle.data.targets import target_names
from slowfast_paddle.engine.timeline import Window, merge, srt_time, to_srt, top_at
from slowfast_paddle.errors import DecodeError
from slowfast_paddle.viz.overlay import draw_labels
from slowfast_paddle.viz.video_file import VideoFile

LABELS = 3  # drawn into a video
_logger = log.get(__name__)


def write_moments(
    scorer: Scorer,
    videos: Sequence[str],
    folder: Path,
    *,
    all_videos: Sequence[str],
    stride_sec: float,
    threshold: float,
    timeline: bool,
    annotate: bool,
) -> int:
    """Scores sliding windows of every video and writes what is asked for; returns how many failed.

    Args:
        videos: of this process.
        folder: where the files go.
        all_videos: of all processes; two with one name get different files.
        stride_sec: from window to window.
        threshold: windows whose best class scores less belong to no segment, and such labels are not drawn.
        timeline: write <video>_timeline.json and <video>.srt.
        annotate: write <video>_actions.mp4.
    """
    targets = dict(zip(all_videos, target_names(all_videos, folder, "")))
    failed = 0
    for video in videos:
        try:
            windows = list(log.progress(scorer.windows(video, stride_sec), None, Path(video).name, "window"))
            if timeline:
                _write_timeline(scorer, video, windows, targets[video], stride_sec, threshold)
            if annotate:
                _annotate(scorer, video, windows, targets[video], threshold)
        except DecodeError as err:
            failed += 1
            _logger.warning("failed: %s", err)
    return failed


def _write_timeline(scorer: Scorer, video: str, windows: list[Window], target: Path, stride_sec: float, threshold: float) -> None:
    segments = merge(windows, scorer.names, threshold)
    content = {
        "video_id": video,
        "stride_sec": stride_sec,
        "windows": len(windows),
        "segments": [dataclasses.asdict(segment) for segment in segments],
    }
    files.write_json(target.with_name(f"{target.name}_timeline.json"), content)
    files.write_text(target.with_name(f"{target.name}.srt"), to_srt(segments))
    for s in segments:
        _logger.info("%s %8.2f %8.2f s  %s %.0f %%", video, s.start_sec, s.end_sec, s.class_name, 100 * s.score)


def _annotate(scorer: Scorer, video: str, windows: list[Window], target: Path, threshold: float) -> None:
    """Writes the video again, in its own size, with the labels of the nearest window on every frame."""
    options = scorer.sliding(1.0).options
    with readable(video, options.timeout_sec) as local:
        timeline = open_source(local, options).timeline
        times = uneven_times(timeline)
        seconds = (number / timeline.fps for number in itertools.count()) if times is None else times.tolist()
        with VideoFile(target.with_name(f"{target.name}_actions.mp4"), timeline.fps) as out:
            for second, frame in zip(seconds, stream_frames(local, options)):
                labels = [(scorer.names[i], score) for i, score in top_at(windows, second, LABELS) if score >= threshold]
                out.add(draw_labels(frame, labels, srt_time(second)[:8]), None if times is None else second)
