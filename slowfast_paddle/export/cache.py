"""Compiled programs on disk, so that only the first prediction with some weights pays for compiling.

A program is found by a digest of everything it depends on: weights, structure, source code of the layers, input
shapes, Paddle's version. A folder appears under its final name only when complete, and its files are checked against
their digests before use; what does not match is thrown away and built again.
"""

import contextlib
import dataclasses
import hashlib
import inspect
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import paddle

KEEP = 8  # programs; a SlowFast R50 takes 140 MB
MANIFEST = "manifest.json"
BUILDING = "building-"
BUILDING_SEC = 3600  # nothing takes so long to build; process numbers say nothing in a cache that machines share


def default_cache_dir() -> Path:
    """SLOWFAST_CACHE, else the user's cache folder."""
    home = os.environ.get("SLOWFAST_CACHE")
    if home:
        return Path(home)
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # neither HOME nor a line in passwd, as in containers: where nothing can be kept
        folder = Path(os.devnull)
    return folder / "slowfast_paddle" / "compiled"


def network_digest(network: paddle.nn.Layer, inputs: Sequence[np.ndarray], free_sizes: bool = False) -> str:
    """SHA-256 over all that decides the compiled program.

    Two networks of one structure and with the same weights can still differ in plain attributes (a pooling window, an
    activation) or in code, so these are part of it.
    """
    digest = hashlib.sha256(f"2 {paddle.__version__} {free_sizes}".encode())
    # Names, hooks and counters say nothing about the computation. Paddle: BatchNorm rewrites _data_format on first use.
    generic = {*vars(paddle.nn.Layer()), "_data_format"}
    sources = set()
    for name, layer in network.named_sublayers(include_self=True):
        plain = {k: v for k, v in vars(layer).items() if k not in generic and _is_plain(v)}
        digest.update(f"{name} {type(layer).__qualname__} {sorted(plain.items(), key=lambda kv: kv[0])}".encode())
        if not type(layer).__module__.startswith("paddle."):
            sources.add(inspect.getsourcefile(type(layer)))
    for source in sorted(source for source in sources if source):
        digest.update(Path(source).read_bytes())
    for name, tensor in sorted({**dict(network.named_buffers()), **network.state_dict()}.items()):
        array = np.ascontiguousarray(tensor.numpy())
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array)
    for array in inputs:
        digest.update(f"{array.dtype} {array.shape[1:]}".encode())
    return digest.hexdigest()


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str)) or dataclasses.is_dataclass(value)


def cached_folder(root: Path, key: str, build: Callable[[Path], None]) -> Path:
    """Folder of the program `key`, built by `build(folder)` when absent or damaged.

    Two processes may build at once: the first to finish wins, the other uses its result.
    """
    folder = kept_folder(root, key)
    if folder is not None:
        return folder
    folder = root / key
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = Path(tempfile.mkdtemp(dir=root, prefix=BUILDING))
    try:
        build(scratch)
        files = {path.name: _file_digest(path) for path in sorted(scratch.iterdir())}
        (scratch / MANIFEST).write_text(json.dumps({"key": key, "files": files}, indent=1))
        if not is_intact(folder):
            _drop(folder)
        try:
            os.rename(scratch, folder)
        except OSError:
            if not is_intact(folder):
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    _drop_oldest(root)
    return folder


def kept_folder(root: Path, key: str) -> Path | None:
    """Folder of the program `key` where an intact one is kept; it counts as used now."""
    folder = root / key
    if not is_intact(folder):
        return None
    with contextlib.suppress(OSError):  # a cache shared read-only has no order of use to keep
        os.utime(folder)
    return folder


def is_intact(folder: Path) -> bool:
    """True when the folder is complete and every file has the digest it was written with."""
    try:
        files = json.loads((folder / MANIFEST).read_text())["files"]
        return bool(files) and all(_file_digest(folder / name) == digest for name, digest in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def _drop(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _drop_oldest(root: Path) -> None:
    """Keeps the newest programs, and nothing of processes that were killed while they built."""
    for folder in root.glob(f"{BUILDING}*"):
        with contextlib.suppress(OSError):  # another process drops it too
            if time.time() - folder.stat().st_mtime > BUILDING_SEC:
                _drop(folder)
    found = [folder for folder in root.iterdir() if (folder / MANIFEST).is_file()]
    for folder in sorted(found, key=lambda f: f.stat().st_mtime, reverse=True)[KEEP:]:
        shutil.rmtree(folder, ignore_errors=True)
