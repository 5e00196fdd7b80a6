"""The detection task: boxes in any number, gathered exactly."""

import numpy as np
import paddle
import pytest

from slowfast_paddle import distributed
from slowfast_paddle.engine.detection import DetectionScoring, DetectionTask, detect, validate_detection
from slowfast_paddle.errors import DataError
from slowfast_paddle.metrics.ava_map import Boxes
from tests.unit.engine.detection_support import CLASSES, TinyDetector, keyframes, make_batch, pack


@pytest.fixture(scope="module")
def network():
    paddle.seed(0)
    return TinyDetector()


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
@pytest.mark.parametrize("numbers", [[2, 1], [0, 3], [3, 0], [0, 0], [0]])
def test_every_parameter_has_a_gradient_whatever_the_boxes(network, numbers, activation):
    task = DetectionTask(pack, CLASSES, activation)
    logits, target = task.forward(network, make_batch(numbers))
    loss = task.loss(logits, target)
    loss.backward()
    for parameter in network.parameters():
        assert parameter.grad is not None and np.isfinite(parameter.grad.numpy()).all()
    if sum(numbers) == 0:
        assert float(loss) == 0.0 and all(float(p.grad.abs().sum()) == 0 for p in network.parameters())
    network.clear_gradients()


def test_the_loss_is_the_mean_over_boxes_and_classes():
    task = DetectionTask(pack, CLASSES)
    logits, target = np.array([[0.5, -1.0, 2.0], [0.0, 1.0, -3.0]]), np.array([[1.0, 0, 0], [0, 1, 1]])
    probability = 1 / (1 + np.exp(-logits))
    expected = -(target * np.log(probability) + (1 - target) * np.log(1 - probability)).mean()
    loss = task.loss(paddle.to_tensor(logits, "float32"), paddle.to_tensor(target, "float32"))
    assert float(loss) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(ValueError, match="unknown activation"):
        DetectionTask(pack, CLASSES, "relu")


def test_split_keeps_boxes_with_their_clips():
    batch = make_batch([2, 0, 3, 1])
    pieces = list(DetectionTask(pack, CLASSES).split(batch, 3))
    assert [piece["boxes_num"].tolist() for piece in pieces] == [[2], [0], [3, 1]]
    for name in ("clip", "boxes", "label", "boxes_num"):
        assert (np.concatenate([piece[name] for piece in pieces]) == batch[name]).all()


def test_detections_of_keyframes_with_and_without_boxes(network):
    task = DetectionTask(pack, CLASSES)
    found = detect(network, task, keyframes())
    assert [len(boxes) for boxes in found.boxes] == [0, 1, 2, 3]
    rows = found.rows(np.array([7, 8, 9]))
    assert len(rows) == 6 * CLASSES and rows.images[:4] == ["v,0001"] * 3 + ["v,0002"]
    assert rows.labels[:4].tolist() == [7, 8, 9, 7]


def test_views_are_averaged_and_failures_named(network):
    task = DetectionTask(pack, CLASSES)
    plain = next(item for item in keyframes() if item["index"] == 2) | {"index": 0}
    twice = plain | {"views": plain["views"] * 2}
    broken = plain | {"index": 1, "image": "v,0003", "views": [], "error": "v.mp4: cannot be read"}
    found = detect(network, task, [twice, broken])
    np.testing.assert_allclose(found.scores[0], detect(network, task, [plain]).scores[0], rtol=1e-6)
    assert found.failed == [("v,0003", "v.mp4: cannot be read")] and len(found.boxes[1]) == 0


@pytest.mark.parametrize(
    ("ranks", "message"), [(([0], [2]), "keyframe 1: no result"), (([0, 1], [1]), "keyframe 1: evaluated by two processes")]
)
def test_every_keyframe_comes_once(network, monkeypatch, ranks, message):
    parts = [{index: ("v", np.zeros((0, 4)), np.zeros((0, CLASSES)), "") for index in part} for part in ranks]
    monkeypatch.setattr(distributed, "all_gather_object", lambda own: parts)
    with pytest.raises(DataError, match=message):
        detect(network, DetectionTask(pack, CLASSES), [])


def test_validation_returns_the_map(network):
    task = DetectionTask(pack, CLASSES)
    found = detect(network, task, keyframes())
    rows = found.rows(np.array([7, 8, 9]))
    truth = Boxes(rows.images, rows.boxes, rows.labels)
    scoring = DetectionScoring(truth, np.array([7, 8, 9]), (7, 8, 9))
    assert validate_detection(network, task, keyframes(), scoring) == {"map": 1.0, "failed": 0.0}
    empty = detect(network, task, [])
    assert scoring.score(empty).mean_ap == 0.0
