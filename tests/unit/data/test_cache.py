"""Frames kept on disk equal decoded and resized ones, and a damaged or stale copy is never used."""

import os

import numpy as np
import pytest

from slowfast_paddle.data.cache import FrameCache
from slowfast_paddle.data.frames import ArraySource
from slowfast_paddle.data.transforms import resize_bilinear
from slowfast_paddle.errors import DataError, DecodeError


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"stands for a video")
    return str(path)


def source(count=7, seed=0):
    return ArraySource(np.random.default_rng(seed).integers(0, 256, (count, 24, 32, 3), dtype=np.uint8), 10.0)


def read(opened):
    return np.stack(list(opened.read(np.arange(opened.timeline.count), lambda frame: frame, True).frames.values()))


def test_a_copy_is_made_once_and_read_after(tmp_path, video):
    cache = FrameCache(tmp_path / "cache", 12, resize_bilinear)
    first = read(cache.open(video, source))
    assert np.array_equal(first, np.stack([resize_bilinear(frame, 12, 16) for frame in source().stream()]))

    def never():
        raise AssertionError("decoded again")

    again = cache.open(video, never)
    assert np.array_equal(read(again), first)
    assert (again.timeline.fps, again.timeline.count, again.expected) == (10.0, 7, 7)


def test_a_changed_file_is_decoded_again(tmp_path, video):
    cache = FrameCache(tmp_path / "cache", 12, resize_bilinear)
    cache.open(video, source)
    os.utime(video, (1, 1))
    assert cache.open(video, lambda: source(3)).timeline.count == 3


def test_small_videos_keep_their_size(tmp_path, video):
    opened = FrameCache(tmp_path / "cache", 100, resize_bilinear).open(video, source)
    assert np.array_equal(read(opened), np.stack(list(source().stream())))


def test_an_interrupted_copy_leaves_nothing(tmp_path, video):
    class Breaks(ArraySource):
        def stream(self):
            yield self.frames[0]
            raise KeyboardInterrupt

    cache = FrameCache(tmp_path / "cache", 12, resize_bilinear)
    with pytest.raises(KeyboardInterrupt):
        cache.open(video, lambda: Breaks(source().frames, 10.0))
    assert list((tmp_path / "cache").iterdir()) == []


def test_errors(tmp_path, video):
    cache = FrameCache(tmp_path / "cache", 12, resize_bilinear)
    with pytest.raises(DecodeError, match="cannot be opened"):
        cache.open(str(tmp_path / "missing.mp4"), source)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="data.cache_dir"):
        FrameCache(tmp_path / "file", 12, resize_bilinear).open(video, source)
