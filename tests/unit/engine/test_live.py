"""A slow network drops frames and stays close to the present; the end and a failing camera end the loop."""

import threading
import time

import cv2
import numpy as np
import pytest

from slowfast_paddle.engine.live import LatestFrames, live
from slowfast_paddle.errors import DataError


def camera(count, pause=0.004):
    frames = iter(range(count))

    def read():
        time.sleep(pause)
        number = next(frames, None)
        return None if number is None else np.full((4, 6, 3), number, np.uint8)

    return read


def test_frames_are_dropped_rather_than_queued():
    def slow(clip):
        time.sleep(0.03)
        return np.array([float(clip[-1, 0, 0, 0])])

    frames = LatestFrames(camera(60), 0.04, limit=8, keep=lambda f: f[:2])
    results = list(live(frames, 4, slow))
    newest = [int(r.scores[0]) for r in results]
    assert newest == sorted(newest) and newest[-1] == 59 and len(newest) < 40
    assert results[-1].dropped == 60 - len(results) and all(r.latency_sec < 0.5 for r in results)
    assert results[0].frame.shape == (4, 6, 3)


def test_window_spans_its_time():
    frames = LatestFrames(camera(12, pause=0.01), 0.05, limit=100, keep=lambda f: f)
    frames._thread.join()
    clip, newest, _ = frames.window(6)
    seen = clip[:, 0, 0, 0].tolist()
    assert seen == sorted(seen) and seen[-1] == 11 and 4 <= seen[0] <= 8 and newest[0, 0, 0] == 11
    assert frames.window(6) is None


@pytest.mark.parametrize(
    "failure", [OSError("unplugged"), KeyError("unplugged"), cv2.error("unplugged"), SystemExit("unplugged")]
)
def test_a_failing_camera_is_heard(failure):
    def read():
        raise failure

    with pytest.raises(type(failure), match="unplugged"):
        list(live(LatestFrames(read, 1.0, 8, lambda f: f), 4, lambda c: c))


def test_a_camera_that_is_none_is_heard():
    with pytest.raises(TypeError, match="not callable"):
        list(live(LatestFrames(0, 1.0, 8, lambda f: f), 4, lambda c: c))


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (np.zeros((4, 6), np.uint8), r"uint8 \[4, 6\]"),
        (np.zeros((4, 6, 4), np.uint8), r"uint8 \[4, 6, 4\]"),
        (np.zeros((0, 6, 3), np.uint8), r"uint8 \[0, 6, 3\]"),
        (np.zeros((4, 6, 3), np.float32), r"float32 \[4, 6, 3\]"),
        ("frame", "str"),
    ],
)
def test_what_is_no_frame_is_refused(frame, found):
    with pytest.raises(DataError, match=rf"found {found}; expected uint8 \[H, W, 3\] in RGB"):
        list(live(LatestFrames(lambda: frame, 1.0, 8, lambda f: f), 4, lambda c: c))


def test_a_camera_may_fill_one_array_again_and_again():
    buffer, numbers = np.zeros((4, 6, 3), np.uint8), iter(range(5))

    def read():
        number = next(numbers, None)
        if number is None:
            return None
        buffer[:] = number
        return buffer

    frames = LatestFrames(read, 60.0, 8, lambda f: f)
    frames._thread.join()
    clip, newest, _ = frames.window(4)
    buffer[:] = 99
    assert sorted(frame[0, 0, 0] for _, frame in frames._frames) == [0, 1, 2, 3, 4] and newest[0, 0, 0] == 4


def test_waiting_for_a_silent_camera_ends_in_time():
    silence = threading.Event()
    frames = LatestFrames(lambda: silence.wait(30) and None, 1.0, 8, lambda f: f)
    begun = time.monotonic()
    assert frames.window(4, begun + 0.1) is None and 0.1 <= time.monotonic() - begun < 5
    silence.set()
    frames.close()
