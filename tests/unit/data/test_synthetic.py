"""The generated classes differ in the order of their frames and in nothing else."""

import csv
from dataclasses import replace

import cv2
import numpy as np
import pytest

from slowfast_paddle.data import synthetic
from slowfast_paddle.errors import DataError

CLASSES = len(synthetic.CLASS_NAMES)
CLIP_FRAMES, CLIP_SEC, SIDE = 16, 32 / 30, 12


def _clip(seed: int, index: int) -> np.ndarray:
    """Grey thumbnails [16, 12, 12] of a clip as the reader cuts it: truncated linspace over 32/30 s, any start."""
    scene = synthetic.draw_scene(np.random.default_rng([seed, index // CLASSES]))
    rng = np.random.default_rng([seed, 1, index])
    frames = list(synthetic.frames_of(scene, index % CLASSES, rng))
    span = CLIP_SEC * float(scene.rate)
    start = rng.uniform(0, max(0, len(frames) - span))
    picks = np.linspace(start, start + span - 1, CLIP_FRAMES).astype(int).clip(0, len(frames) - 1)
    grey = [cv2.resize(frames[i].mean(axis=2), (SIDE, SIDE), interpolation=cv2.INTER_AREA) for i in picks]
    return np.stack(grey) / 255 - 0.45


@pytest.fixture(scope="module")
def clips() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Clips and labels of 100 scenes to learn from and of 75 other scenes to test on."""
    train, test = ([_clip(seed, i) for i in range(scenes * CLASSES)] for seed, scenes in ((0, 100), (1, 75)))
    train_labels, test_labels = (np.arange(len(part)) % CLASSES for part in (train, test))
    return np.stack(train), train_labels, np.stack(test), test_labels


def _accuracy(train: np.ndarray, labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray) -> float:
    """Kernel ridge regression (Gaussian kernel, median width) on one-hot labels; features are [N, D]."""
    mean, std = train.mean(axis=0), train.std(axis=0) + 1e-6
    train, test = (train - mean) / std, (test - mean) / std
    squared = (train**2).sum(1)[:, None] + (train**2).sum(1) - 2 * train @ train.T
    width = np.median(squared)
    across = (test**2).sum(1)[:, None] + (train**2).sum(1) - 2 * test @ train.T
    targets = np.eye(CLASSES)[labels] - 1 / CLASSES
    weights = np.linalg.solve(np.exp(-squared / width) + 0.1 * np.eye(len(train)), targets)
    return float(((np.exp(-across / width) @ weights).argmax(1) == test_labels).mean())


def _unordered(clips: np.ndarray) -> np.ndarray:
    """What a set of frames holds: the sorted values of each pixel, and the sorted distances between the frames."""
    flat = clips.reshape(len(clips), CLIP_FRAMES, -1)
    distances = np.sqrt(((flat[:, :, None] - flat[:, None]) ** 2).mean(-1))
    nearest = np.sort(np.sort(distances, axis=2)[:, :, 1:4].reshape(len(clips), -1), axis=1)
    return np.concatenate([np.sort(flat, axis=1).reshape(len(clips), -1), nearest], axis=1)


def _ordered(clips: np.ndarray) -> np.ndarray:
    """Motion detectors: what was here and is one pixel on in the next frame, less the reverse, a number per place."""
    change = np.diff(clips, axis=1)
    middle = (clips[:, 1:] + clips[:, :-1]) / 2
    middle = middle - middle.mean(axis=1, keepdims=True)
    gradient_y, gradient_x = np.gradient(middle, axis=(2, 3))
    speed = np.abs(change).mean(axis=(2, 3))
    parts = [(change * part).mean(axis=1).reshape(len(clips), -1) for part in (gradient_x, gradient_y)]
    return np.concatenate([*parts, np.sort(speed, axis=1)], axis=1)


def _scene(kind: str) -> synthetic.Scene:
    rng = np.random.default_rng(3)
    return next(scene for scene in iter(lambda: synthetic.draw_scene(rng), None) if scene.kind == kind)


def _places(scene: synthetic.Scene, phase: float) -> np.ndarray:
    """(y, x) of the pixels of the shape, [N, 2]."""
    return np.argwhere(np.abs(synthetic.render(scene, phase) - scene.background).sum(axis=2) > 60)


def test_one_frame_says_nothing(clips):
    train, labels, test, test_labels = clips
    accuracy = _accuracy(train[:, 7].reshape(len(train), -1), labels, test[:, 7].reshape(len(test), -1), test_labels)
    assert abs(accuracy - 1 / CLASSES) < 0.1


def test_a_set_of_frames_says_nothing(clips):
    train, labels, test, test_labels = clips
    assert abs(_accuracy(_unordered(train), labels, _unordered(test), test_labels) - 1 / CLASSES) < 0.1


def test_the_order_tells_the_classes_apart(clips):
    train, labels, test, test_labels = clips
    assert _accuracy(_ordered(train), labels, _ordered(test), test_labels) > 0.5


@pytest.mark.parametrize("kind", synthetic.KINDS)
def test_playing_backward_shows_the_same_pictures(kind):
    scene = _scene(kind)
    forward = [synthetic.render(scene, k / 15) for k in range(15)]
    backward = [synthetic.render(scene, -k / 15) for k in range(15)]
    twice = [synthetic.render(scene, 2 * k / 15) for k in range(15)]
    for frames in (backward, twice):
        nearest = [min(np.abs(frame - other).max() for other in forward) for frame in frames]
        assert max(nearest) < 1, "every state of one pass appears in the others"


def test_forward_slides_to_the_right():
    assert _places(_scene("slide"), 0.6)[:, 1].mean() > _places(_scene("slide"), 0.4)[:, 1].mean()


def test_forward_grows():
    assert len(_places(_scene("grow"), 0.6)) > len(_places(_scene("grow"), 0.4))


def test_forward_turns_clockwise():
    # A quarter turn from pointing right the tip is at the bottom: narrow there, and the blunt tail is on top.
    rows = _places(replace(_scene("turn"), heading=0.0), 0.25)[:, 0]
    assert (rows <= rows.min() + 2).sum() > (rows >= rows.max() - 2).sum()


def test_generated_files_decode_and_repeat(tmp_path):
    av = pytest.importorskip("av")
    lists = [synthetic.generate(tmp_path / name, split="train", videos_per_class=1, seed=5, processes=1) for name in "ab"]
    pixels = []
    for list_file in lists:
        rows = list(csv.reader(list_file.open()))
        assert [int(label) for _, label in rows] == [0, 1, 2, 3]
        with av.open(rows[0][0]) as container:
            assert container.streams.video[0].codec_context.name == "h264"
            pixels.append(np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]))
    assert np.array_equal(*pixels)
    assert (tmp_path / "a" / "class_names.txt").read_text().splitlines() == list(synthetic.CLASS_NAMES)


def test_opencv_writes_where_pyav_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    scene = synthetic.draw_scene(np.random.default_rng(0))
    height, width = scene.background.shape[:2]
    frames = synthetic.frames_of(scene, 0, np.random.default_rng(0))
    synthetic.write_video(tmp_path / "a.mp4", frames, (width, height), scene.rate)
    capture = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert capture.read()[0]
    capture.release()


def test_control_orders_keep_the_frames_but_not_their_order():
    scene = synthetic.draw_scene(np.random.default_rng(0))
    single = list(synthetic.frames_of(scene, 0, np.random.default_rng(0), "single"))
    assert np.abs(single[0].astype(int) - single[-1]).mean() < 4 * scene.noise
    shuffled = list(synthetic.frames_of(scene, 0, np.random.default_rng(0), "shuffled"))
    assert len(shuffled) == scene.frames


@pytest.mark.parametrize("wrong", [{"videos_per_class": 0}, {"seed": -1}, {"order": "sorted"}])
def test_values_that_cannot_work_are_named(tmp_path, wrong):
    arguments = {"videos_per_class": 1, "seed": 0, **wrong}
    with pytest.raises(DataError, match=str(next(iter(wrong.values())))):
        synthetic.generate(tmp_path, split="train", **arguments)
