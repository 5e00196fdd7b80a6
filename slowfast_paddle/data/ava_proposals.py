"""Proposal pickles: {"video,second": array [N, 4 or 5]} of person boxes, read without executing anything they name."""

from pathlib import Path

import numpy as np

from slowfast_paddle import unpickle
from slowfast_paddle.data.ava_csv import NO_LABEL, BoxTable, check_boxes, image_key
from slowfast_paddle.errors import DataError


def read_proposals(path: str | Path) -> BoxTable:
    """Read a proposal file. Boxes without a score column count with score 1; `lines` numbers the boxes of the file from 1.

    Raises:
        DataError: naming the keyframe, for a key or an array of another form.
        CheckpointError: for a damaged file, or one that names code.
    """
    content = unpickle.load(path)
    if not isinstance(content, dict) or not content:
        raise DataError(f'{path}: holds {type(content).__name__}; expected a dict "video,second" -> array [N, 5]')
    videos, images, seconds, boxes = [], [], [], []
    for key, value in content.items():
        video, second = _place(path, key)
        rows = np.asarray(value)
        if rows.ndim != 2 or rows.shape[1] not in (4, 5) or not np.issubdtype(rows.dtype, np.number):
            raise DataError(f"{path}: {key!r} holds {rows.dtype} {rows.shape}; expected numbers [N, 5]: x1, y1, x2, y2, score")
        if not np.isfinite(rows).all():
            raise DataError(f"{path}: {key!r} holds a number that is not finite; expected x1, y1, x2, y2, score")
        if rows.shape[1] == 4:
            rows = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
        boxes.append(rows.astype(np.float64))
        videos += [video] * len(rows)
        images += [image_key(video, second)] * len(rows)
        seconds += [second] * len(rows)
    numbers = np.concatenate(boxes)
    table = BoxTable(
        path=str(path),
        videos=videos,
        images=images,
        seconds=np.array(seconds, dtype=np.float64),
        boxes=numbers[:, :4],
        labels=np.full(len(numbers), NO_LABEL),
        scores=numbers[:, 4],
        persons=None,
        lines=np.arange(1, len(numbers) + 1),
    )
    check_boxes(table)
    return table


def _place(path: str | Path, key: object) -> tuple[str, float]:
    video, comma, second = key.rpartition(",") if isinstance(key, str) else ("", "", "")
    try:
        if comma and video:
            return video, float(second)
    except ValueError:
        pass
    raise DataError(f'{path}: key {key!r} is not a keyframe; expected "video,second"')
