"""AVA-style data sets: a clip around each keyframe, with the boxes moved along."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slowfast_paddle.data import ava_boxes
from slowfast_paddle.data.ava_keyframes import ClipGrid, Keyframe, Keyframes, to_targets
from slowfast_paddle.data.ava_labels import ActionList
from slowfast_paddle.data.ava_source import ClipSource
from slowfast_paddle.data.kinetics import CLIP_WORD, Key
from slowfast_paddle.data.transforms import draw_short_side, place_crop, resize_bilinear, resized_size
from slowfast_paddle.errors import DataError

logger = logging.getLogger(__name__)

REPLACEMENTS = 20  # unreadable keyframes in a row after which something other than single files is wrong


@dataclass(frozen=True)
class AvaTrainOptions:
    """Training geometry: short side drawn from a range (its inverse evenly), random crop, flip with a probability."""

    short_side_px: tuple[int, int] = (256, 320)
    crop_px: int = 224
    flip: float = 0.5


class _KeyframeDataset:
    """What the reader processes need to know of a data set: its names, and which items killed a reader."""

    def __init__(self, source: ClipSource, keyframes: Keyframes, grid: ClipGrid):
        check_seconds(source, keyframes.items)
        self.keyframes = keyframes.items
        self.unreadable: dict[int, str] = {}  # index -> reason
        self._source, self._grid = source, grid

    def __len__(self) -> int:
        return len(self.keyframes)

    def name(self, index: int) -> str:
        """The keyframe, for messages."""
        return self.keyframes[index].image

    def _read(self, index: int, resize: "_Resize") -> np.ndarray:
        if index in self.unreadable:
            raise DataError(self.unreadable[index])
        keyframe = self.keyframes[index]
        return self._source.read(keyframe.video, keyframe.second, self._grid, resize)


class AvaTrainDataset(_KeyframeDataset):
    """Random crops with the boxes they show.

    A sample is {"clip": uint8 [T, S, S, 3], "boxes": float32 [R, 4] px, "label": float32 [R, columns], "index", "skipped"}.
    R may be 0: boxes that the crop leaves out are dropped. A keyframe that cannot be read is replaced by another and named in
    "skipped". What a sample looks like depends on its key alone.
    """

    def __init__(
        self,
        source: ClipSource,
        keyframes: Keyframes,
        actions: ActionList,
        grid: ClipGrid,
        options: AvaTrainOptions,
        seed: int = 0,
    ):
        super().__init__(source, keyframes, grid)
        self._targets = [to_targets(keyframe, actions.columns, actions.num_columns) for keyframe in self.keyframes]
        self._options, self._seed = options, seed

    def __getitem__(self, key: Key) -> dict:
        skipped = []
        for attempt in range(REPLACEMENTS):
            rng = np.random.default_rng([CLIP_WORD, self._seed, key.epoch, key.index, attempt])
            index = key.index if attempt == 0 else int(rng.integers(len(self)))
            try:
                return self._sample(index, rng) | {"skipped": skipped}
            except DataError as err:
                self.unreadable[index] = str(err)
                skipped.append(f"{self.name(index)}: {err}")
        raise DataError(f"{REPLACEMENTS} keyframes in a row are unreadable, the last: {skipped[-1]}; is the folder mounted?")

    def _sample(self, index: int, rng: np.random.Generator) -> dict:
        options = self._options
        resize = _Resize(draw_short_side(*options.short_side_px, rng, inverse=True))
        clip = self._read(index, resize)
        y, x = place_crop(*clip.shape[1:3], options.crop_px, tuple(rng.random(2)))
        clip = clip[:, y : y + options.crop_px, x : x + options.crop_px]
        boxes = ava_boxes.crop_boxes(resize.boxes(self.keyframes[index].boxes), y, x)
        if rng.random() < options.flip:
            clip = clip[:, :, ::-1]
            boxes = ava_boxes.flip_boxes(boxes, options.crop_px)
        boxes = ava_boxes.clip_boxes(boxes, options.crop_px, options.crop_px)
        seen = ava_boxes.visible(boxes)
        return {
            "clip": np.ascontiguousarray(clip),
            "boxes": boxes[seen].astype(np.float32),
            "label": self._targets[index][seen],
            "index": index,
        }


class AvaTestDataset(_KeyframeDataset):
    """One keyframe an item: {"index", "image", "boxes": float64 [R, 4] fractions, "views": list, "error": str}.

    A view is {"clip": uint8 [T, H, W, 3], "boxes": float32 [R, 4] px}: the whole frame at one short side, plain or mirrored.
    A keyframe that cannot be read has no views and says why in "error".
    """

    def __init__(
        self, source: ClipSource, keyframes: Keyframes, grid: ClipGrid, short_sides_px: Sequence[int] = (224,), flip: bool = False
    ):
        super().__init__(source, keyframes, grid)
        self._short_sides, self._flips = tuple(short_sides_px), (False, True) if flip else (False,)

    def __getitem__(self, key: Key | int) -> dict:
        index = key.index if isinstance(key, Key) else key
        keyframe = self.keyframes[index]
        item = {"index": index, "image": keyframe.image, "boxes": keyframe.boxes, "views": [], "error": ""}
        try:
            return item | {"views": self._views(index, keyframe)}
        except DataError as err:
            return item | {"error": str(err)}

    def _views(self, index: int, keyframe: Keyframe) -> list[dict]:
        views = []
        for side in self._short_sides:
            resize = _Resize(side)
            clip = self._read(index, resize)
            height, width = clip.shape[1:3]
            boxes = ava_boxes.clip_boxes(resize.boxes(keyframe.boxes), height, width)
            for flip in self._flips:
                moved = ava_boxes.flip_boxes(boxes, width) if flip else boxes
                frames = np.ascontiguousarray(clip[:, :, ::-1]) if flip else clip
                views.append({"clip": frames, "boxes": moved.astype(np.float32)})
        return views


class _Resize:
    """Brings frames to a short side and remembers the sizes, which the boxes need."""

    def __init__(self, short_side: int):
        self._short_side = short_side
        self._size = self._new_size = (0, 0)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        if frame.shape[:2] != self._size:
            if self._size != (0, 0):
                raise DataError(f"the frame size changes from {self._size[::-1]} to {frame.shape[1::-1]} px within a clip")
            self._size = frame.shape[:2]
            self._new_size = resized_size(*self._size, self._short_side)
        return resize_bilinear(frame, *self._new_size)

    def boxes(self, fractions: np.ndarray) -> np.ndarray:
        """Boxes in px of the resized frame, float64 [R, 4]."""
        return ava_boxes.scale_boxes(ava_boxes.to_pixels(fractions, *self._size), self._size, self._new_size)


def collate_boxes(samples: Sequence[dict]) -> dict:
    """Join training samples with any number of boxes each.

    Shapes: clip uint8 [B, T, S, S, 3]; boxes float32 [sum R, 4], grouped by image; boxes_num int32 [B]; label float32
    [sum R, columns]; index int64 [B]; skipped list.
    """
    return {
        "clip": np.stack([sample["clip"] for sample in samples]),
        "boxes": np.concatenate([sample["boxes"] for sample in samples]),
        "boxes_num": np.array([len(sample["boxes"]) for sample in samples], dtype=np.int32),
        "label": np.concatenate([sample["label"] for sample in samples]),
        "index": np.array([sample["index"] for sample in samples], dtype=np.int64),
        "skipped": [text for sample in samples for text in sample["skipped"]],
    }


def check_seconds(source: ClipSource, keyframes: Sequence[Keyframe]) -> None:
    """Warn of keyframes outside their video, which see its first or last frame repeated.

    Raises:
        DataError: when most of them are, so that start_sec must be wrong.
    """
    ends = {video: source.end_sec(video) for video in dict.fromkeys(keyframe.video for keyframe in keyframes)}
    outside = [k for k in keyframes if not source.start_sec <= k.second < ends[k.video]]
    if not outside:
        return
    first = outside[0]
    told = (
        f"{len(outside)} of {len(keyframes)} keyframes lie outside their video, the first is {first.image}:"
        f" its frames cover seconds {source.start_sec:g} to {ends[first.video]:.2f}"
    )
    if 2 * len(outside) > len(keyframes):
        raise DataError(
            f"{told}; set start_sec to the second of the first frame (AVA cut at 15 minutes: 900), and the right frame rate"
        )
    logger.warning("%s; they see the nearest frame repeated", told)
