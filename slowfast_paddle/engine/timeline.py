"""What happens when: class scores of sliding windows merged into segments, and written as subtitles."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from slowfast_paddle.metrics.topk import top_classes

TOUCHING_SEC = 1e-6  # two windows with less between them leave out nothing


@dataclass(frozen=True)
class Window:
    """One window of a video: its span in seconds and its scores [K]."""

    start_sec: float
    end_sec: float
    scores: np.ndarray


@dataclass(frozen=True)
class Segment:
    """A span of one class. `score` is the mean of its windows' scores of that class, `peak` the largest."""

    start_sec: float
    end_sec: float
    class_index: int
    class_name: str
    score: float
    peak: float


def score_windows(items: Iterable[dict], score: Callable[[dict], np.ndarray]) -> Iterable[Window]:
    """Scores window after window; nothing of a window's frames is kept.

    Args:
        items: test items with "start_sec", "end_sec" and "video_sec"; a window ends with its video.
        score: one item to scores [K], the function evaluation uses.
    """
    for item in items:
        yield Window(float(item["start_sec"]), float(min(item["end_sec"], item["video_sec"])), score(item))


def merge(windows: Sequence[Window], names: Sequence[str], threshold: float = 0.0) -> list[Segment]:
    """Merges touching windows with the same best class into segments that neither overlap nor leave their windows.

    A moment covered by several windows belongs to the one whose centre is nearest, so that the borders lie midway between
    window centres. What no window covers belongs to no segment.

    Args:
        windows: in order of time.
        names: one per class.
        threshold: windows whose best score is lower belong to no segment.
    """
    segments: list[Segment] = []
    members: list[float] = []
    for number, window in enumerate(windows):
        best = int(top_classes(window.scores[None], 1)[0, 0])
        score = float(window.scores[best])
        if score < threshold:
            continue
        start, end = _own_span(windows, number)
        if segments and segments[-1].class_index == best and start - segments[-1].end_sec < TOUCHING_SEC:
            members.append(score)
            segments[-1] = Segment(segments[-1].start_sec, end, best, names[best], float(np.mean(members)), max(members))
        else:
            members = [score]
            segments.append(Segment(start, end, best, names[best], score, score))
    return segments


def _own_span(windows: Sequence[Window], number: int) -> tuple[float, float]:
    """The part of a window that is nearer to its centre than to its neighbours' centres."""
    centre = [(w.start_sec + w.end_sec) / 2 for w in windows[max(number - 1, 0) : number + 2]]
    here = 0 if number == 0 else 1
    window = windows[number]
    start, end = window.start_sec, window.end_sec
    if number > 0:
        start = max(start, (centre[here - 1] + centre[here]) / 2)
    if number + 1 < len(windows):
        end = min(end, (centre[here] + centre[here + 1]) / 2)
    return start, end


def to_srt(segments: Sequence[Segment]) -> str:
    """Segments as SubRip subtitles: "class 93 %"."""
    blocks = []
    for number, segment in enumerate(segments, start=1):
        name = " ".join(segment.class_name.split())  # a line break would end the subtitle
        span = f"{srt_time(segment.start_sec)} --> {srt_time(segment.end_sec)}"
        blocks.append(f"{number}\n{span}\n{name} {100 * segment.score:.0f} %\n")
    return "\n".join(blocks)


def srt_time(seconds: float) -> str:
    """Seconds as HH:MM:SS,mmm."""
    milliseconds = round(max(seconds, 0.0) * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d},{rest % 1000:03d}"


def top_at(windows: Sequence[Window], seconds: float, count: int) -> list[tuple[int, float]]:
    """Best classes (index, score) of the window whose centre is nearest to a moment, for running labels."""
    if not windows:
        return []
    nearest = min(windows, key=lambda w: abs((w.start_sec + w.end_sec) / 2 - seconds))
    return [(int(i), float(nearest.scores[i])) for i in top_classes(nearest.scores[None], count)[0]]
