"""A slow network drops frames and stays close to the present; the end and a failing camera end the loop."""

import time

import numpy as np
import pytest

from slowfast_paddle.engine.live import LatestFrames, live


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


def test_a_failing_camera_is_heard():
    def read():
        raise OSError("unplugged")

    with pytest.raises(OSError, match="unplugged"):
        list(live(LatestFrames(read, 1.0, 8, lambda f: f), 4, lambda c: c))
