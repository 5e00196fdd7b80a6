"""What a user may hand to predict.py: videos, folders, globs, list files, frame folders, URLs, cameras."""

import contextlib
import glob
import logging
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np

from slowfast_paddle.data.frames import IMAGES
from slowfast_paddle.data.records import read_records
from slowfast_paddle.data.suffixes import SOUNDS
from slowfast_paddle.errors import DataError, DecodeError

LISTS = (".csv", ".txt", ".lst", ".list")
NOT_VIDEOS = (
    *LISTS,
    *IMAGES,
    *SOUNDS,
    ".json",
    ".md",
    ".html",
    ".srt",
    ".npz",
    ".npy",
    ".pkl",
    ".yaml",
    ".yml",
    ".log",
    ".pdparams",
    ".sha256",
)
MAX_DOWNLOAD_BYTES = 8 << 30
Video = str | Path | np.ndarray  # a file, a folder of images, an address; or frames
_log = logging.getLogger(__name__)


def expand_inputs(inputs: Sequence[str], prefix: str = "") -> list[str]:
    """Turns what the user named into videos, in the order given, each once.

    A folder of numbered images is one video; any other folder stands for the videos below it. A name with wildcards is a
    glob unless a file has exactly that name. A .csv, .txt, .lst or .list file is a list of paths; `prefix` goes before those that
    are not absolute. Addresses (http, https) are kept and fetched when they are read.

    Raises:
        DataError: something does not exist, a folder or glob holds no video, or a list is malformed.
    """
    found = [video for text in inputs for video in _expand(text, prefix)]
    if not found:
        raise DataError("--input: nothing was named; expected videos, folders, globs, list files or addresses")
    return list(dict.fromkeys(found))


def is_url(text: str) -> bool:
    """An address that `local_copy` can fetch."""
    return urlsplit(text).scheme in ("http", "https")


def is_live(text: str) -> bool:
    """A camera: a number (webcam) or an address that streams without end."""
    return text.isdigit() or urlsplit(text).scheme in ("rtsp", "rtsps", "rtmp", "udp")


def _expand(text: str, prefix: str) -> list[str]:
    if is_url(text):
        return [text]
    path = Path(text)
    if path.is_dir():
        return [text] if _is_frame_folder(path) else _videos_below(path)
    if path.is_file():
        if path.suffix.lower() not in LISTS:
            return [text]
        records = read_records(path, labelled=False, prefix=prefix)
        return [records.path(i) for i in range(len(records))]
    if glob.has_magic(text):
        matches = sorted(glob.glob(text, recursive=True))
        if not matches:
            raise DataError(f"--input: nothing matches '{text}'; quote the pattern and check the folder")
        return [video for match in matches for video in _expand(match, prefix)]
    raise DataError(f"--input: {text}: no such file or folder; expected a video, folder, glob, list file or http address")


def _is_frame_folder(folder: Path) -> bool:
    names = [entry.name for entry in os.scandir(folder) if entry.is_file() and not entry.name.startswith(".")]
    images = [name for name in names if Path(name).suffix.lower() in IMAGES and any(c.isdigit() for c in Path(name).stem)]
    return len(images) > 0 and all(Path(name).suffix.lower() in NOT_VIDEOS for name in names)


def _videos_below(folder: Path) -> list[str]:
    videos, left_out = [], []
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in [n for n in folders if _is_frame_folder(Path(parent) / n)]:
            videos.append(os.path.join(parent, name))
            folders.remove(name)
        for name in sorted(files):
            if not name.startswith("."):
                (left_out if Path(name).suffix.lower() in NOT_VIDEOS else videos).append(os.path.join(parent, name))
    if left_out:
        _log.info("%s: %d files are no videos and were left out: %s", folder, len(left_out), ", ".join(left_out[:5]))
    if not videos:
        raise DataError(f"--input: {folder}: the folder holds no video")
    return sorted(videos)


@contextlib.contextmanager
def local_copy(url: str, timeout_sec: float = 30.0) -> Iterator[str]:
    """Downloads an address to a temporary file and yields its path; the file is gone afterwards.

    Raises:
        DecodeError: the address cannot be fetched, is cut short, or is larger than MAX_DOWNLOAD_BYTES.
    """
    suffix = Path(urlsplit(url).path).suffix  # some rules and containers go by the name
    with tempfile.TemporaryDirectory(prefix="slowfast-") as folder:
        target = Path(folder) / f"video{suffix}"
        try:
            _fetch(url, target, timeout_sec)
        except (urllib.error.URLError, OSError, ValueError) as err:
            raise DecodeError(f"{url}: cannot be fetched ({getattr(err, 'reason', None) or err})") from err
        yield str(target)


@contextlib.contextmanager
def readable(video: Video) -> Iterator[Video]:
    """The video itself, or for an address a copy on disk."""
    if isinstance(video, str) and is_url(video):
        with local_copy(video) as path:
            yield path
    else:
        yield video


def _fetch(url: str, target: Path, timeout_sec: float) -> None:
    with urllib.request.urlopen(url, timeout=timeout_sec) as response, target.open("wb") as file:
        if urlsplit(response.geturl()).scheme not in ("http", "https"):
            raise ValueError("it leads away from http")
        announced = int(response.headers.get("Content-Length") or -1)
        if announced > MAX_DOWNLOAD_BYTES:
            raise ValueError(f"{announced} bytes; at most {MAX_DOWNLOAD_BYTES} are fetched")
        shutil.copyfileobj(_Capped(response), file, 1 << 20)
        if 0 <= announced != file.tell():
            raise ValueError(f"got {file.tell()} of {announced} bytes")


class _Capped:
    """A response that refuses to go on for ever."""

    def __init__(self, response) -> None:
        self._response, self._left = response, MAX_DOWNLOAD_BYTES

    def read(self, size: int) -> bytes:
        block = self._response.read(size)
        self._left -= len(block)
        if self._left < 0:
            raise ValueError(f"more than {MAX_DOWNLOAD_BYTES} bytes")
        return block


def open_camera(text: str, timeout_sec: float | None = None) -> cv2.VideoCapture:
    """Opens a webcam by number or a stream by address.

    Args:
        timeout_sec: longest wait for a stream to answer; by default OpenCV's.

    Raises:
        DataError: it does not open.
    """
    if text.isdigit():
        capture = cv2.VideoCapture(int(text))
    else:
        wait = [] if timeout_sec is None else [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(min(1000 * timeout_sec, 2**31 - 1))]
        capture = cv2.VideoCapture(text, cv2.CAP_ANY, wait)
    if not capture.isOpened():
        raise DataError(f"--input: camera {text} does not open; check the number or address and that no one else uses it")
    return capture
