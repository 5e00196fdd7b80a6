"""Write what torch.save writes, without torch: a zip archive of one pickle and one raw entry per tensor.

The pickle uses only what torch.load(weights_only=True) accepts. Entries start at multiples of 64 bytes, as torch
aligns them, so that torch can map the file.
"""

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from slowfast_paddle.errors import ConvertError
from slowfast_paddle.files import replacing

_STORAGES = {"float32": b"FloatStorage", "int64": b"LongStorage"}
_ROOT = "archive"
_ALIGNMENT = 64


def write_torch(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write nested dicts of strings, numbers and float32 or int64 arrays; the file appears complete or not at all.

    Raises:
        ConvertError: The folder cannot be written to.
    """
    tensors: list[np.ndarray] = []
    stream = b"\x80\x02" + _pickled(content, tensors) + b"."
    try:
        with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            _add(archive, "data.pkl", stream)
            _add(archive, "byteorder", b"little")
            for number, tensor in enumerate(tensors):
                little = np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<"))
                _add(archive, f"data/{number}", little.tobytes())
            _add(archive, "version", b"3\n")
    except OSError as err:
        raise ConvertError(f"{path}: cannot be written: {err.strerror or err}") from err


def _add(archive: zipfile.ZipFile, name: str, raw: bytes) -> None:
    info = zipfile.ZipInfo(f"{_ROOT}/{name}")  # its fixed date makes equal weights equal files
    assert archive.fp is not None
    data_at = archive.fp.tell() + 30 + len(info.filename) + 4
    padding = -data_at % _ALIGNMENT
    info.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
    archive.writestr(info, raw)


def _pickled(item: Any, tensors: list[np.ndarray]) -> bytes:
    """Protocol 2 opcodes of one object; tensors are collected and referred to by number."""
    if item is None:
        return b"N"
    if isinstance(item, bool):
        return b"\x88" if item else b"\x89"
    if isinstance(item, int):
        return b"\x8a\x08" + struct.pack("<q", item)
    if isinstance(item, float):
        return b"G" + struct.pack(">d", item)
    if isinstance(item, str):
        raw = item.encode("utf-8")
        return b"X" + struct.pack("<I", len(raw)) + raw
    if isinstance(item, np.ndarray):
        return _tensor(item, tensors)
    if isinstance(item, tuple):
        return b"(" + b"".join(_pickled(part, tensors) for part in item) + b"t"
    assert isinstance(item, Mapping), f"no pickle for {type(item)}"
    pairs = b"".join(_pickled(key, tensors) + _pickled(value, tensors) for key, value in item.items())
    return b"ccollections\nOrderedDict\n)R(" + pairs + b"u"


def _tensor(array: np.ndarray, tensors: list[np.ndarray]) -> bytes:
    storage = (
        b"(" + _pickled("storage", tensors) + b"ctorch\n" + _STORAGES[array.dtype.name] + b"\n"
        + _pickled(str(len(tensors)), tensors) + _pickled("cpu", tensors) + _pickled(int(array.size), tensors) + b"tQ"
    )  # fmt: skip
    tensors.append(array)
    strides = tuple(int(np.prod(array.shape[axis + 1 :])) for axis in range(array.ndim))
    place = _pickled(0, tensors) + _pickled(array.shape, tensors) + _pickled(strides, tensors)
    # no gradient, no hooks
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + place + b"\x89ccollections\nOrderedDict\n)RtR"
