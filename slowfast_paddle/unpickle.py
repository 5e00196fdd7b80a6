"""Read a file of weights, of whichever framework, without running code from it and without that framework."""

import io
import mmap
import os
import zipfile
from pathlib import Path
from typing import Any

from slowfast_paddle.errors import CheckpointError
from slowfast_paddle.pickle_reader import DAMAGED, BoundedFile, PickleReader, Storage, UnreadablePickle

_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_TORCH_PROTOCOL = 1001
# Beginnings of files that people hand over instead of weights.
_STRANGERS = (
    (b"version https://git-lfs", "is a Git LFS pointer, not the weights; fetch them with `git lfs pull`"),
    (b"\x89HDF", "is an HDF5 file; export the weights to .pdparams, .pth or .pkl"),
    (b"\x1f\x8b", "is gzip-compressed; unpack it first"),
    (b"PADDLE", "is an encrypted Paddle model"),
    (b"{", "is JSON, not weights; give the .pdparams file beside it"),
    (b"%YAML", "is YAML, not weights"),
    (b"\0\0\0\0", "is a Paddle inference file (.pdiparams), which holds no names; give the training .pdparams"),
)


def load(path: str | os.PathLike[str]) -> Any:
    """Read a pickle, a Paddle .pdparams/.pdopt, or a file of torch.save (zip or legacy).

    Arrays come back as read-only numpy arrays; those of a torch file are views into the mapped file, so that nothing
    is read before it is used. bfloat16 becomes float32. As in paddle.load, the table of parameter names
    (StructuredToParameterName@@) is left out.

    Raises:
        CheckpointError: The file is missing, truncated, of another kind, or asks for code to be run.
    """
    path = Path(path)
    if path.is_dir():
        raise CheckpointError(f"{path}: is a folder; expected a file of weights")
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(512)
            file.seek(0)
            _check_kind(path, head, size)
            if head.startswith(b"PK"):
                return _read_torch_zip(path)
            return _read_pickle(file, size)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; expected a file of weights") from None
    except OSError as err:
        raise CheckpointError(f"{path}: cannot be read: {err.strerror or err}") from err
    except UnreadablePickle as err:
        raise CheckpointError(f"{path}: {err}") from None
    except zipfile.BadZipFile as err:
        reason = f"is a truncated or damaged archive of {size} bytes ({err}); download it again"
        raise CheckpointError(f"{path}: {reason}") from None
    except DAMAGED as err:
        reason = f"is truncated, damaged or not a file of weights ({type(err).__name__}: {str(err)[:80]})"
        raise CheckpointError(f"{path}: {reason}; download it again") from None


def _check_kind(path: Path, head: bytes, size: int) -> None:
    if size == 0:
        raise CheckpointError(f"{path}: is empty; expected a file of weights, download it again")
    for start, reason in _STRANGERS:
        if head.startswith(start):
            raise CheckpointError(f"{path}: {reason}")
    text = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<!--")):
        raise CheckpointError(f"{path}: is a web page, not weights; the download link gave an error page")
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < size:
        raise CheckpointError(f"{path}: is a safetensors file; save it with torch.save or as a pickle of arrays")
    if head[257:262] == b"ustar":
        raise CheckpointError(f"{path}: is a tar archive; unpack it, or save it again with a torch newer than 0.4")
    if not head.startswith((b"\x80", b"PK\x03\x04", b"(", b"}", b"]", b"c")):
        raise CheckpointError(f"{path}: is not a file of weights (it begins with {head[:8]!r})")


def _read_pickle(file: io.BufferedReader, size: int) -> Any:
    reader = PickleReader(BoundedFile(file, size))
    content = reader.load()
    if content == _TORCH_MAGIC and isinstance(content, int):
        return _read_torch_legacy(file, size)
    content = reader.resolve(content)
    if isinstance(content, dict):
        content.pop("StructuredToParameterName@@", None)
    return content


def _read_torch_legacy(file: io.BufferedReader, size: int) -> Any:
    """The format of torch.save before 1.6: four pickles (magic, version, machine, object), keys, raw storages."""
    bounded = BoundedFile(file, size)
    version, machine = PickleReader(bounded).load(), PickleReader(bounded).load()
    reader = PickleReader(bounded)
    content = reader.load()
    keys = PickleReader(bounded).load()
    listed = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if version != _TORCH_PROTOCOL or not isinstance(machine, dict) or not listed:
        raise UnreadablePickle("is a legacy torch file of an unknown version; save it again with torch")
    byteorder = "<" if machine.get("little_endian", True) else ">"
    mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    at = file.tell()
    for key in keys:
        storage = reader.storages[key]
        count = int.from_bytes(mapped[at : at + 8], "little")
        end = at + 8 + storage.numel * storage.itemsize
        if count != storage.numel or not at + 8 <= end <= size:
            raise UnreadablePickle(f"ends at {size} bytes, inside tensor storage {key!r}: truncated, download it again")
        storage.fill(mapped[at + 8 : end], byteorder)
        at = end
    return reader.resolve(content)


def _read_torch_zip(path: Path) -> Any:
    """The format of torch.save since 1.6: a zip archive of data.pkl and one uncompressed entry per storage."""
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        entries = {info.filename: info for info in archive.infolist()}
        roots = [name[: -len("data.pkl")] for name in entries if name.endswith("data.pkl")]
        if any(name.endswith("constants.pkl") for name in entries):
            raise UnreadablePickle("is a TorchScript program; save the state_dict of the network instead")
        if len(roots) != 1:
            raise UnreadablePickle(f"is a zip archive but not one of torch.save (it holds {', '.join(list(entries)[:3])})")
        root = roots[0]
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    stream = _entry(mapped, entries, root + "data.pkl")
    reader = PickleReader(BoundedFile(io.BytesIO(stream), len(stream)))
    content = reader.load()
    big = root + "byteorder" in entries and bytes(_entry(mapped, entries, root + "byteorder")) == b"big"
    for storage in reader.storages.values():
        _fill(storage, _entry(mapped, entries, f"{root}data/{storage.key}"), ">" if big else "<")
    return reader.resolve(content)


def _fill(storage: Storage, raw: memoryview, byteorder: str) -> None:
    if len(raw) < storage.numel * storage.itemsize:
        raise UnreadablePickle(f"declares {storage.numel} elements for storage {storage.key!r} but holds {len(raw)} bytes")
    storage.fill(raw[: storage.numel * storage.itemsize], byteorder)


def _entry(mapped: memoryview, entries: dict[str, zipfile.ZipInfo], name: str) -> memoryview:
    """The bytes of a stored entry, in place."""
    info = entries.get(name)
    if info is None:
        raise UnreadablePickle(f"holds no entry {name!r}: damaged, download it again")
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise UnreadablePickle(f"compresses its entry {name!r}, which torch.save never does: refused")
    head = mapped[info.header_offset : info.header_offset + 30]
    start = info.header_offset + 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    if len(head) < 30 or bytes(head[:4]) != b"PK\x03\x04" or start + info.file_size > len(mapped):
        raise UnreadablePickle(f"ends inside its entry {name!r}: truncated, download it again")
    return mapped[start : start + info.file_size]
