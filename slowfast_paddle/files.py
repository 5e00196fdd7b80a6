"""Files that appear whole or not at all, and text that users wrote."""

import glob
import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from slowfast_paddle.errors import DataError


class Digesting:
    """A file that computes the SHA-256 of what passes through it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def write(self, data: Any) -> int:
        """Write on."""
        self.sha256.update(data)
        return self._file.write(data)


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """Opens a hidden file beside `path` for writing; a clean end puts it in place of `path`, anything else removes it.

    Raises:
        OSError: the folder cannot be made or written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = _scratch(path)
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


def write_scratch(path: Path, write: Callable[[Digesting], Any]) -> tuple[Path, str]:
    """Writes a complete hidden file beside `path`, to be renamed by the caller; returns it with its SHA-256.

    Raises:
        OSError: the folder cannot be made or written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    scratch = _scratch(path)
    try:
        with scratch.open("wb") as file:
            digesting = Digesting(file)
            write(digesting)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
    return scratch, digesting.sha256.hexdigest()


def sync_folder(folder: Path) -> None:
    """Puts the renames in a folder onto the disk, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _prefix(path: Path) -> str:
    return f".{path.name}.{platform.node()}."  # folders are shared, and a process number means nothing elsewhere


def _scratch(path: Path) -> Path:
    return path.with_name(f"{_prefix(path)}{os.getpid()}.tmp")


def _remove_leftovers(path: Path) -> None:
    """Removes what processes of this machine left that were killed while they wrote `path`."""
    if os.name == "nt":  # there one cannot ask whether a process runs without stopping it
        return
    for leftover in path.parent.glob(f"{glob.escape(_prefix(path))}*.tmp"):
        process = leftover.name.split(".")[-2]
        if process.isdecimal() and not _runs(int(process)):
            leftover.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True


def read_user_file(path: Path, expected: str) -> bytes:
    """Content of a file of the user, without the mark that Excel's "CSV UTF-8" begins with.

    Raises:
        DataError: it is missing or cannot be read; `expected` says what it should be.
    """
    try:
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; expected {expected}") from None
    except OSError as err:
        raise DataError(f"{path}: cannot be read ({err.strerror}); expected {expected}") from err


def read_text(path: Path, expected: str) -> str:
    """Text of a file of the user.

    Raises:
        DataError: it is missing, cannot be read, or is not UTF-8 (with the line).
    """
    content = read_user_file(path, expected)
    try:
        text = content.decode()
    except UnicodeDecodeError as err:
        line = content.count(b"\n", 0, err.start) + 1
        raise not_utf8(f"{path}:{line}") from None
    if "\0" in text:
        raise not_utf8(str(path))
    return text


def not_utf8(where: str) -> DataError:
    """The error of a text in another encoding, such as GBK or UTF-16."""
    return DataError(f"{where}: this text is not UTF-8; save the file as UTF-8 (in Excel: CSV UTF-8)")
