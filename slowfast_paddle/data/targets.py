"""One output file per video, with names that stay apart when two videos have the same one."""

from collections.abc import Sequence
from pathlib import Path


def target_names(videos: Sequence[str], folder: str | Path, suffix: str) -> list[Path]:
    """`folder/<stem><suffix>` for every video; from the second of a name on `<stem>-2<suffix>` and so on."""
    taken: set[str] = set()
    targets = []
    for video in videos:
        stem = Path(video.split("?")[0] if "://" in video else video).stem or "video"
        name, number = stem, 1
        while name.lower() in taken:  # some file systems ignore case
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        targets.append(Path(folder) / f"{name}{suffix}")
    return targets
