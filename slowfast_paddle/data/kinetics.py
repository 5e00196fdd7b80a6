"""Datasets of trimmed videos: clips for training and validation, all views of a video for testing and prediction.

Both take plain values. A dataset is indexed by a `Key`: what a sample looks like depends on the epoch and the index alone, not
on the number of readers, the rank, or whether the run was resumed.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from slowfast_paddle.data.augment import ClipAugment
from slowfast_paddle.data.cache import FrameCache
from slowfast_paddle.data.cropping import Cropping, ResizedCrop
from slowfast_paddle.data.decode import open_source
from slowfast_paddle.data.protocol import Protocol, get_protocol
from slowfast_paddle.data.records import Records
from slowfast_paddle.data.sampling import ClipShape, centred_clip, clips, random_clip
from slowfast_paddle.data.source import DEFAULT_OPTIONS, Clips, FrameSource, Keep, ReadOptions, read_clips
from slowfast_paddle.data.sources import Video, readable
from slowfast_paddle.data.transforms import RESIZERS, crop_offsets, resized_size
from slowfast_paddle.errors import DataError, DecodeError

# First word of a generator's seed, so that no two purposes share a stream; engine/seeding.py has 0.
ORDER_WORD, CLIP_WORD, REPLACEMENT_WORD = 1, 2, 3

REPLACEMENTS = 20  # unreadable videos in a row after which something other than single files is wrong


class ClipSize(NamedTuple):
    """A training clip of another size than the data set's own, as multigrid training asks for."""

    num_frames: int
    sampling_rate: int
    crop_px: int


class Key(NamedTuple):
    """What a loader asks a dataset for; `size` None is the data set's own."""

    epoch: int
    index: int
    size: ClipSize | None = None


def _unheard(index: int) -> None:
    """Default of ClipDataset.opening."""


class ClipDataset:
    """One clip a video, or several random ones.

    Training draws the clip's start, the short side, the crop and the flip; validation takes the centre of everything. A sample is
    {"clip": uint8 [T, crop, crop, 3], "label": int64 or float32 [classes], "index": int64, "skipped": list[str]}; with `repeats`
    above 1 clip, label and index have that many rows in front. An unreadable video gives {"label", "index", "error"} in
    validation; in training another video takes its place and "skipped" says so.

    Args:
        records: labelled videos.
        shape: frames of the fastest pathway and their stride.
        train: draw, or take the centre.
        crop_px, short_side_px, inverse, flip, resized: see Cropping.
        seed: of everything drawn.
        num_classes: length of the label vector of multi-label records.
        augment: of training clips, after the crop.
        repeats: random clips of a training video, decoded at once (repeated augmentation); 1 is the plain sample.
        cache: small copies of decoded videos to read from.
    """

    def __init__(
        self,
        records: Records,
        shape: ClipShape,
        *,
        train: bool,
        crop_px: int = 224,
        short_side_px: tuple[int, int] = (256, 320),
        inverse: bool = False,
        flip: float = 0.5,
        resized: ResizedCrop | None = None,
        seed: int = 0,
        num_classes: int | None = None,
        options: ReadOptions = DEFAULT_OPTIONS,
        resize: str = "bilinear",
        augment: ClipAugment = ClipAugment(),  # noqa: B008  frozen
        repeats: int = 1,
        cache: FrameCache | None = None,
    ):
        if records.multi_label and num_classes is None:
            raise DataError(f"{records.source}: multi-label records need the number of classes (model.num_classes)")
        self.records = records
        self.shape = shape
        self.train = train
        self.cropping = Cropping(crop_px, short_side_px, flip, resized, resize, inverse)
        self.seed = seed
        self.num_classes = num_classes
        self.options = options
        self.augment = augment
        self.repeats = repeats
        self.cache = cache
        self.unreadable: dict[int, str] = {}  # index -> reason; grows as videos fail, and a reader pool adds those that hung
        self.opening: Callable[[int], None] = _unheard  # told which video is about to be opened

    def __len__(self) -> int:
        return len(self.records)

    def name(self, index: int) -> str:
        """The video's path, for messages."""
        return self.records.path(index)

    def __getitem__(self, key: Key) -> dict:
        if not self.train:
            return self._validation_sample(key.index)
        skipped = []
        for attempt in range(REPLACEMENTS):
            index = self._candidate(key, attempt)
            try:
                clips, shown = self._random_clips(index, key, attempt)
            except DecodeError as err:
                skipped.append(f"{self.records.where(index)}: {err}")
                continue
            labels = [self._label(index, frames) for frames in shown]
            if self.repeats == 1:
                return {"label": labels[0], "index": np.int64(index), "clip": clips[0], "skipped": skipped}
            indices = np.full(self.repeats, index, np.int64)
            return {"label": np.stack(labels), "index": indices, "clip": np.stack(clips), "skipped": skipped}
        raise DataError(
            f"{self.records.source}: {REPLACEMENTS} videos in a row are unreadable, the last: {skipped[-1]}; check data.prefix"
        )

    def _candidate(self, key: Key, attempt: int) -> int:
        """The asked video first, then others that depend on the key alone."""
        if attempt == 0:
            return key.index
        return int(np.random.default_rng([REPLACEMENT_WORD, self.seed, key.epoch, key.index, attempt]).integers(len(self)))

    def _validation_sample(self, index: int) -> dict:
        try:
            read = self._read(index, lambda count, fps: centred_clip(count, fps, self.shape)[None], self.cropping.centred())
        except DecodeError as err:
            return {"label": self._label(index), "index": np.int64(index), "error": f"{self.records.where(index)}: {err}"}
        return {"clip": read.frames[read.index[0]], "label": self._label(index), "index": np.int64(index), "skipped": []}

    def _random_clips(self, index: int, key: Key, attempt: int) -> tuple[list[np.ndarray], np.ndarray]:
        """`repeats` clips uint8 [T, crop, crop, 3], each with its own start, crop and augmentation; their frames [repeats, T]."""
        shape, cropping = self.shape, self.cropping
        if key.size is not None:
            shape = replace(shape, num_frames=key.size.num_frames, sampling_rate=key.size.sampling_rate)
            cropping = cropping.at(key.size.crop_px)
        words = [CLIP_WORD, self.seed, key.epoch, key.index, attempt]
        rngs = [np.random.default_rng([*words, repeat]) for repeat in range(self.repeats)]
        starts = [rng.integers(2**63) for rng in rngs]  # one number fixes a start, however often the plan is asked
        cuts = [cropping.drawn(rng) for rng in rngs]

        def plan(count: int, fps: float) -> np.ndarray:
            return np.stack([random_clip(count, fps, shape, np.random.default_rng(start)) for start in starts])

        def keep(frame: np.ndarray) -> np.ndarray:  # [repeats, crop, crop, 3]; a single cut is copied once, where it is kept
            return np.stack([cut(frame) for cut in cuts]) if len(cuts) > 1 else cuts[0](frame)[None]

        read = self._read(index, plan, keep)
        clips = [self.augment(read.frames[places, i], rng) for i, (places, rng) in enumerate(zip(read.index, rngs))]
        return clips, read.source_index

    def _open(self, path: str) -> FrameSource:
        if self.cache is None:
            return open_source(path, self.options)
        return self.cache.open(path, lambda: open_source(path, self.options))

    def _read(self, index: int, plan: Callable[[int, float], np.ndarray], keep: Keep) -> Clips:
        if index in self.unreadable:
            raise DecodeError(self.unreadable[index])
        self.opening(index)
        try:
            read = read_clips(self._open(self.name(index)), plan, keep, self.options, whole=not self.train)
            self.records.check_frames(index, read.decoded)
            return read
        except DecodeError as err:
            self.unreadable[index] = str(err)
            raise

    def _label(self, index: int, clip: np.ndarray | None = None) -> np.ndarray | np.int64:
        label = self.records.label(index, clip)
        if not self.records.multi_label:
            return np.int64(-1 if label is None else label)
        several_hot = np.zeros(self.num_classes, np.float32)
        several_hot[list(label)] = 1.0
        return several_hot


class VideoViewsDataset:
    """All test views of a video, decoded once; views.py describes the items. A failure is the item's `error`, no other video.

    Args:
        records: videos, with or without labels.
        shape: frames of the fastest pathway and their stride.
        num_clips, num_crops: temporal windows, and 1 (centre) or 3 crops of each.
        protocol: name or Protocol: places of clips and crops, and the resize.
        videos: what to read instead of the records' paths, such as frames in memory.
        fps: rate of arrays or of frame folders, 1/s; None takes `options.frame_fps`.
    """

    def __init__(
        self,
        records: Records,
        shape: ClipShape,
        *,
        num_clips: int = 10,
        num_crops: int = 3,
        short_side_px: int = 256,
        crop_px: int = 256,
        protocol: str | Protocol = "pyslowfast",
        options: ReadOptions = DEFAULT_OPTIONS,
        videos: Sequence[Video] | None = None,
        fps: float | None = None,
    ):
        if crop_px > short_side_px:
            raise DataError(f"crop {crop_px} px exceeds the short side {short_side_px} px (test.crop_px, test.short_side_px)")
        if num_crops not in (1, 3):
            raise DataError(f"{num_crops} crops asked for; expected 1 (centre) or 3 (left, centre, right) (test.num_crops)")
        if num_clips < 1:
            raise DataError(f"{num_clips} clips asked for; expected at least 1 (test.num_clips)")
        self.records = records
        self.shape = shape
        self.num_clips = num_clips
        self.num_crops = num_crops
        self.short_side_px = short_side_px
        self.crop_px = crop_px
        self.protocol = get_protocol(protocol)
        self.options = options
        self.videos = videos
        self.fps = fps
        self.unreadable: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.records)

    def name(self, index: int) -> str:
        """The video's path, for messages."""
        return self.records.path(index)

    def __getitem__(self, key: Key | int) -> dict:
        index = key.index if isinstance(key, Key) else key
        item = {"index": index, "label": self.records.label(index), "path": self.name(index)}
        try:
            return item | self._views(index)
        except DecodeError as err:
            return item | self._nothing(str(err))

    def _views(self, index: int) -> dict:
        if index in self.unreadable:
            raise DecodeError(self.unreadable[index])
        path, protocol = self.name(index), self.protocol
        size: list[tuple[int, int]] = []  # of the first frame: a video that changes its size keeps it

        def keep(frame: np.ndarray) -> np.ndarray:
            if not size:
                size.append(resized_size(*frame.shape[:2], self.short_side_px, protocol.side_rounding))
            return RESIZERS[protocol.resize](frame, *size[0])

        def plan(count: int, fps: float) -> np.ndarray:
            return clips(protocol.clip_rule_of(path), count, fps, self.shape, self.num_clips)

        # An address is fetched by the reader that needs it and kept no longer.
        with readable(path if self.videos is None else self.videos[index], self.options.timeout_sec) as video:
            read = read_clips(open_source(video, self.options, self.fps), plan, keep, self.options)
        self.records.check_frames(index, read.decoded)
        offsets = crop_offsets(*read.frames.shape[1:3], self.crop_px, self.num_crops, protocol.crop_rounding)
        return {
            "error": "",
            "frames": read.frames,
            "frame_index": np.repeat(read.index, self.num_crops, axis=0),
            "offset_yx": np.tile(offsets, (self.num_clips, 1)),
            "crop": self.crop_px,
            "flip": np.zeros(self.num_clips * self.num_crops, bool),
            "decoded": read.decoded,
            "expected": read.expected,
            "fps": read.fps,
        }

    def _nothing(self, error: str) -> dict:
        return {
            "error": error,
            "frames": np.zeros((0, 0, 0, 3), np.uint8),
            "frame_index": np.zeros((0, self.shape.num_frames), np.int32),
            "offset_yx": np.zeros((0, 2), np.int32),
            "crop": self.crop_px,
            "flip": np.zeros(0, bool),
            "decoded": 0,
            "expected": 0,
            "fps": 0.0,
        }
