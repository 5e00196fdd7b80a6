"""Looks at an AVA-style set before anything is trained on it, and says why mAP would be 0."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from slowfast_paddle.data.ava_csv import NO_LABEL, BoxTable, read_detections, read_labels
from slowfast_paddle.data.ava_labels import action_list, read_label_map
from slowfast_paddle.data.ava_set import AvaFiles, open_clips, read_people
from slowfast_paddle.data.ava_source import ClipSource, FrameFolders
from slowfast_paddle.data.findings import Finding
from slowfast_paddle.errors import SlowFastError

Opened = TypeVar("Opened")
ALL, NONE = 0.95, 0.05  # shares of a video's boxes that count as all and none


def check_set(
    files: AvaFiles, other_labels: Sequence[str] = (), detections: str = "", num_classes: int | None = None
) -> list[Finding]:
    """Examine everything that is given; a file that cannot be read is a finding, and the others are still examined.

    Args:
        other_labels: further ground truth to compare with, such as the validation set's.
        detections: labelled detections that are to be scored against `files.labels`.
    """
    findings: list[Finding] = []
    names = _opened(findings, lambda: read_label_map(files.label_map))
    truths = [t for path in (files.labels, *other_labels) if path and (t := _opened(findings, lambda p=path: read_labels(p)))]
    people = [t for path in files.boxes if (t := _opened(findings, lambda p=path: read_people(p)))]
    scored = _opened(findings, lambda: read_detections(detections)) if detections else None
    if names:
        for table in [*truths, *([scored] if scored else [])]:
            findings += _class_numbers(table, names, num_classes)
        for table in truths:
            findings += _histogram(table, names)
            findings += _follows_the_video(table, names)
        findings += _seen_in_training(truths, names)
    for table in [*truths, *people, *([scored] if scored else [])]:
        findings += _outside_frame(table)
    for table in [*people, *([scored] if scored else [])]:
        findings += _keys_meet(truths[0], table) if truths else ()
    if files.frames or files.videos:
        source = _opened(findings, lambda: open_clips(files))
        if source:
            tables = [truths[0]] if truths else []
            findings += _seconds(source, [*tables, *people])
            findings += _files_present(source)
    return findings


def _opened(findings: list[Finding], read: Callable[[], Opened]) -> Opened | None:
    try:
        return read()
    except SlowFastError as err:
        findings.append(Finding("error", str(err)))
        return None


def _class_numbers(table: BoxTable, names: dict[int, str], num_classes: int | None) -> Iterator[Finding]:
    known = set(action_list(names, num_classes).columns)
    strange = ~np.isin(table.labels, list(known)) & (table.labels != NO_LABEL)
    if strange.any():
        row = int(np.argmax(strange))
        level = "error" if strange.all() else "warning"
        zero = (
            " (class numbers seem to count from 0; the list counts from 1)"
            if (table.labels == 0).any() and 0 not in known
            else ""
        )
        yield Finding(
            level,
            f"{table.where(row)}: class {table.labels[row]} is not in the label map{zero};"
            f" {int(strange.sum())} of {len(table)} rows have such classes: {_some(sorted(set(table.labels[strange].tolist())))}",
        )


def _histogram(table: BoxTable, names: dict[int, str]) -> Iterator[Finding]:
    rows = Counter(table.labels.tolist())
    text = ", ".join(f"{label} {names.get(label, '?')}: {count}" for label, count in sorted(rows.items()))
    boxes = len(_distinct_boxes(table))
    yield Finding(
        "note",
        f"{table.path}: {boxes} boxes on {len(set(table.images))} keyframes of {len(set(table.videos))} videos;"
        f" rows per class: {text}",
    )
    for label, count in sorted(rows.items()):
        if count >= boxes and len(rows) > 1:
            yield Finding(
                "warning",
                f"{table.path}: class {label} ({names.get(label, '?')}) is on every box, so it can be scored without looking",
            )
    missing = [label for label in names if label not in rows]
    if missing:
        yield Finding(
            "note",
            f"{table.path}: {len(missing)} classes of the label map never occur: {_some(missing)}; they do not count in mAP",
        )


def _distinct_boxes(table: BoxTable) -> set[tuple]:
    return {(video, image, *box) for video, image, box in zip(table.videos, table.images, table.boxes.tolist(), strict=True)}


def _follows_the_video(table: BoxTable, names: dict[int, str]) -> Iterator[Finding]:
    """Classes that all boxes of some videos have and no box of the others: the background gives them away."""
    boxes = Counter(video for video, *_ in _distinct_boxes(table))
    rows = Counter(zip(table.videos, table.labels.tolist(), strict=True))
    for label in sorted(set(table.labels.tolist())):
        shares = {video: rows[video, label] / count for video, count in boxes.items()}
        having = [video for video, share in shares.items() if share > NONE]
        if len(shares) > 1 and 0 < len(having) < len(shares) and all(shares[video] >= ALL for video in having):
            yield Finding(
                "warning",
                f"{table.path}: class {label} ({names.get(label, '?')}) follows the video: it is on the boxes of"
                f" {_some(having)} and on no other; a network can learn the scene instead of the action",
            )


def _seen_in_training(truths: Sequence[BoxTable], names: dict[int, str]) -> Iterator[Finding]:
    if len(truths) < 2:
        return
    trained = set(truths[0].labels.tolist())
    for table in truths[1:]:
        unseen = sorted(set(table.labels.tolist()) - trained)
        if unseen:
            yield Finding(
                "warning", f"{table.path}: classes {_some(unseen)} have no row in {truths[0].path}; their AP cannot be learned"
            )
        shared = set(table.videos) & set(truths[0].videos)
        if shared:
            yield Finding(
                "warning", f"{table.path}: videos {_some(sorted(shared))} are in {truths[0].path} too; the score would flatter"
            )


def _outside_frame(table: BoxTable) -> Iterator[Finding]:
    outside = ((table.boxes < 0) | (table.boxes > 1)).any(axis=1)
    if outside.any():
        row = int(np.argmax(outside))
        yield Finding(
            "note", f"{table.where(row)}: box reaches outside the frame, as {int(outside.sum())} rows do; they are clipped"
        )


def _keys_meet(truth: BoxTable, found: BoxTable) -> Iterator[Finding]:
    theirs, ours = set(found.images), set(truth.images)
    common = len(theirs & ours)
    text = f"{common} of {len(ours)} ground truth keyframes ({truth.path}) have boxes in {found.path}"
    if common:
        yield Finding("note" if common == len(ours) else "warning", text)
        return
    if not set(truth.videos) & set(found.videos):
        hint = f"the video names differ: {truth.videos[0]!r} against {found.videos[0]!r}; use the name without suffix"
    else:
        hint = f"the seconds differ: {truth.images[0]!r} against {found.images[0]!r}; subtract the offset from one of the files"
    yield Finding("error", f"{text}, so mAP is 0: {hint}")


def _seconds(source: ClipSource, tables: Sequence[BoxTable]) -> Iterator[Finding]:
    for table in tables:
        unknown = sorted(set(table.videos) - set(source.videos))
        if unknown:
            yield Finding(
                "error", f"{table.path}: no frames or video file for {_some(unknown)}; known are {_some(source.videos)}"
            )
        ends: dict[str, float] = {}
        for video in sorted(set(table.videos) & set(source.videos)):
            try:
                ends[video] = source.end_sec(video)
            except SlowFastError as err:
                yield Finding("error", str(err))
        late = [
            row
            for row, video in enumerate(table.videos)
            if video in ends and not source.start_sec <= table.seconds[row] < ends[video]
        ]
        if late:
            moments = len({table.images[row] for row in late})
            video = table.videos[late[0]]
            yield Finding(
                "error" if len(late) == len(table) else "warning",
                f"{table.where(late[0])}: second {table.seconds[late[0]]:g} lies outside the video, whose frames cover"
                f" {source.start_sec:g} to {ends[video]:.2f}; so do {moments} keyframes; check start_sec and the frame rate",
            )


def _files_present(source: ClipSource) -> Iterator[Finding]:
    """Listed frames that are not on the disk; one look per folder, not per frame."""
    if not isinstance(source, FrameFolders):
        return
    present: dict[Path, set[str]] = {}
    for video, frames in source.sequences.items():
        absent = []
        for path in (Path(frames.path(index)) for index in range(len(frames))):
            if path.parent not in present:
                present[path.parent] = {entry.name for entry in path.parent.iterdir()} if path.parent.is_dir() else set()
            if path.name not in present[path.parent]:
                absent.append(str(path))
        if absent:
            yield Finding(
                "error",
                f"{absent[0]}: listed but missing, as are {len(absent)} of {len(frames)} frames of {video}; extract it again",
            )


def _some(values: Sequence) -> str:
    shown = ", ".join(str(value) for value in values[:8])
    return f"{shown}, ... ({len(values)})" if len(values) > 8 else shown
