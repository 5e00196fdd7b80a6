"""What a user may hand to predict.py: videos, folders, globs, list files, frame folders, URLs, cameras."""

import contextlib
import glob
import http.client
import io
import logging
import os
import re
import shutil
import string
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

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
STALL_SEC = 30.0  # longest silence of a server
BYTES = (bytes, bytearray, memoryview)
Video = str | Path | np.ndarray | bytes | BinaryIO  # a file, a folder of images, an address; frames; the content of a file
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
    """An address that `readable` can fetch."""
    return text.lower().startswith(("http://", "https://"))


def is_live(text: str) -> bool:
    """A camera: a number (webcam) or an address that streams without end."""
    return _is_webcam(text) or text.lower().startswith(("rtsp://", "rtsps://", "rtmp://", "udp://"))


def _is_webcam(text: str) -> bool:
    """A short number that is not the name of a file or folder."""
    return text.isascii() and text.isdigit() and len(text) < 10 and not os.path.exists(text)


def _expand(text: str, prefix: str) -> list[str]:
    if not text:
        raise DataError("--input: an empty name; expected a video, folder, glob, list file or http address")
    if is_url(text):
        return [text]
    path = Path(text)
    if os.path.isdir(text):
        return [text] if _is_frame_folder(path) else _videos_below(path)
    if os.path.isfile(text):  # unlike Path.is_file, says no to a name that is too long
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
def readable(video: Video, timeout_sec: float) -> Iterator[str | Path | np.ndarray]:
    """A video as `open_source` takes it: addresses, bytes and open files become a file that is gone afterwards.

    Args:
        video: see `Video`.
        timeout_sec: longest download.

    Raises:
        DecodeError: an address cannot be fetched, is cut short, or is larger than MAX_DOWNLOAD_BYTES.
        DataError: something else than a video.
    """
    if isinstance(video, (os.PathLike, np.ndarray)) or (isinstance(video, str) and not is_url(video)):
        yield video
        return
    suffix = re.search(r"(\.\w{1,9})?$", video.split("?")[0])[0] if isinstance(video, str) else ""  # some containers go by it
    with tempfile.TemporaryDirectory(prefix=_scratch_prefix(os.getpid())) as folder:
        target = Path(folder) / f"video{suffix}"
        with target.open("wb") as file:
            _copy(video, file, timeout_sec)
        try:
            yield str(target)
        except DecodeError as err:
            raise DecodeError(str(err).replace(str(target), name_of(video))) from err


def name_of(video: Video) -> str:
    """What a video is called in messages and results."""
    if isinstance(video, np.ndarray):
        return f"array of {len(np.atleast_1d(video))} frames"
    if isinstance(video, (str, os.PathLike)):
        return str(video)
    if isinstance(video, BYTES):
        return f"{memoryview(video).nbytes} bytes"
    name = getattr(video, "name", None)
    return name if isinstance(name, str) else f"a {type(video).__name__}"


def remove_scratch(pid: int) -> None:
    """Removes the files of a process that was killed inside `readable`."""
    for left in glob.glob(os.path.join(glob.escape(tempfile.gettempdir()), f"{_scratch_prefix(pid)}*")):
        shutil.rmtree(left, ignore_errors=True)


def _scratch_prefix(pid: int) -> str:
    return f"slowfast-{pid}-"


def _copy(video: Video, file: BinaryIO, timeout_sec: float) -> None:
    if isinstance(video, str):
        try:
            _fetch(video, file, timeout_sec)
        except (http.client.HTTPException, OSError, ValueError) as err:
            reason = " ".join(str(getattr(err, "reason", None) or err).split())
            raise DecodeError(f"{video}: cannot be fetched ({reason or type(err).__name__})") from err
        return
    try:
        shutil.copyfileobj(io.BytesIO(video) if isinstance(video, BYTES) else video, file)
    except (AttributeError, TypeError) as err:  # no file, one of text, or an asynchronous one
        raise DataError(
            f"a {type(video).__name__} is no video; expected a path, an http address, uint8 frames [T, H, W, 3] in one array, "
            "or the bytes or the open binary file of a video"
        ) from err
    except (OSError, ValueError) as err:  # closed, or the disk is full
        raise DecodeError(f"{name_of(video)}: cannot be read ({err})") from err


def _fetch(url: str, file: BinaryIO, timeout_sec: float) -> None:
    deadline = time.monotonic() + timeout_sec
    plain = quote(url, safe=string.punctuation)  # blanks and letters beyond ASCII, as browsers do
    with urllib.request.urlopen(plain, timeout=min(STALL_SEC, timeout_sec)) as response:
        if not is_url(response.geturl()):
            raise ValueError("it leads away from http")
        announced = int(response.headers.get("Content-Length") or -1)
        if announced > MAX_DOWNLOAD_BYTES:
            raise ValueError(f"{announced} bytes; at most {MAX_DOWNLOAD_BYTES} are fetched")
        while block := response.read1(1 << 20):  # what has come: a whole block of a server that drips takes for ever
            file.write(block)
            if file.tell() > MAX_DOWNLOAD_BYTES:
                raise ValueError(f"more than {MAX_DOWNLOAD_BYTES} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{file.tell()} bytes after {timeout_sec:g} s; data.decode_timeout_sec allows longer")
        if 0 <= announced != file.tell():
            raise ValueError(f"got {file.tell()} of {announced} bytes")


def open_camera(text: str, timeout_sec: float | None = None) -> cv2.VideoCapture:
    """Opens a webcam by number or a stream by address.

    Args:
        timeout_sec: longest wait for a stream to answer; by default OpenCV's.

    Raises:
        DataError: it does not open.
    """
    if _is_webcam(text):
        capture = cv2.VideoCapture(int(text))
    else:
        wait = [] if timeout_sec is None else [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(min(1000 * timeout_sec, 2**31 - 1))]
        capture = cv2.VideoCapture(text, cv2.CAP_ANY, wait)
    if not capture.isOpened():
        raise DataError(f"--input: camera {text} does not open; check the number or address and that no one else uses it")
    return capture
