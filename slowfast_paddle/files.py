"""Files that appear whole or not at all."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from slowfast_paddle.errors import DataError


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """Opens a hidden file beside `path` for writing; a clean end puts it in place of `path`, anything else removes it.

    Raises:
        OSError: the folder cannot be made or written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with scratch.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Writes a file in UTF-8. What a file name holds beyond that becomes an escape, which JSON reads back as it was.

    Raises:
        DataError: the file cannot be written.
    """
    try:
        with replacing(path) as file:
            file.write(text.encode("utf-8", "backslashreplace"))
    except OSError as err:
        raise unwritable(path, err) from err


def write_json(path: str | Path, content: Any) -> None:
    """Writes JSON.

    Raises:
        DataError: the file cannot be written, or a number is not finite, which JSON has no word for.
    """
    try:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError as err:
        raise DataError(f"{path}: not written, because a value is not a finite number ({err})") from err
    write_text(path, text + "\n")


def check_folder(folder: str | Path) -> None:
    """Tries to write where a folder is or will be made, so that this fails before the work and not after it.

    Raises:
        DataError: files cannot be written there.
    """
    try:
        path = Path(folder).absolute()
        there = next(place for place in (path, *path.parents) if place.exists())
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as err:
        raise unwritable(folder, err) from err


def unwritable(path: str | Path, err: OSError) -> DataError:
    """One line about a file or folder that cannot be written."""
    return DataError(f"{path}: cannot be written ({err.strerror or err}); free space or name another folder")
