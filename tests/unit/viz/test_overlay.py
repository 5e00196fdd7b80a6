"""Labels stay inside the picture at any size, heat keeps cold places as they are, videos appear whole or not at all."""

import errno
import os

import av
import numpy as np
import pytest

from slowfast_paddle.errors import DataError
from slowfast_paddle.viz.overlay import captioned, draw_labels, enlarged, fit_text, heat_overlay, label_font
from slowfast_paddle.viz.video_file import VideoFile, strip_of, write_picture


@pytest.mark.parametrize("size", [(240, 320), (1080, 1920), (32, 24), (2, 2), (48, 64), (48, 48), (720, 406)])
def test_labels_at_any_size(size):
    frame = np.full((*size, 3), 200, np.uint8)
    before = frame.copy()
    out = draw_labels(frame, [("a name that is much too long for this", 0.9), ("b\nc", 0.01)], "note")
    assert out.shape == frame.shape and out.dtype == np.uint8 and np.array_equal(frame, before)
    if min(size) >= 240:
        changed = (out != frame).any(axis=2)
        assert 0.02 < changed.mean() < 0.35 and not changed[: size[0] // 2].any()


def test_a_caption_stands_outside():
    picture = np.full((160, 324, 3), 90, np.uint8)
    out = captioned(picture, "a name that is much too long for so few pixels, and goes on and on")
    assert out.shape[1:] == (324, 3) and np.array_equal(out[-160:], picture)
    text = (out[:-160] > 150).any(axis=(0, 2))
    assert text[20:250].mean() > 0.5 and not text[-4:].any()


def test_frames_grow_to_be_seen():
    assert enlarged(np.zeros((60, 80, 3), np.uint8), 160).shape == (160, 213, 3)
    assert enlarged(np.zeros((240, 320, 3), np.uint8), 160).shape == (240, 320, 3)


def test_texts_are_shortened_to_the_width():
    font = label_font(12)
    assert fit_text("two\n words", font, 200) == "two words"
    for text in ("x" * 300_000, "W" * 30, "i" * 90):
        shown = fit_text(text, font, 80)
        assert shown.endswith("…") and 60 < font.getlength(shown) <= 80
    assert fit_text("x" * 9, font, -3) == "…"


def test_heat():
    frame = np.full((40, 60, 3), 100, np.uint8)
    assert np.array_equal(heat_overlay(frame, np.zeros((5, 7))), frame)
    heat = np.zeros((4, 6))
    heat[:, 4:] = 1
    warm = heat_overlay(frame, heat).astype(int)
    assert abs(warm[20, 2] - 100).max() <= 1 and abs(warm[20, 58] - 100).max() > 30


@pytest.mark.parametrize("size", [(48, 64), (49, 65)])
def test_video_file(tmp_path, size):
    path = tmp_path / "out" / "a.mp4"
    with VideoFile(path, 12.5) as video:
        for shade in range(0, 200, 20):
            video.add(np.full((*size, 3), (shade, 100, 50), np.uint8))
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert float(container.streams.video[0].average_rate) == 12.5
    assert len(frames) == 10 and frames[0].shape == (48, 64, 3)
    assert abs(frames[5].reshape(-1, 3).mean(axis=0) - (100, 100, 50)).max() < 6
    assert [p.name for p in path.parent.iterdir()] == ["a.mp4"]


def test_an_interrupted_video_leaves_nothing(tmp_path):
    with pytest.raises(KeyError), VideoFile(tmp_path / "a.mp4", 10) as video:
        video.add(np.zeros((16, 16, 3), np.uint8))
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DataError, match="mp4"):
        VideoFile(tmp_path / "a.avi", 10)


class Full:
    """A container on a full disk, which says so at the end."""

    def __init__(self, container):
        self._container = container

    def __getattr__(self, name):
        return getattr(self._container, name)

    def close(self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_video_that_does_not_fit_leaves_nothing(tmp_path):
    full = pytest.raises(DataError, match=r"a\.mp4: cannot be written \(No space left on device\)")
    with full, VideoFile(tmp_path / "a.mp4", 10) as video:
        video.add(np.zeros((16, 16, 3), np.uint8))
        video._container = Full(video._container)
    assert list(tmp_path.iterdir()) == []


def test_strip(tmp_path):
    strip = strip_of([np.zeros((10, 8, 3), np.uint8)] * 3, gap=2)
    assert strip.shape == (10, 28, 3)
    write_picture(tmp_path / "a.png", strip)
    with pytest.raises(DataError, match="png"):
        write_picture(tmp_path / "a.gif", strip)
