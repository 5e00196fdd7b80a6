"""Sliding windows see the frames that separate reading would give, once each, with bounded memory."""

import numpy as np
import pytest

from slowfast_paddle.data import sliding as module
from slowfast_paddle.data.decode import open_source
from slowfast_paddle.data.frames import ArraySource
from slowfast_paddle.data.sampling import ClipShape
from slowfast_paddle.data.sliding import Sliding, sliding_items, stream_frames, uneven_times
from slowfast_paddle.data.source import ReadOptions, Timeline
from slowfast_paddle.errors import DataError, DecodeError
from slowfast_paddle.views import cut_view
from slowfast_paddle.viz.video_file import VideoFile


def video(frames, side=16):
    return np.arange(frames, dtype=np.uint8)[:, None, None, None] * np.ones((1, side, side, 3), np.uint8)


def setting(**changes):
    return Sliding(**{"shape": ClipShape(4, 2), "stride_sec": 0.2, "short_side_px": 16, "crop_px": 16, **changes})


def test_windows_hold_the_right_frames():
    items = list(sliding_items(video(30), setting(), fps=30.0))
    assert [round(i["start_sec"], 3) for i in items] == [0.0, 0.2, 0.4, 0.6, 0.8]  # 8 frames each, every 6 frames
    for item in items:
        start = item["start_sec"] * 30
        seen = cut_view(item, 0)[:, 0, 0, 0]
        assert seen.tolist() == np.clip(np.linspace(start, start + 7, 4), 0, 29).astype(int).tolist()
        assert item["end_sec"] == pytest.approx(item["start_sec"] + 8 / 30)


def test_a_short_video_is_one_window():
    (item,) = sliding_items(video(2), setting(), fps=30.0)
    assert cut_view(item, 0)[:, 0, 0, 0].tolist() == [0, 1, 1, 1]
    assert item["end_sec"] == 8 / 30 and item["video_sec"] == 2 / 30


def test_three_crops():
    frames = np.zeros((10, 16, 32, 3), np.uint8)
    item = next(iter(sliding_items(frames, setting(num_crops=3), fps=30.0)))
    assert item["offset_yx"].tolist() == [[0, 0], [0, 8], [0, 16]] and len(item["frame_index"]) == 3


def test_memory_does_not_grow_with_length(monkeypatch):
    kept = []
    real = module._gathered
    monkeypatch.setattr(module, "_gathered", lambda have, *rest: kept.append(len(have)) or real(have, *rest))
    list(sliding_items(video(250), setting(), fps=30.0))
    assert max(kept) <= 8


def test_a_video_that_breaks_off_keeps_its_open_windows(monkeypatch):
    monkeypatch.setattr(ArraySource, "stream", lambda source: iter(source.frames[:15]))
    items = list(sliding_items(video(30), setting(), fps=30.0))
    assert [round(i["start_sec"], 1) for i in items] == [0.0, 0.2, 0.4]
    assert cut_view(items[-1], 0)[:, 0, 0, 0].max() == 14


def uneven_video(path):
    """Frame i has the grey level 4 i: 30 frames in the first second, then one a second."""
    seconds = [i / 30 for i in range(30)] + [1.0 + i for i in range(20)]
    with VideoFile(path, 30) as out:
        for number, second in enumerate(seconds):
            out.add(np.full((32, 32, 3), 4 * number, np.uint8), second)
    return np.array(seconds)


def test_windows_follow_the_clock_of_a_video_of_variable_rate(tmp_path):
    seconds = uneven_video(tmp_path / "a.mp4")
    items = list(sliding_items(tmp_path / "a.mp4", setting(shape=ClipShape(8, 4), stride_sec=1.0)))
    assert [item["start_sec"] for item in items] == [float(i) for i in range(len(items))] and len(items) == 20
    for item in items:
        numbers = np.round(cut_view(item, 0)[:, 0, 0, 0] / 4).astype(int)
        shown = seconds[numbers]
        wanted = np.linspace(item["start_sec"], item["end_sec"] - 1 / 30, 8)
        assert (shown <= wanted + 0.01).all() and (np.append(seconds, 99)[numbers + 1] > wanted - 0.04).all()
    assert len(np.unique(numbers)) == 2 and len(np.unique(cut_view(items[0], 0)[:, 0, 0, 0])) == 8


@pytest.mark.parametrize("times", [None, np.arange(60) / 30, (np.arange(60) / 30).round(2), np.arange(60) / 29.5])
def test_frames_that_come_evenly_are_counted(times):
    assert uneven_times(Timeline(60, 30.0, times)) is None


@pytest.mark.parametrize("stride", [0.0, -1.0, np.inf, np.nan])
def test_a_stride_that_is_none_is_refused(stride):
    with pytest.raises(DataError, match="stride of .* expected a finite number above 0"):
        setting(stride_sec=stride)


@pytest.mark.parametrize("fps", [0.0, -5.0, np.inf, np.nan])
def test_a_rate_that_is_none_is_refused(fps):
    with pytest.raises(DataError, match="fps is .*; expected frames a second"):
        list(sliding_items(video(5), setting(), fps=fps))


@pytest.mark.parametrize(("stride", "fps"), [(1e-9, 30.0), (1.0, 1e-3)])
def test_windows_begin_a_frame_apart_at_least(stride, fps):
    assert 1 < len(list(sliding_items(video(30), setting(stride_sec=stride), fps=fps))) <= 30


def test_errors(tmp_path):
    with pytest.raises(DecodeError):
        list(sliding_items(tmp_path / "none.mp4", setting()))


@pytest.mark.parametrize("decoder", ["pyav", "opencv"])
def test_a_real_video_streams_every_frame(shared_data, decoder):
    path = shared_data / "robust_clips" / "mmaction2__demo.mp4"
    options = ReadOptions(decoder=decoder)
    assert sum(1 for _ in stream_frames(path, options)) == open_source(path, options).timeline.count > 200
