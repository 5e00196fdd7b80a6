"""Makes list files from what people have: a folder per class, or a table of paths, labels and splits."""

import csv
import io
import logging
import os
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from slowfast_paddle.data.list_lines import class_number
from slowfast_paddle.data.suffixes import VIDEOS
from slowfast_paddle.errors import DataError
from slowfast_paddle.files import read_text, replacing

# Folder names that say where videos go, not what they show -> list.
SPLITS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test", "testing": "test",
}  # fmt: skip
HELD_OUT = 0.2
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One labelled video and the list it goes to; without a split yet, None."""

    path: Path
    label: str
    split: str | None


def from_class_folders(folder: Path, held_out: float | None, seed: int) -> list[Entry]:
    """Reads `folder/<class>/<video>`, or `folder/<split>/<class>/<video>` where all folders are called train, val, test or so.

    Args:
        held_out: share of every class that is drawn by `seed` for split `val`; default HELD_OUT.

    Raises:
        DataError: fewer than two class folders, a class with fewer than two videos to draw from, or a share for given splits.
    """
    videos = _videos_below(folder)
    top = sorted({path.parts[0] for path in videos if len(path.parts) > 1})
    splits = [name for name in top if name.lower() in SPLITS] if len(top) > 1 else []
    depth = int(splits == top)  # of the folder that names the class
    videos = [path for path in videos if len(path.parts) > depth + 1]
    classes = sorted({path.parts[depth] for path in videos})
    if len(classes) < 2:
        raise DataError(
            f"{folder}: expected one folder of videos per class, found {len(classes)}: {', '.join(classes) or 'none'}; "
            f"videos end in {' '.join(VIDEOS)}"
        )
    entries = [Entry(folder / path, path.parts[depth], SPLITS[path.parts[0].lower()] if depth else None) for path in videos]
    if not depth:
        return drawn(entries, held_out, seed, str(folder))
    _refuse_share(held_out, f"{folder}: {', '.join(splits)}")
    return entries


def _videos_below(folder: Path) -> list[Path]:
    """Relative paths of the videos below, in order; other files are named, hidden ones and folders passed over."""
    found = (Path(parent, name).relative_to(folder) for parent, _, names in os.walk(folder, followlinks=True) for name in names)
    files = sorted(path for path in found if not any(part.startswith(".") for part in path.parts))
    others = Counter(path.suffix.lower() or path.name for path in files if path.suffix.lower() not in VIDEOS)
    if others:
        shown = ", ".join(f"{suffix} ({count})" for suffix, count in others.most_common(5))
        _log.warning("%s: %d files do not end as videos do and were left out: %s", folder, others.total(), shown)
    return [path for path in files if path.suffix.lower() in VIDEOS]


def drawn(entries: Iterable[Entry], held_out: float | None, seed: int, source: str) -> list[Entry]:
    """Splits into train and val: of every class the same share.

    Raises:
        DataError: the share is not between 0 and 1, or a class has one video.
    """
    share = HELD_OUT if held_out is None else held_out
    if not 0 < share < 1:
        raise DataError(f"--held_out {share:g} is no share of the videos; expected a number between 0 and 1, such as 0.2")
    classes: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        classes[entry.label].append(entry)
    split = []
    for name, own in classes.items():
        if len(own) < 2:
            raise DataError(f"{source}: class {name} has one video; a class needs at least one to train and one to test")
        shuffled = random.Random(f"{seed}/{name}").sample(own, len(own))
        count = min(len(own) - 1, max(1, round(share * len(own))))
        split += [replace(entry, split="val" if i < count else "train") for i, entry in enumerate(shuffled)]
    return sorted(split, key=lambda e: (e.split, str(e.path)))


def _refuse_share(held_out: float | None, where: str) -> None:
    if held_out is not None:
        raise DataError(f"{where} already tells which videos are held out; leave out --held_out {held_out:g}")


def from_table(
    table: Path,
    path_column: str,
    label_column: str,
    split_column: str | None,
    where: Mapping[str, str],
    held_out: float | None = None,
    seed: int = 0,
) -> list[Entry]:
    """Reads a csv with a header line; paths are relative to the table's folder.

    Args:
        split_column: default `split`, and where the table has none, `held_out` of every class is drawn by `seed`.
        where: keep the rows whose column has this value, e.g. {"core": "1"}.

    Raises:
        DataError: an unknown column, no row left, or a row without a path, label or split (with its line).
    """
    reader = csv.DictReader(io.StringIO(read_text(table, "a csv table with a header line"), newline=""))
    columns = reader.fieldnames or []
    if split_column is None and "split" in columns:
        split_column = "split"
    wanted = [path_column, label_column, *([split_column] if split_column else []), *where]
    missing = [column for column in wanted if column not in columns]
    if missing:
        raise DataError(f"{table}:1: no column '{missing[0]}'; the table has {', '.join(columns)}")
    entries = []
    for row in reader:
        if any(row[column] != value for column, value in where.items()):
            continue
        line = f"{table}:{reader.line_num}"
        if not row[path_column] or not row[label_column]:
            raise DataError(f"{line}: a row needs both '{path_column}' and '{label_column}'")
        if split_column and not re.fullmatch(r"\w[\w .-]*", row[split_column] or ""):
            raise DataError(
                f"{line}: '{split_column}' is {row[split_column] or ''!r}; expected the name of a list, as train or val"
            )
        split = row[split_column] if split_column else None
        entries.append(Entry((table.parent / row[path_column]).resolve(), row[label_column].strip(), split))
    if not entries:
        raise DataError(f"{table}: no row has {' and '.join(f'{k}={v}' for k, v in where.items()) or 'data'}")
    if split_column is None:
        return drawn(entries, held_out, seed, str(table))
    _refuse_share(held_out, f"{table}: column '{split_column}'")
    return entries


def write_lists(entries: Sequence[Entry], out: Path) -> dict[str, int]:
    """Writes `<out>/<split>.csv` (path,label) and `<out>/labels.txt` (class names, one a line, in label order).

    Labels that are all numbers already are kept, and there is no labels.txt then.

    Returns:
        Lines of each file, by its name.

    Raises:
        DataError: a class name that is no text.
    """
    names = sorted({entry.label for entry in entries})
    numbers = {name: class_number(name.encode("utf-8", "surrogateescape")) for name in names}
    named = None in numbers.values()
    ids = {name: i for i, name in enumerate(names)} if named else numbers
    files: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        files[f"{entry.split}.csv"].append(f"{entry.path.resolve()},{ids[entry.label]}\n")
    if named:
        for name in names:
            if re.search("[\ud800-\udfff\r\n]", name):
                raise DataError(f"class name {name!r} is not one line of UTF-8; rename the class")
        files["labels.txt"] = [f"{name}\n" for name in names]
    for name, lines in files.items():
        with replacing(out / name) as file:
            file.write("".join(lines).encode("utf-8", "surrogateescape"))
    return {name: len(lines) for name, lines in files.items()}
