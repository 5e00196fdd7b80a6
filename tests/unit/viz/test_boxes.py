"""Boxes on frames, the annotated video and result.json."""

import json

import av
import numpy as np
import pytest

from slowfast_paddle.viz.boxes import COLOURS, draw_boxes, text_size
from slowfast_paddle.viz.detection_video import Moment, best_labels, write_detection_video, write_moments

BOXES = np.array([[0.1, 0.2, 0.5, 0.9], [0.1, 0.2, 0.6, 0.8], [0.0, 0.0, 1.0, 1.0]])
LABELS = [[("run", 0.9), ("talk to (e.g., self, a person, a group)", 0.5)], [("sit", 0.4)], []]


@pytest.mark.parametrize("height, width", [(240, 426), (1080, 1920), (1920, 1080), (30, 40)])
def test_every_size_of_frame(height, width):
    frame = np.full((height, width, 3), 128, np.uint8)
    out = draw_boxes(frame, BOXES, LABELS)
    assert out.shape == frame.shape and out.dtype == np.uint8 and (frame == 128).all()
    assert (out != frame).any(axis=2).mean() > 0.01
    assert (draw_boxes(frame, np.zeros((0, 4)), []) == frame).all()


def test_letters_grow_with_the_frame():
    assert text_size(240, 426) == 11 and text_size(1080, 1920) == 32 and text_size(1920, 1080) == 43


def test_best_labels():
    scores = np.array([[0.2, 0.9, 0.5], [0.1, 0.1, 0.1]])
    assert best_labels(scores, ["a", "b", "c"], 0.3, 2) == [[("b", 0.9), ("c", 0.5)], []]


def test_the_video_shows_boxes_near_their_moment_only(tmp_path):
    frames = [(index / 10, np.full((120, 160, 3), 128, np.uint8)) for index in range(40)]
    moments = [Moment(second, BOXES[:1], LABELS[:1]) for second in (1.0, 2.0)]
    assert write_detection_video(tmp_path / "out.mp4", iter(frames), 10.0, moments) == 40
    with av.open(str(tmp_path / "out.mp4")) as container:
        marked = [bool((frame.to_ndarray(format="rgb24").std(axis=(0, 1)) > 5).any()) for frame in container.decode(video=0)]
    assert marked == [0.5 <= second <= 2.5 for second, _ in frames]
    write_moments(tmp_path / "result.json", "v.mp4", moments)
    content = json.loads((tmp_path / "result.json").read_text())
    assert content["moments"][0]["boxes"][0] == {
        "box": [0.1, 0.2, 0.5, 0.9],
        "labels": [{"name": "run", "score": 0.9}, {"name": "talk to (e.g., self, a person, a group)", "score": 0.5}],
    }


def test_a_box_over_the_whole_frame_keeps_four_sides():
    drawn = draw_boxes(np.zeros((240, 320, 3), np.uint8), np.array([[0, 0, 1, 1]]), [[]])
    coloured = (drawn == COLOURS[0]).all(axis=2)
    assert coloured[:4].any(0).sum() > 300 and coloured[-4:].any(0).sum() > 300
    assert coloured[:, :4].any(1).sum() > 220 and coloured[:, -4:].any(1).sum() > 220
