"""From stored scores to the content of the report: what is shown, in numbers and in words."""

from collections.abc import Mapping

import numpy as np

from slowfast_paddle.metrics.activation import probabilities
from slowfast_paddle.metrics.calibration import reliability
from slowfast_paddle.metrics.confusion import confusion_matrix, most_confused, per_class
from slowfast_paddle.metrics.mean_ap import average_precisions
from slowfast_paddle.metrics.scores import metrics_of
from slowfast_paddle.metrics.scores_file import StoredScores
from slowfast_paddle.metrics.topk import top_classes
from slowfast_paddle.viz.report import ClassRow, Confusion, Headline, Reliability, ReportContent, VideoCard

GUESSES = 3
PAIRS = 10


def _probabilities(stored: StoredScores) -> np.ndarray:
    return stored.scores if stored.multi_label else probabilities(stored.scores)


def worst_videos(stored: StoredScores, count: int) -> list[int]:
    """Rows whose true class got the least probability, worst first; only wrong ones. Empty without single labels."""
    if stored.labels is None or stored.multi_label:
        return []
    probs = _probabilities(stored)
    given = probs[np.arange(len(probs)), stored.labels]
    wrong = top_classes(probs, 1)[:, 0] != stored.labels if len(probs) else np.zeros(0, bool)
    return [int(i) for i in np.argsort(given, kind="stable") if wrong[i]][:count]


def uncertain_videos(stored: StoredScores, count: int) -> list[int]:
    """Rows with the most spread-out probabilities, most uncertain first."""
    return [int(i) for i in np.argsort(-uncertainty(stored), kind="stable")[:count]]


def uncertainty(stored: StoredScores) -> np.ndarray:
    """Entropy of each row as a share of the largest possible one: 0 sure, 1 no idea. Mean over classes if multi-label."""
    probs = np.clip(_probabilities(stored).astype(np.float64), 1e-12, 1.0)
    if stored.multi_label:
        other = np.clip(1.0 - probs, 1e-12, 1.0)
        return -(probs * np.log2(probs) + other * np.log2(other)).mean(axis=1)
    return -(probs * np.log(probs)).sum(axis=1) / np.log(max(probs.shape[1], 2))


def report_content(
    stored: StoredScores, title: str, subtitle: str, strips: Mapping[int, np.ndarray] | None = None, examples: int = 6
) -> ReportContent:
    """Everything the report shows.

    Args:
        stored: scores of one evaluation; `stamp["failed"]` may list [video, reason] pairs.
        title: of the page.
        subtitle: one line on weights, data and views.
        strips: frames uint8 [n, H, W, 3] by row number, for the videos of `worst_videos` and `uncertain_videos`.
        examples: videos in each gallery.
    """
    names = stored.names()
    settings = {key: value for key, value in stored.stamp.items() if key != "failed"}
    failed = [(str(video), str(reason)) for video, reason in stored.stamp.get("failed", [])]
    single = stored.labels is not None and not stored.multi_label and len(stored.videos) > 0
    matrix = None
    if single:
        matrix = confusion_matrix(stored.labels, top_classes(stored.scores, 1)[:, 0], len(names))
    return ReportContent(
        title=title,
        subtitle=subtitle,
        headlines=_headlines(stored, len(failed)),
        class_measure="average precision" if stored.multi_label else "accuracy",
        classes=_class_rows(stored, matrix),
        class_names=names,
        confusion=matrix,
        pairs=[] if matrix is None else _pairs(matrix, names),
        reliability=_reliability(stored) if single else None,
        worst=[_card(stored, i, strips or {}) for i in worst_videos(stored, examples)],
        uncertain=[_card(stored, i, strips or {}) for i in uncertain_videos(stored, examples)],
        failed=failed,
        settings=settings,
    )


def _headlines(stored: StoredScores, failed: int) -> list[Headline]:
    ks = tuple(k for k in (1, 5) if k <= stored.scores.shape[1])  # the five best of three classes say nothing
    values = metrics_of(stored.scores, stored.labels, ks) if len(stored.videos) else {}
    text = {
        "top1": ("Top-1", "%", "the best guess is the true class"),
        "top5": ("Top-5", "%", "the true class is among the five best"),
        "mean_class": ("Mean class accuracy", "%", "every class counts the same"),
        "map": ("mAP", "%", "mean over classes of average precision"),
        "ece": ("Calibration error", "points", "mean gap between confidence and accuracy"),
    }
    shown = [Headline(text[key][0], f"{100 * value:.2f}", *text[key][1:]) for key, value in values.items()]
    hint = f"{failed} more failed, see below" if failed else "all listed videos were scored"
    return [*shown, Headline("Videos", str(len(stored.videos)), "", hint)]


def _class_rows(stored: StoredScores, matrix: np.ndarray | None) -> list[ClassRow]:
    names = stored.names()
    if matrix is not None:
        return [
            ClassRow(names[row.index], row.support, row.recall if row.support else None, _taken_for(matrix, row.index, names))
            for row in per_class(matrix)
            if row.support or row.predicted
        ]
    if stored.labels is None:
        return []
    precision = average_precisions(stored.scores, stored.labels)
    positives = stored.labels.sum(axis=0)
    return [ClassRow(names[i], int(positives[i]), float(precision[i]) if positives[i] else None, "") for i in range(len(names))]


def _taken_for(matrix: np.ndarray, row: int, names: tuple[str, ...]) -> str:
    others = matrix[row].copy()
    others[row] = 0
    return f"{names[int(others.argmax())]} ({int(others.max())})" if others.any() else ""


def _pairs(matrix: np.ndarray, names: tuple[str, ...]) -> list[Confusion]:
    totals = matrix.sum(axis=1)
    return [Confusion(names[true], names[said], count, int(totals[true])) for true, said, count in most_confused(matrix, PAIRS)]


def _reliability(stored: StoredScores) -> Reliability:
    bins = reliability(_probabilities(stored), stored.labels, bins=10)
    return Reliability(*(np.nan_to_num(np.array(part)) for part in zip(*((b.confidence, b.accuracy, b.count) for b in bins))))


def _card(stored: StoredScores, row: int, strips: Mapping[int, np.ndarray]) -> VideoCard:
    names, probs = stored.names(), _probabilities(stored)[row]
    best = top_classes(probs[None], GUESSES)[0]
    truth, right, note = "", None, f"uncertainty {uncertainty(stored)[row]:.2f} of 1"
    if stored.multi_label:
        truth = ", ".join(names[i] for i in np.flatnonzero(stored.labels[row]))
    elif stored.labels is not None:
        label = int(stored.labels[row])
        truth, right = names[label], bool(best[0] == label)
        if not right:
            note = f"true class at {100 * probs[label]:.1f} %"
    return VideoCard(stored.videos[row], truth, tuple((names[i], float(probs[i])) for i in best), right, note, strips.get(row))
