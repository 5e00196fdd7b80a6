"""PySlowFast's lists of extracted frames, as Charades and Something-Something come: one line a frame.

    original_vido_id video_id frame_id path labels
    AO8RW 0 0 AO8RW/AO8RW-000001.jpg "1,2"
    AO8RW 0 1 AO8RW/AO8RW-000002.jpg ""

Something-Something's lines have no labels; those stand in the set's own json files, which PySlowFast wants in the same folder.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from slowfast_paddle.errors import DataError

HEADER = b"original_vid"
FORM = "`original_vido_id video_id frame_id path labels`"
SSV2 = "something-something-v2"


@dataclass
class FrameVideo:
    """The frames of one video.

    Attributes:
        folder: of its images.
        line: of its first frame, from 1.
        frames: how many are listed.
        spans: (label, first frame, last frame), frames counted from 0.
    """

    name: str
    folder: bytes
    line: int
    frames: int = 0
    spans: list[tuple[int, int, int]] = field(default_factory=list)


def frame_videos(text: bytes, source: str) -> Iterator[FrameVideo]:
    """The videos of a frame list in its order.

    Raises:
        DataError: a malformed line, or a video whose frames lie apart in the list or on disk.
    """
    seen: set[bytes] = set()
    since: dict[int, int] = {}  # label -> first frame of its present span
    video, current = FrameVideo("", b"", 0), b""
    lines = enumerate(io.BytesIO(text), 1)
    next(lines)
    for number, line in lines:
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 5:
            raise DataError(f"{source}:{number}: {len(fields)} fields; a frame list has five: {FORM}, without blanks in the path")
        folder = fields[3].strip(b'"').rpartition(b"/")[0] or b"."
        if fields[0] != current:
            if current:
                yield _closed(video, since)
            if fields[0] in seen:
                raise DataError(
                    f"{source}:{number}: more frames of {_text(fields[0])}; the frames of a video must follow one another"
                )
            current, since = fields[0], {}
            seen.add(current)
            video = FrameVideo(_text(current), folder, number)
        if folder != video.folder:
            raise DataError(
                f"{source}:{number}: the frames of {video.name} lie in {_text(video.folder)} and {_text(folder)}; "
                f"expected one folder a video"
            )
        try:
            labels = {int(label) for label in fields[4].strip(b'"').split(b",") if label}
        except ValueError:
            raise DataError(f"{source}:{number}: labels {_text(fields[4])} are no class numbers; expected as in {FORM}") from None
        if labels != since.keys():
            video.spans += [(label, first, video.frames - 1) for label, first in since.items() if label not in labels]
            since = {label: since.get(label, video.frames) for label in labels}
        video.frames += 1
    if current:
        yield _closed(video, since)


def _closed(video: FrameVideo, since: dict[int, int]) -> FrameVideo:
    video.spans += [(label, first, video.frames - 1) for label, first in since.items()]
    return video


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def ssv2_labels(folder: Path) -> dict[str, int]:
    """Class number of every video named by Something-Something's json files in a folder: {} when there are none.

    Raises:
        DataError: a file that is not what the set publishes.
    """
    path = folder / f"{SSV2}-labels.json"
    if not path.is_file():
        return {}
    try:
        numbers = json.loads(path.read_bytes())
        found = {}
        for path in (folder / f"{SSV2}-{part}.json" for part in ("train", "validation")):
            for entry in json.loads(path.read_bytes()) if path.is_file() else ():
                found[str(entry["id"])] = int(numbers[entry["template"].replace("[", "").replace("]", "")])
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise DataError(f"{path}: not a label file of Something-Something v2 ({type(err).__name__}: {err})") from err
    return found
