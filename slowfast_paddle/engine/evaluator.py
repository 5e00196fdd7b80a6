"""Multi-view testing: whole videos in, one row of scores per video out. Prediction is the same without labels."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import paddle

from slowfast_paddle import log
from slowfast_paddle.engine.gather import Row, gather_rows
from slowfast_paddle.errors import ConfigError, DecodeError
from slowfast_paddle.metrics.activation import activate
from slowfast_paddle.metrics.scores import Scores
from slowfast_paddle.metrics.view_ensemble import AVERAGES, ViewEnsemble
from slowfast_paddle.views import chunks

_logger = log.get(__name__)

Item = Mapping[str, Any]
Network = Callable[[tuple[paddle.Tensor, ...]], Any]
Pack = Callable[[np.ndarray], tuple]


class Answer(NamedTuple):
    """What came out for one video: scores float32 [C] (None when it failed), views behind them, frames read and promised."""

    scores: np.ndarray | None
    views: int
    decoded: int
    expected: int


def score_video(
    network: Network, pack: Pack, item: Item, num_classes: int, views_per_forward: int, average: str, multi_label: bool = False
) -> np.ndarray:
    """Scores of one video, float32 [C].

    Every forward holds views of this video only and has a size that depends on nothing else, so that the scores are the
    same bits whatever else is evaluated, and on how many processes.

    Args:
        network: pathways to logits [b, positions, C]: a network in eval mode or a compiled program.
        pack: uint8 clips [b, T, h, w, 3] to pathways.
        item: one test item without error.
        num_classes: length of a score vector.
        views_per_forward: largest b; bounds memory.
        average: "prob" and "max" take the activation at each position, the mean over positions, then mean or maximum over
            views; "score" takes the mean of logits.
        multi_label: activation is the sigmoid instead of the softmax.

    Raises:
        ConfigError: unknown average.
    """
    activation = activation_of(average, multi_label)
    total = len(item["frame_index"])
    ensemble = ViewEnsemble(1, total, num_classes, use_max=average == "max")
    done = 0
    for clips in chunks(item, views_per_forward):
        logits = network(pack(clips))
        if isinstance(logits, paddle.Tensor):
            logits = logits.astype("float32").numpy()
        scores = activate(logits, activation).mean(axis=1)
        ensemble.update(scores, np.zeros(len(clips), dtype=int), np.arange(done, done + len(clips)))
        done += len(clips)
    return ensemble.compute()[0].astype(np.float32)


def answer_of(item: Item, scores: np.ndarray) -> Answer:
    """The answer for an item whose views were cut from frames."""
    return Answer(scores, len(item["frame_index"]), item.get("decoded") or 0, item.get("expected") or 0)


def activation_of(average: str, multi_label: bool) -> str:
    """What logits pass through before they are averaged.

    Raises:
        ConfigError: unknown average.
    """
    if average not in AVERAGES:
        raise ConfigError(f"average {average!r}: unknown; expected one of {', '.join(AVERAGES)} (test.average)")
    return "none" if average == "score" else "sigmoid" if multi_label else "softmax"


def evaluate(
    score: Callable[[Item], Answer],
    loader: Iterable[Item],
    num_videos: int,
    num_classes: int,
) -> Scores:
    """Score this rank's videos and gather all ranks' results by video number.

    Args:
        score: the answer for one test item without error; a DecodeError makes the video a failed one.
        loader: this rank's test items, one whole video each.
        num_videos: of all ranks.
        num_classes: length of a score vector.

    Returns:
        Scores on every rank; failed videos are nan rows with their error.

    Raises:
        DataError: a video is missing or came twice.
    """
    rows: dict[int, Row] = {}
    with paddle.no_grad():
        for item in log.progress(loader, len(loader) if hasattr(loader, "__len__") else None, "evaluating", "video"):
            answer, error = _ask(score, item)
            if error:
                _logger.warning("failed: %s", error)
            elif answer.decoded < answer.expected:
                _logger.warning("%s: %d of %d frames decoded; the rest is missing", item["path"], answer.decoded, answer.expected)
            rows[int(item["index"])] = Row(label=_label(item["label"], num_classes), error=error, **answer._asdict())
    return gather_rows(rows, num_classes, num_videos)


def _ask(score: Callable[[Item], Answer], item: Item) -> tuple[Answer, str]:
    """The answer, or an empty one and the reason."""
    nothing = Answer(None, 0, item.get("decoded") or 0, item.get("expected") or 0)
    if item["error"]:
        return nothing, item["error"]
    try:
        return score(item), ""
    except DecodeError as err:  # a video that is read while it is scored
        return nothing, str(err)


def _label(label: Any, num_classes: int) -> Any:
    """Several class numbers as one multi-hot vector; a single one, or None, as it is."""
    if not isinstance(label, tuple):
        return label
    several_hot = np.zeros(num_classes, np.float32)
    several_hot[list(label)] = 1.0
    return several_hot
