"""Windows merge into segments that cover each moment once; subtitles are well formed."""

import numpy as np

from slowfast_paddle.engine.timeline import Window, merge, score_windows, srt_time, to_srt, top_at

NAMES = ["run", "sit\n\ndown"]


def windows(best, score=0.9, length=2.0, stride=1.0):
    rows = np.array([[score, 1 - score], [1 - score, score]])
    return [Window(i * stride, i * stride + length, rows[b]) for i, b in enumerate(best)]


def test_neighbours_of_one_class_merge():
    segments = merge(windows([0, 0, 1, 1, 1, 0]), NAMES)
    assert [(s.start_sec, s.end_sec, s.class_index) for s in segments] == [(0.0, 2.5, 0), (2.5, 5.5, 1), (5.5, 7.0, 0)]
    assert all(abs(s.score - 0.9) < 1e-12 for s in segments)
    assert all(a.end_sec <= b.start_sec for a, b in zip(segments, segments[1:]))


def test_a_weak_window_parts_two_segments():
    row = windows([0, 0, 0])
    row[1] = Window(1.0, 3.0, np.array([0.55, 0.45]))
    segments = merge(row, NAMES, threshold=0.6)
    assert [(s.start_sec, s.end_sec) for s in segments] == [(0.0, 1.5), (2.5, 4.0)]
    assert merge(row, NAMES, threshold=0.95) == [] and merge([], NAMES) == []


def test_windows_that_do_not_touch_keep_their_span():
    segments = merge(windows([0, 1], length=1.0, stride=5.0), NAMES)
    assert [(s.start_sec, s.end_sec) for s in segments] == [(0.0, 1.0), (5.0, 6.0)]


def test_what_no_window_covers_belongs_to_no_segment():
    segments = merge(windows([0, 0, 0], length=2.07, stride=4.0), NAMES)
    assert [(s.start_sec, s.end_sec) for s in segments] == [(0.0, 2.07), (4.0, 6.07), (8.0, 10.07)]
    (segment,) = merge(windows([0] * 12, length=0.7, stride=0.7), NAMES)
    assert segment.start_sec == 0.0 and abs(segment.end_sec - 8.4) < 1e-9


def test_subtitles():
    assert srt_time(3661.0416) == "01:01:01,042" and srt_time(59.9996) == "00:01:00,000"
    text = to_srt(merge(windows([1, 0]), NAMES))
    assert text == "1\n00:00:00,000 --> 00:00:01,500\nsit down 90 %\n\n2\n00:00:01,500 --> 00:00:03,000\nrun 90 %\n"


def test_running_labels():
    row = windows([0, 1])
    assert [i for i, _ in top_at(row, 0.0, 2)] == [0, 1] and top_at(row, 9.0, 1)[0][0] == 1 and top_at([], 0.0, 1) == []


def test_scores_come_from_the_given_function():
    items = [{"start_sec": 0, "end_sec": 2, "video_sec": 1.7, "frames": None}]
    (window,) = score_windows(items, lambda item: np.array([1.0, 0.0]))
    assert window.scores[0] == 1.0 and window.end_sec == 1.7, "a window ends with its video"
