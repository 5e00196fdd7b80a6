"""Metrics on small cases worked out by hand."""

import numpy as np
import pytest

from slowfast_paddle.metrics import calibration, confusion, topk
from slowfast_paddle.metrics.activation import activate, probabilities
from slowfast_paddle.metrics.mean_ap import average_precision, mean_average_precision
from slowfast_paddle.metrics.running import RunningMeans
from slowfast_paddle.metrics.scores import Scores, metrics_of


def test_equal_scores_go_to_the_lower_class():
    scores = np.array([[0.5, 0.5, 0.1], [0.2, 0.2, 0.2]])
    assert topk.top_classes(scores, 2).tolist() == [[0, 1], [0, 1]]
    assert topk.topk_accuracy(scores, np.array([1, 0]), 1) == 0.5


def test_average_precision_takes_ties_together():
    assert average_precision(np.array([0.5, 0.5]), np.array([1, 0])) == 0.5
    assert average_precision(np.array([0.9, 0.5, 0.1]), np.array([1, 0, 1])) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert np.isnan(average_precision(np.array([0.9]), np.array([0])))
    assert np.isnan(mean_average_precision(np.zeros((2, 2)), np.zeros((2, 2))))


def test_per_class_table_and_confused_pairs():
    matrix = confusion.confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1], 3)
    rows = confusion.per_class(matrix)
    assert (rows[0].recall, rows[1].recall, rows[1].precision) == (0.5, 1.0, pytest.approx(2 / 3))
    assert np.isnan(rows[2].recall)
    assert confusion.mean_class_accuracy(matrix) == 0.75
    assert confusion.most_confused(matrix, 5) == [(0, 1, 1)]


def test_calibration_error():
    probs = np.array([[0.8, 0.2], [0.8, 0.2], [0.4, 0.6], [0.4, 0.6]])
    labels = np.array([0, 1, 1, 1])
    expected = 0.5 * abs(0.8 - 0.5) + 0.5 * abs(0.6 - 1.0)
    assert calibration.expected_calibration_error(probs, labels, bins=10) == pytest.approx(expected)
    assert sum(b.count for b in calibration.reliability(probs, labels)) == 4


def test_running_means_weigh_by_samples_and_survive_a_checkpoint():
    means = RunningMeans()
    assert means.means() == {}
    means.add({"loss": 3.0}, 3)
    resumed = RunningMeans()
    resumed.load(means.state())
    resumed.add({"loss": 5.0}, 1)
    assert resumed.means() == {"loss": 2.0}


def _scores(**changes):
    values = {
        "scores": np.array([[0.9, 0.1], [np.nan, np.nan], [0.3, 0.7]], dtype=np.float32),
        "labels": np.array([0, 1, 0]),
        "views": np.array([30, 0, 30], dtype=np.int32),
        "decoded": np.array([10, 0, 10], dtype=np.int32),
        "expected": np.array([10, 10, 12], dtype=np.int32),
        "errors": ["", "broken.mp4: no frame", ""],
    }
    return Scores(**{**values, **changes})


def test_failed_videos_are_left_out_and_named():
    scores = _scores()
    assert scores.failed == [1]
    metrics = scores.metrics()
    assert (metrics["top1"], metrics["top5"], metrics["mean_class"]) == (0.5, 1.0, 0.5)
    assert _scores(labels=None).metrics() == {}


def test_calibration_is_that_of_probabilities_whatever_the_views_became():
    """Means of logits are softmaxed, largest probabilities shared out; stored and fresh scores are measured alike."""
    logits = np.random.default_rng(0).normal(0, 4, (50, 5))
    labels = np.arange(50) % 5
    probs = activate(logits, "softmax")
    expected = calibration.expected_calibration_error(probs, labels)
    for scores in (logits, probs, probs.astype(np.float32)):
        counts = np.ones(50, dtype=np.int32)
        fresh = Scores(scores, labels, counts, counts, counts, [""] * 50).metrics((1,))
        assert fresh["ece"] == pytest.approx(expected, abs=1e-6) and fresh == metrics_of(scores, labels, (1,))
    assert np.allclose(probabilities(np.array([[0.9, 0.6], [0.2, 0.8]])), [[0.6, 0.4], [0.2, 0.8]])


def test_multi_hot_labels_give_map():
    scores = _scores(labels=np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float32))
    assert scores.metrics() == {"map": 1.0}
