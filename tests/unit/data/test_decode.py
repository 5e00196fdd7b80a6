"""What can be opened as a video, and what is refused in one line instead of blocking or killing a process."""

import os
import sys
import zlib

import cv2
import numpy as np
import pytest

from slowfast_paddle.data.decode import open_source
from slowfast_paddle.data.source import ReadOptions
from slowfast_paddle.errors import DataError, DecodeError


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such names")
def test_opencv_refuses_names_that_are_not_utf8(make_video):
    path = make_video()
    named = os.fsdecode(os.fsencode(path) + b"\xff.avi")
    os.rename(path, named)
    assert open_source(named, ReadOptions(decoder="pyav")).timeline.count == 40
    with pytest.raises(DecodeError, match="OpenCV reads no names that are not UTF-8; rename the file"):
        _ = open_source(named, ReadOptions(decoder="opencv")).timeline


def test_frames_in_a_folder_whose_name_is_not_utf8(make_folder):
    folder = make_folder()
    if sys.platform == "linux":
        named = os.fsdecode(os.fsencode(folder) + b"\xff")
        os.rename(folder, named)
        folder = named
    assert len(list(open_source(folder, ReadOptions()).stream())) == 20


def huge_png():
    """An image whose header promises 60000 x 60000 pixels."""
    data = bytearray(cv2.imencode(".png", np.zeros((2, 2, 3), np.uint8))[1].tobytes())
    data[16:24] = (60000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize("content", [huge_png(), b"", b"no image"])
def test_a_bad_image_is_named(make_folder, content):
    folder = make_folder(template="img_{:05d}.png")
    (folder / "img_00003.png").write_bytes(content)
    with pytest.raises(DecodeError, match=r"img_00003.png: not a readable image") as error:
        list(open_source(folder, ReadOptions()).stream())
    assert "\n" not in str(error.value)


def test_a_pipe_among_images_is_no_image(make_folder):
    folder = make_folder()
    os.mkfifo(folder / "img_00000.jpg")
    assert open_source(folder, ReadOptions()).timeline.count == 20


@pytest.mark.parametrize("decoder", ["auto", "pyav", "opencv"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none.mp4", "no such file"),
        ("pipe.mp4", "neither a file nor a folder"),
        ("link.mp4", "neither a file nor a folder"),
        ("loop.mp4", "cannot be opened"),
        ("file.mp4/a.mp4", "cannot be opened"),
        ("a" * 300, "cannot be opened"),
        ("a\0b.mp4", "cannot be opened"),
        ("file.mp4", "OpenCV finds no video|cannot be opened as a video"),
    ],
)
def test_what_is_no_file_is_refused_at_once(tmp_path, decoder, name, reason):
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "link.mp4").symlink_to("pipe.mp4")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "file.mp4").write_bytes(b"no video")
    with pytest.raises(DecodeError, match=reason):
        _ = open_source(tmp_path / name, ReadOptions(decoder=decoder)).timeline


@pytest.mark.parametrize("fps", [0, -5, float("nan"), float("inf"), 1e-300, 1e30, "30"])
def test_an_fps_that_is_no_rate(make_folder, fps):
    for video in (make_folder(), np.zeros((4, 8, 8, 3), np.uint8)):
        with pytest.raises(DataError, match="expected frames a second, 0.001 to 1000000"):
            open_source(video, ReadOptions(), fps)


@pytest.mark.parametrize("fps", [25, 12.5, np.float32(10), np.int64(3)])
def test_an_fps_that_is_one(fps):
    assert open_source(np.zeros((4, 8, 8, 3), np.uint8), ReadOptions(), fps).timeline.fps == fps
