"""A network with everything needed to score videos: weights, reading, packing and names, from one checkpoint."""

import contextlib
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle import nn

from slowfast_paddle import checkpoint
from slowfast_paddle.app import build
from slowfast_paddle.app.dense import DenseTime, Unread, open_dense, over_time
from slowfast_paddle.app.running import example_clip, pack_for, runner_of
from slowfast_paddle.app.weights import load_model, stated_names
from slowfast_paddle.config.schema import Config
from slowfast_paddle.data.protocol import Protocol, get_protocol
from slowfast_paddle.data.records import Records
from slowfast_paddle.data.sliding import Sliding, item_of, resizer, sliding_items
from slowfast_paddle.data.sources import Video, readable
from slowfast_paddle.engine.evaluator import Answer, answer_of, score_video
from slowfast_paddle.engine.live import LatestFrames, LiveResult, live
from slowfast_paddle.engine.timeline import Window, score_windows
from slowfast_paddle.errors import CheckpointError, DataError
from slowfast_paddle.export.compile import CompiledNetwork
from slowfast_paddle.export.program import meet_paddle
from slowfast_paddle.locks import ForkLock
from slowfast_paddle.models.pack import PackPathways


@dataclass(frozen=True)
class Scorer:
    """What scores a test item.

    Attributes:
        network: in eval mode.
        runner: the network, or its compiled form on the CPU; gives the same logits.
        names: one name per class; its number where none is known.
        dense: scores whole videos where test.views runs over time.
        lock: held while the network runs.
    """

    config: Config
    protocol: Protocol
    network: nn.Layer
    runner: Callable[..., Any]
    pack: PackPathways
    names: tuple[str, ...]
    dense: DenseTime | None = None
    lock: ForkLock = field(default_factory=ForkLock, repr=False)

    @property
    def multi_label(self) -> bool:
        """Whether several classes may apply to one video."""
        return self.config.model.head.activation == "sigmoid"

    def loader(self, records: Records) -> AbstractContextManager:
        """Test items of this process's videos, for `answer`; reading begins at once."""
        if self.dense:
            return contextlib.nullcontext(Unread(records))
        loader = build.test_loader(self.config, records, self.protocol)
        loader.read_ahead()
        return loader

    def prepare(self) -> None:
        """Loads the compiled program where one for these views is cached, before the first video is there."""
        if self.dense is None and isinstance(self.runner, CompiledNetwork):
            size = self.config.test.crop_px
            self.runner.prepare([np.zeros((1, 3, len(i), size, size), np.float32) for i in self.pack.indices])

    def answer(self, item: dict) -> Answer:
        """The answer for one video of `loader`.

        Raises:
            DecodeError: the video is read only now, and cannot be.
        """
        if not self.dense:
            return self.score(item)
        with self.lock:
            return self.dense.score(item["path"])

    def score(self, item: dict) -> Answer:
        """The answer for one test item with its views. One call runs at a time; threads wait for each other."""
        meet_paddle()
        config, pack = self.config, pack_for(self.runner, self.pack)
        views, classes, average = config.test.views_per_forward, config.model.num_classes, config.test.average
        with self.lock, paddle.no_grad():
            return answer_of(item, score_video(self.runner, pack, item, classes, views, average, self.multi_label))

    def sliding(self, stride_sec: float) -> Sliding:
        """How windows are laid over a video: one central crop, everything else as in testing."""
        config = self.config
        return Sliding(
            build.shape_of(config),
            stride_sec,
            config.test.short_side_px,
            config.test.crop_px,
            num_crops=1,
            protocol=self.protocol,
            options=build.read_options(config),
        )

    def windows(self, video: Video, stride_sec: float, fps: float | None = None) -> Iterator[Window]:
        """Scores of sliding windows over a video of any length, decoded once in bounded memory.

        Raises:
            DecodeError: no frame can be decoded.
        """
        with readable(video, self.config.data.decode_timeout_sec) as local:
            yield from score_windows(sliding_items(local, self.sliding(stride_sec), fps), lambda item: self.score(item).scores)

    def live(self, read: Callable[[], np.ndarray | None], until: float = math.inf) -> Iterator[LiveResult]:
        """Scores the newest moments of a live source; frames are dropped rather than queued.

        Args:
            read: gives the next frame uint8 [H, W, 3] RGB, or None at the end.
            until: when to stop (monotonic seconds), whether frames come or not.
        """
        sliding = self.sliding(1.0)
        shape = sliding.shape
        window_sec = shape.sampling_rate * shape.num_frames / shape.target_fps
        frames = LatestFrames(read, window_sec, limit=4 * shape.num_frames * shape.sampling_rate, keep=resizer(sliding))
        everything = np.arange(shape.num_frames)
        return live(frames, shape.num_frames, lambda clip: self.score(item_of(clip, everything, sliding)).scores, until)


def open_scorer(config: Config, weights: Path, gpu: bool) -> Scorer:
    """Builds the network of a configuration, loads the weights and gets ready to score.

    The protocol is that of the configuration, else the one the weights were made for, else pyslowfast.

    Raises:
        CheckpointError: the weights are missing, damaged or do not fit, or their sidecar is wrong.
        ConfigError: test.precision is not one of this machine.
    """
    facts = checkpoint.load_sidecar(weights)
    try:
        protocol = get_protocol(config.test.protocol or (facts.get("protocol") or {}).get("name") or "pyslowfast")
    except DataError as err:
        raise CheckpointError(f"{checkpoint.part(weights, checkpoint.SIDECAR)}: {err}") from None
    if config.test.protocol:
        config = under(config, protocol)
    network = load_model(weights, config)
    known = stated_names(weights, config) or build.names_of(config) or [None] * config.model.num_classes
    # Whole frames differ in size from video to video: one program takes them all.
    example = example_clip(network, config.test.crop_px) if config.test.views == "dense-space" else None
    runner = runner_of(config, network, gpu, example)
    pack = build.build_pack(config, network, protocol.slow_rule)
    dense = open_dense(config, protocol, network, pack, gpu) if over_time(config.test.views) else None
    names = tuple(name or str(i) for i, name in enumerate(known))
    return Scorer(config, protocol, network, runner, pack, names, dense)


def under(config: Config, protocol: Protocol) -> Config:
    """The configuration with a protocol's head and averaging, for weights tested as another project would."""
    average = "logits" if protocol.average == "score" else "probabilities"
    head = config.model.head.model_copy(update={"pool": protocol.head, "average": average})
    return config.model_copy(update={"model": config.model.model_copy(update={"head": head})})
