"""Makes list files from what people have: a folder per class, or a table of paths, labels and splits."""

import csv
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from slowfast_paddle.errors import DataError

VIDEO_SUFFIXES = frozenset(
    [".mp4", ".avi", ".mkv", ".mov", ".webm", ".mpg", ".mpeg", ".m4v", ".wmv", ".flv", ".gif", ".3gp", ".ts"]
)


@dataclass(frozen=True)
class Entry:
    """One labelled video and the list it goes to."""

    path: Path
    label: str
    split: str


def from_class_folders(folder: Path, held_out: float, seed: int) -> list[Entry]:
    """Reads `folder/<class>/<video>`; of every class the same share, drawn by `seed`, is held out as split `val`.

    Raises:
        DataError: fewer than two class folders, or a class with fewer than two videos.
    """
    classes = {
        d.name: sorted(p for p in d.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES)
        for d in sorted(folder.iterdir())
        if d.is_dir()
    }
    classes = {name: paths for name, paths in classes.items() if paths}
    if len(classes) < 2:
        raise DataError(
            f"{folder}: expected one folder of videos per class, found {len(classes)}: {', '.join(classes) or 'none'}"
        )
    entries = []
    for name, paths in classes.items():
        if len(paths) < 2:
            raise DataError(f"{folder / name}: holds one video; a class needs at least one to train and one to test")
        shuffled = random.Random(f"{seed}/{name}").sample(paths, len(paths))
        count = min(len(paths) - 1, max(1, round(held_out * len(paths))))
        entries += [Entry(path, name, "val" if i < count else "train") for i, path in enumerate(shuffled)]
    return sorted(entries, key=lambda e: (e.split, str(e.path)))


def from_table(table: Path, path_column: str, label_column: str, split_column: str, where: Mapping[str, str]) -> list[Entry]:
    """Reads a csv with a header line; paths are relative to the table's folder.

    Args:
        where: keep the rows whose column has this value, e.g. {"core": "1"}.

    Raises:
        DataError: an unknown column, no row left, or a row without a path or label (with its line).
    """
    with table.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or []
        missing = [c for c in (path_column, label_column, split_column, *where) if c not in columns]
        if missing:
            raise DataError(f"{table}:1: no column '{missing[0]}'; the table has {', '.join(columns)}")
        entries = []
        for row in reader:
            if any(row[column] != value for column, value in where.items()):
                continue
            if not row[path_column] or not row[label_column]:
                raise DataError(f"{table}:{reader.line_num}: a row needs both '{path_column}' and '{label_column}'")
            entries.append(Entry((table.parent / row[path_column]).resolve(), row[label_column], row[split_column]))
    if not entries:
        raise DataError(f"{table}: no row has {' and '.join(f'{k}={v}' for k, v in where.items()) or 'data'}")
    return entries


def write_lists(entries: Sequence[Entry], out: Path) -> dict[str, int]:
    """Writes `<out>/<split>.csv` (path,label) and `<out>/labels.txt` (class names, one a line, in label order).

    Returns:
        Videos per split.
    """
    out.mkdir(parents=True, exist_ok=True)
    names = sorted({entry.label for entry in entries})
    ids = {name: i for i, name in enumerate(names)}
    lines: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        lines[entry.split].append(f"{entry.path.resolve()},{ids[entry.label]}\n")
    for split, rows in lines.items():
        (out / f"{split}.csv").write_text("".join(rows), encoding="utf-8")
    (out / "labels.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    return {split: len(rows) for split, rows in lines.items()}
