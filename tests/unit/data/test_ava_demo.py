"""Keyframes of a single video, from a csv or from a detector."""

import numpy as np
import pytest

from slowfast_paddle.data.ava_demo import keyframes_from_boxes, keyframes_from_detector, open_one_video, play
from slowfast_paddle.errors import DataError


@pytest.fixture
def source(shared_data):
    return open_one_video(shared_data / "robust_clips/mmaction2__demo.mp4")


def test_boxes_of_a_csv(source, tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text(
        "mmaction2__demo,1,0.1,0.1,0.5,0.9,,0.9\nmmaction2__demo.mp4,2.5,0.1,0.1,0.5,0.9,,0.9\nother,1,0,0,1,1,,0.9\n"
    )
    found = keyframes_from_boxes(path, source, 0.5)
    assert [keyframe.second for keyframe in found.items] == [1.0, 2.5]
    path.write_text("other,1,0,0,1,1,,0.9\n")
    with pytest.raises(DataError, match="names no boxes of video 'mmaction2__demo' \\(it has other\\)"):
        keyframes_from_boxes(path, source, 0.5)


def test_boxes_of_a_detector(source):
    def find(picture):
        assert picture.dtype == np.uint8 and picture.ndim == 3
        find.calls += 1
        return (np.array([[0.1, 0.1, 0.5, 0.9]]), np.array([0.9])) if find.calls % 2 else (np.zeros((0, 4)), np.zeros(0))

    find.calls = 0
    found = keyframes_from_detector(source, find, every_sec=2.0)
    assert [keyframe.second for keyframe in found.items] == [1.0, 5.0, 9.0] and found.counts["keyframes_without_people"] == 2
    with pytest.raises(DataError, match="the detector finds nobody in 5 frames"):
        keyframes_from_detector(source, lambda picture: (np.zeros((0, 4)), np.zeros(0)), every_sec=2.0)


def test_play(shared_data):
    fps, frames = play(shared_data / "robust_clips/mmaction2__demo.mp4")
    seconds = [second for second, frame in frames]
    assert len(seconds) > 250 and seconds[0] == 0.0 and np.diff(seconds).min() > 0 and 27 < fps < 31
