"""Whole videos in, one row each out: grouping, averaging, failures."""

import numpy as np
import paddle
import pytest

from slowfast_paddle.engine.evaluator import answer_of, evaluate, score_video
from slowfast_paddle.engine.validation import validate
from slowfast_paddle.errors import ConfigError, DataError, DecodeError
from slowfast_paddle.metrics.activation import activate
from slowfast_paddle.views import chunks, cut_view
from tests.unit.engine.support import CLASSES, PoisonedTask, TinyNet, pack


def item(index, views=5, label=1, error=""):
    rng = np.random.default_rng(index)
    return {
        "index": index,
        "path": f"{index}.mp4",
        "label": label,
        "error": error,
        "frames": rng.integers(0, 256, (9, 8, 12, 3), dtype=np.uint8),
        "frame_index": rng.integers(0, 9, (views, 4)).astype(np.int32),
        "offset_yx": np.stack([np.zeros(views, dtype=np.int32), np.arange(views, dtype=np.int32)], 1),
        "crop": 6,
        "flip": np.arange(views) % 2 == 1,
        "decoded": 9,
        "expected": 10,
        "fps": 30.0,
    }


def scorer(network, views_per_forward=5):
    return lambda video: answer_of(video, score_video(network, pack, video, CLASSES, views_per_forward, "prob"))


@pytest.fixture
def network():
    paddle.seed(1)
    network = TinyNet()
    network.eval()
    return network


def test_a_view_is_cut_and_flipped():
    video = item(0)
    plain = video["frames"][video["frame_index"][2]][:, 0:6, 2:8]
    np.testing.assert_array_equal(cut_view(video, 2), plain)
    flipped = video["frames"][video["frame_index"][3]][:, 0:6, 3:9]
    np.testing.assert_array_equal(cut_view(video, 3), flipped[:, :, ::-1])
    assert [len(chunk) for chunk in chunks(video, 2)] == [2, 2, 1]


@pytest.mark.parametrize("average", ["prob", "score", "max"])
def test_averages_over_positions_and_views(average):
    logits = np.random.default_rng(0).normal(size=(5, 4, CLASSES))
    calls = iter([logits[:2], logits[2:4], logits[4:]])
    got = score_video(lambda pathways: next(calls), pack, item(0), CLASSES, 2, average)
    per_view = (logits if average == "score" else activate(logits, "softmax")).mean(1)
    np.testing.assert_allclose(got, per_view.max(0) if average == "max" else per_view.mean(0), rtol=1e-6)


def test_scores_do_not_depend_on_neighbours_or_order(network):
    def rows(items, count):
        return evaluate(scorer(network, 2), items, count, CLASSES).scores

    together = rows([item(0), item(1, views=3), item(2)], 3)
    shuffled = rows([item(2), item(0), item(1, views=3)], 3)
    np.testing.assert_array_equal(together, shuffled)
    np.testing.assert_array_equal(rows([item(0)], 1)[0], together[0])
    assert together.dtype == np.float32
    np.testing.assert_allclose(together.sum(1), 1, rtol=1e-6)


def test_a_failed_video_is_reported_and_the_rest_finished(network):
    items = [item(0), item(1, error="b.mp4: no frame"), item(2)]
    scores = evaluate(scorer(network), items, 3, CLASSES)
    assert scores.failed == [1]
    assert np.isnan(scores.scores[1]).all()
    assert scores.views.tolist() == [5, 0, 5]
    assert scores.decoded.tolist() == [9, 9, 9]
    assert scores.metrics()["top5"] == 1.0


def test_a_video_may_turn_out_unreadable_while_it_is_scored(network):
    def score(video):
        if video["index"] == 1:
            raise DecodeError("1.mp4: breaks off")
        return scorer(network)(video)

    scores = evaluate(score, [item(0), item(1)], 2, CLASSES)
    assert scores.errors == ["", "1.mp4: breaks off"] and np.isnan(scores.scores[1]).all()


def test_without_labels_nothing_is_measured(network):
    assert evaluate(scorer(network), [item(0, label=None)], 1, CLASSES).metrics() == {}


def test_a_missing_video_is_an_error(network):
    with pytest.raises(DataError, match="video 1: no result"):
        evaluate(scorer(network), [item(0)], 2, CLASSES)
    with pytest.raises(ConfigError, match="average 'mean'"):
        score_video(network, pack, item(0), CLASSES, 5, average="mean")


def test_validation_is_the_mean_over_videos_not_over_batches(network):
    rng = np.random.default_rng(0)
    clips, labels = rng.integers(0, 256, (5, 2, 4, 4, 3), dtype=np.uint8), np.array([0, 1, 2, 0, 1])

    def batches(size):
        return [
            {"clip": clips[i : i + size], "label": labels[i : i + size], "index": np.arange(i, min(i + size, 5))}
            for i in range(0, 5, size)
        ]

    task = PoisonedTask(pack, CLASSES)
    one, other = validate(network, task, batches(2)), validate(network, task, batches(5))
    assert one == pytest.approx(other)
    probs = activate(network(pack(clips)).numpy(), "softmax")[:, 0]
    assert one["loss"] == pytest.approx(-np.log(probs[np.arange(5), labels]).mean(), rel=1e-5)
    failed = validate(network, task, [*batches(5), {"index": [], "failed": [(5, 1, "x.mp4: broken")]}])
    assert failed["failed"] == 1 and failed["loss"] == one["loss"]
