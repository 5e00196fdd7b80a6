"""View averaging and metrics against the reference projects."""

import json

import numpy as np
import pytest

from slowfast_paddle.errors import DataError
from slowfast_paddle.metrics.confusion import confusion_matrix, mean_class_accuracy
from slowfast_paddle.metrics.mean_ap import average_precisions, mean_average_precision
from slowfast_paddle.metrics.topk import top_classes, topk_accuracy
from slowfast_paddle.metrics.view_ensemble import ViewEnsemble

FLOAT32 = 2e-6  # the references sum in float32


@pytest.fixture(scope="module")
def cases(golden):
    return json.loads((golden / "data/ensemble.json").read_text())


def _ensemble(case, rows=None, use_max=False, arrival=None):
    ensemble = ViewEnsemble(case["num_videos"], case["num_clips"], case["num_classes"], use_max)
    scores = np.array(rows if rows is not None else case["clip_scores_by_clip_id"], dtype=np.float32)
    ids = np.array(case["clip_ids_in_arrival_order"] if arrival is None else arrival)
    for start in range(0, len(ids), 7):
        batch = ids[start : start + 7]
        ensemble.update(scores[batch], batch // case["num_clips"], batch % case["num_clips"])
    return ensemble


def _complete(case):
    return set(case["clip_ids_in_arrival_order"]) == set(range(case["num_videos"] * case["num_clips"]))


def test_sums_and_maxima_of_pyslowfast(cases):
    compared = 0
    for case in cases["single_label"]:
        if not _complete(case):
            with pytest.raises(DataError, match="no scores for view"):
                _ensemble(case).compute()
            continue
        mean = _ensemble(case).compute()
        maximum = _ensemble(case, use_max=True).compute()
        # PySlowFast starts its maximum at 0, which hides negative logits.
        maximum = np.maximum(maximum, 0.0)
        np.testing.assert_allclose(maximum, case["pyslowfast_max"]["video_scores"], rtol=FLOAT32, atol=FLOAT32)
        # The original skips repeats as we do; PySlowFast adds them again and agrees where none came.
        np.testing.assert_allclose(mean * case["num_clips"], case["paddle_original"]["video_scores"], rtol=1e-9, atol=1e-9)
        if len(case["clip_ids_in_arrival_order"]) == len(set(case["clip_ids_in_arrival_order"])):
            reference = case["pyslowfast_sum"]["video_scores"]
            np.testing.assert_allclose(mean * case["num_clips"], reference, rtol=1e-5, atol=1e-5)
            bounds = case["pyslowfast_sum"]["accuracy_bounds_over_tie_breaking"]
            for k in case["pyslowfast_sum"]["ks"]:
                low, high = bounds[f"top{k}_pessimistic_optimistic"]
                assert low - 1e-9 <= topk_accuracy(mean, np.array(case["labels"]), k) <= high + 1e-9, case["name"]
        compared += 1
    assert compared >= 6


def test_repeated_views_do_not_change_the_score(cases):
    case = next(c for c in cases["single_label"] if c["name"] == "duplicates_from_sampler_padding")
    once = _ensemble(case, arrival=range(case["num_videos"] * case["num_clips"])).compute()
    np.testing.assert_allclose(_ensemble(case).compute(), once, rtol=1e-12)


@pytest.mark.parametrize("kind", ["score", "prob"])
def test_averages_of_mmaction2(cases, kind):
    compared = 0
    for case in cases["single_label"]:
        reference = case.get(f"mmaction2_average_clips_{kind}_on_logits")
        logits = case["clip_scores_by_clip_id"] if case["kind"] == "logit" else case.get("logits_by_clip_id")
        if reference is None or logits is None or not _complete(case):
            continue
        rows = np.array(logits)
        if kind == "prob":
            rows = np.exp(rows - rows.max(1, keepdims=True))
            rows /= rows.sum(1, keepdims=True)
        scores = _ensemble(case, rows).compute()
        np.testing.assert_allclose(scores, reference["video_scores"], rtol=1e-5, atol=1e-5)
        matrix = confusion_matrix(case["labels"], scores.argmax(1), case["num_classes"])
        kept = reference["confusion_matrix_labels"]
        if case["name"] != "ties":
            assert matrix[np.ix_(kept, kept)].tolist() == reference["confusion_matrix"], case["name"]
            # MMAction2 counts a class that is only ever predicted as one with accuracy 0; balanced accuracy leaves it out.
            occurring = len(set(case["labels"]))
            assert mean_class_accuracy(matrix) * occurring == pytest.approx(reference["mean_class_accuracy"] * len(kept))
        compared += 1
    assert compared >= 6


def test_k_above_the_number_of_classes(cases):
    case = next(c for c in cases["single_label"] if c["name"] == "fewer_classes_than_k")
    scores = _ensemble(case).compute()
    assert top_classes(scores, 5).shape == (case["num_videos"], 3)
    assert topk_accuracy(scores, np.array(case["labels"]), 5) == 1.0


def test_multi_label_average_precision(cases):
    for case in cases["multi_label"]:
        scores = _ensemble(case, use_max=True).compute().astype(np.float32)
        labels = np.array(case["labels_multi_hot"])
        expected = [np.nan if value is None else value for value in case["sklearn_ap_per_class_max"]]
        np.testing.assert_allclose(average_precisions(scores, labels), expected, rtol=1e-9)
        assert mean_average_precision(scores, labels) == pytest.approx(case["pyslowfast_max_multi_label"]["map"])


def test_confusion_matrices(cases):
    for case in cases["confusion_matrix"]:
        matrix = confusion_matrix(case["y_true"], case["y_pred"], len(case["labels_in_matrix"]))
        assert matrix.tolist() == case["normalize_None"]
