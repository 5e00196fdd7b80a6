"""Looks into every video of some list files: what it really holds, and whether lists share it."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slowfast_paddle.data.decode import open_source
from slowfast_paddle.data.findings import Finding
from slowfast_paddle.data.kinetics import Key
from slowfast_paddle.data.loader import Loader
from slowfast_paddle.data.records import Records
from slowfast_paddle.data.sampler import EvalSampler
from slowfast_paddle.data.source import ReadOptions
from slowfast_paddle.errors import DecodeError

WHOLE = 0.95  # share of the promised frames below which a video counts as broken off
BLOCK = 1 << 20


@dataclass(frozen=True)
class VideoFacts:
    """One line of one list.

    Attributes:
        where: `list:line`.
        frames: decoded frames, not those a header promises.
        promised: frames that packets or header promise.
        digest: of the file's content; equal for copies under other names.
        error: why nothing could be decoded, else empty.
    """

    where: str
    path: str
    labels: tuple[int, ...]
    frames: int = 0
    promised: int = 0
    fps: float = 0.0
    height: int = 0
    width: int = 0
    digest: str = ""
    error: str = ""

    @property
    def seconds(self) -> float:
        """Length of what was decoded, s."""
        return self.frames / self.fps if self.fps else 0.0


class _FactsDataset:
    """What reader processes need to examine the videos of a list."""

    def __init__(self, records: Records, options: ReadOptions):
        self.records, self._options = records, options
        self.unreadable: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.records)

    def name(self, index: int) -> str:
        return self.records.path(index)

    def __getitem__(self, key: Key) -> VideoFacts:
        labels = self.records.label(key.index)
        classes = labels if isinstance(labels, tuple) else () if labels is None else (labels,)
        line = (self.records.where(key.index), self.name(key.index), classes)
        try:
            if key.index in self.unreadable:
                raise DecodeError(self.unreadable[key.index])
            return VideoFacts(*line, **_measured(Path(self.name(key.index)), self._options))
        except DecodeError as err:
            return VideoFacts(*line, error=str(err))


def _measured(path: Path, options: ReadOptions) -> dict:
    source = open_source(path, options)
    read = source.read(np.zeros(1, dtype=np.int64), lambda frame: frame, True)
    if not read.frames:
        raise DecodeError(f"{path}: no frame could be decoded{f' ({read.stopped_by})' if read.stopped_by else ''}")
    frames = source.timeline.count if read.total is None else read.total
    height, width = read.frames[0].shape[:2]
    return {
        "frames": frames,
        "promised": max(source.expected, frames),
        "fps": source.timeline.fps,
        "height": height,
        "width": width,
        "digest": content_digest(path),
    }


def content_digest(path: Path) -> str:
    """Hash of a file, or of the images of a folder in the order of their names."""
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        with file.open("rb") as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()


def examine(records: Records, options: ReadOptions, processes: int) -> Iterator[VideoFacts]:
    """Opens and decodes every video of a list once, in its order.

    Args:
        processes: reader processes; one that hangs or dies costs its video and nothing else. 0 reads in this process.
    """
    dataset = _FactsDataset(records, options)
    workers = min(processes, len(dataset))
    with Loader(
        dataset,
        EvalSampler(len(dataset)),
        lambda samples: {"facts": samples[0]},
        num_workers=workers,
        prefetch=2 * workers,
        timeout_sec=options.timeout_sec,
    ) as loader:
        for item in loader:
            yield item["facts"]


def findings_of(
    lists: Mapping[str, Sequence[VideoFacts]], min_sec: float, names: Mapping[int, str | None] | None
) -> Iterator[Finding]:
    """What is wrong with the videos of several lists.

    Args:
        lists: list file -> its videos, the training list first.
        min_sec: length of a training clip; shorter videos repeat their last frame.
        names: class number -> name; None where they are not known.
    """
    for source, videos in lists.items():
        good = [video for video in videos if not video.error]
        frames = sum(video.frames for video in good)
        hours = sum(video.seconds for video in good) / 3600
        yield Finding("note", f"{source}: {len(videos)} videos, {len(good)} readable, {frames} frames, {hours:.2f} h")
        yield from (Finding("error", f"{video.where}: {video.error}") for video in videos if video.error)
        for video in good:
            if video.frames < WHOLE * video.promised:
                yield Finding(
                    "warning", f"{video.where}: {video.path}: breaks off after {video.frames} of {video.promised} frames"
                )
            elif video.seconds < min_sec:
                yield Finding(
                    "warning", f"{video.where}: {video.path}: {video.seconds:.2f} s is shorter than a clip of {min_sec:.2f} s"
                )
        yield from _rates(source, good)
        yield from _twice(good)
    yield from _leaks(lists)
    yield from _classes(lists, names)


def _rates(source: str, videos: Sequence[VideoFacts]) -> Iterator[Finding]:
    """Frame rates and sizes, the most frequent first."""
    for what, counts in (
        ("frame rates, 1/s", Counter(f"{video.fps:.4g}" for video in videos)),
        ("sizes, px", Counter(f"{video.width}x{video.height}" for video in videos)),
    ):
        shown = ", ".join(f"{value} ({count})" for value, count in counts.most_common(5))
        if shown:
            more = f" and {len(counts) - 5} more" if len(counts) > 5 else ""
            yield Finding("note", f"{source}: {what}: {shown}{more}")


def _by_digest(videos: Iterable[VideoFacts]) -> dict[str, list[VideoFacts]]:
    groups: dict[str, list[VideoFacts]] = defaultdict(list)
    for video in videos:
        if video.digest:
            groups[video.digest].append(video)
    return groups


def _twice(videos: Sequence[VideoFacts]) -> Iterator[Finding]:
    for first, *others in _by_digest(videos).values():
        for other in others:
            differ = set(other.labels) != set(first.labels)
            labels = f", with another label ({_label(other)} instead of {_label(first)})" if differ else ""
            yield Finding("error" if differ else "warning", f"{other.where}: {other.path}: same content as {first.where}{labels}")


def _label(video: VideoFacts) -> str:
    return ",".join(map(str, video.labels)) or "none"


def _leaks(lists: Mapping[str, Sequence[VideoFacts]]) -> Iterator[Finding]:
    """Videos of the first list that a later one holds too."""
    (_, train), *others = lists.items()
    known = _by_digest(train)
    for _, videos in others:
        for video in videos:
            if video.digest in known:
                same = known[video.digest][0]
                text = f"{video.where}: {video.path}: is in the training list too ({same.where}); scores would be too high"
                yield Finding("error", text)


def _classes(lists: Mapping[str, Sequence[VideoFacts]], names: Mapping[int, str | None] | None) -> Iterator[Finding]:
    """A row per class with its readable videos in every list."""
    counts = [Counter(label for video in videos if not video.error for label in video.labels) for videos in lists.values()]
    for label in sorted(set().union(*counts, names or ())):
        own = [count[label] for count in counts]
        called = f" {names[label]}" if names and names.get(label) else ""
        meaning = "" if all(own) else "; it is not tested" if own[0] else "; it cannot be learnt"
        yield Finding("warning" if meaning else "note", f"class {label}{called}: {' + '.join(map(str, own))} videos{meaning}")
