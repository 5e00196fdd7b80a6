"""Predictor: one checkpoint, any video, from Python.

predictor = Predictor("checkpoints/slowfast_epoch195.pdparams")
print(predictor("video.mp4"))
for segment in predictor.timeline("long.mp4", stride_sec=1.0): ...
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Integral
from pathlib import Path
from types import NoneType

import numpy as np
import paddle

from slowfast_paddle.app import build
from slowfast_paddle.app.running import pack_for, runner_of
from slowfast_paddle.app.scorer import open_scorer
from slowfast_paddle.app.weights import sidecar_config
from slowfast_paddle.checkpoint import stem
from slowfast_paddle.config.load import load_config
from slowfast_paddle.config.schema import Config
from slowfast_paddle.data.records import from_paths
from slowfast_paddle.data.sliding import sliding_items
from slowfast_paddle.data.sources import Video, name_of, readable
from slowfast_paddle.engine.extract import FeatureNet, Features, extract
from slowfast_paddle.engine.live import LiveResult
from slowfast_paddle.engine.prediction import Prediction, prediction_of
from slowfast_paddle.engine.timeline import Segment, Window, merge
from slowfast_paddle.errors import ConfigError, DataError, DecodeError
from slowfast_paddle.export.program import meet_paddle
from slowfast_paddle.labels import class_names


class Predictor:
    """Predicts the actions of videos exactly as evaluation scores them. Thread-safe: threads decode side by side."""

    def __init__(
        self,
        weights: str | Path,
        *,
        config: str | Path | Config | None = None,
        overrides: Sequence[str] = (),
        device: str = "auto",
        labels: str | Path | Sequence[str] | None = None,
        top_k: int = 5,
    ) -> None:
        """Loads a network.

        Args:
            weights: a checkpoint, with or without .pdparams.
            config: what the network is; by default what the checkpoint's sidecar says.
            overrides: dotted overrides such as "test.num_clips=5".
            device: "auto" (a GPU where Paddle sees one), "cpu" or "gpu".
            labels: class names: a list, a text file or a shipped set such as "kinetics400"; by default the checkpoint's.
            top_k: classes in a result.

        Raises:
            SlowFastError: weights, configuration, device or labels cannot be used.
        """
        if not isinstance(top_k, Integral) or top_k < 1:
            raise ConfigError(f"top_k is {top_k!r}; expected a whole number above 0")
        if not isinstance(config, (str, Path, Config, NoneType)):
            raise ConfigError(f"config is of type {type(config).__name__}; expected a preset, a YAML file or a Config")
        meet_paddle()
        self._gpu = _choose_device(device)
        if not isinstance(config, Config):
            config = load_config(sidecar_config(weights) if config is None else config, overrides)
        if config.model.head.kind == "roi":
            raise ConfigError(f"{weights}: action detection scores people, not videos; use predict.py --boxes (docs/ava.md)")
        scorer = open_scorer(config, stem(weights), self._gpu)
        if labels is not None:
            scorer = dataclasses.replace(scorer, names=_names(labels, config.model.num_classes))
        self.scorer = scorer
        self.top_k = top_k
        self._features = None  # made when first asked for

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name per class."""
        return self.scorer.names

    def __call__(self, video: Video, fps: float | None = None) -> Prediction:
        """Predicts one video.

        Args:
            video: file, frame folder, http address, frames uint8 [T, H, W, 3] RGB, or a video's bytes or open binary file.
            fps: rate of frames and frame folders, 1/s; 30 by default.

        Raises:
            DecodeError: it cannot be read.
            DataError: no video at all, frames of the wrong type or shape, or an fps that is no frame rate.
        """
        prediction = self._predict(video, fps)
        if prediction.error:
            raise DecodeError(prediction.error)
        return prediction

    def batch(self, videos: Iterable[Video], fps: float | None = None) -> Iterator[Prediction]:
        """Predicts video after video; one that cannot be read gives a result with its `error` and the rest goes on."""
        for video in videos:
            try:
                yield self._predict(video, fps)
            except DataError as err:
                yield Prediction(name_of(video), error=str(err))

    def windows(self, video: Video, stride_sec: float = 1.0, fps: float | None = None) -> Iterator[Window]:
        """Scores of sliding windows over a video of any length, decoded once in bounded memory."""
        return self.scorer.windows(video, stride_sec, fps)

    def timeline(self, video: Video, stride_sec: float = 1.0, threshold: float = 0.0, fps: float | None = None) -> list[Segment]:
        """What happens when: neighbouring windows of one class as segments.

        Args:
            video: as in a call.
            stride_sec: between the starts of two windows.
            threshold: windows whose best class scores less belong to no segment.
        """
        return merge(list(self.windows(video, stride_sec, fps)), self.class_names, threshold)

    def features(self, video: Video, stride_sec: float = 1.0, fps: float | None = None) -> Features:
        """Features of sliding windows (2304 numbers for SlowFast R50), as retrieval and localisation use them."""
        with readable(video, self.scorer.config.data.decode_timeout_sec) as local:
            items = sliding_items(local, self.scorer.sliding(stride_sec), fps)
            with self.scorer.lock:
                runner = self._feature_runner()
                return extract(items, runner, pack_for(runner, self.scorer.pack), stride_sec)

    def live(self, read: Callable[[], np.ndarray | None]) -> Iterator[LiveResult]:
        """Scores the newest moments of a live source; frames are dropped rather than queued.

        Args:
            read: gives the next frame uint8 [H, W, 3] RGB, or None at the end.
        """
        return self.scorer.live(read)

    def _feature_runner(self):
        if self._features is None:
            net = FeatureNet(self.scorer.network)
            net.eval()
            self._features = runner_of(self.scorer.config, net, self._gpu)
        return self._features

    def item(self, video: Video, fps: float | None = None) -> dict:
        """All test views of one video, as evaluation cuts them; "error" says why there are none."""
        named = from_paths([name_of(video)])
        return build.views_dataset(self.scorer.config, named, self.scorer.protocol, videos=[video], fps=fps)[0]

    def _predict(self, video: Video, fps: float | None) -> Prediction:
        if self.scorer.dense:
            with self.scorer.lock:
                answer = self.scorer.dense.score(video, fps)
            return prediction_of(name_of(video), answer, self.class_names, self.top_k)
        item = self.item(video, fps)
        if item["error"]:
            return Prediction(name_of(video), error=item["error"])
        return prediction_of(name_of(video), self.scorer.score(item), self.class_names, self.top_k)


def _choose_device(device: str) -> bool:
    """Sets the device; returns whether it is a GPU."""
    if device not in ("auto", "cpu", "gpu"):
        raise ConfigError(f"device {device!r} is unknown; expected auto, cpu or gpu")
    there = paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0
    if device == "gpu" and not there:
        raise ConfigError("device 'gpu': Paddle sees no GPU; use 'cpu' or 'auto', or install a GPU build of Paddle")
    gpu = there and device != "cpu"
    paddle.set_device("gpu" if gpu else "cpu")
    return gpu


def _names(labels: str | Path | Sequence[str], num_classes: int) -> tuple[str, ...]:
    if not isinstance(labels, (str, Path, Sequence)):
        raise ConfigError(f"labels are of type {type(labels).__name__}; expected a list of names, a text file or a shipped set")
    names = class_names(labels, num_classes) if isinstance(labels, (str, Path)) else list(labels)
    if len(names) != num_classes:
        raise ConfigError(
            f"labels: {len(names)} names for {num_classes} classes; expected one per class in the classifier's order"
        )
    return tuple(name or str(i) for i, name in enumerate(names))
