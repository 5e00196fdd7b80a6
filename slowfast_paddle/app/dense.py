"""test.views dense, dense-space and dense-time: the network over whole frames, whole videos, or both."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import paddle
from paddle import nn

from slowfast_paddle import distributed, log
from slowfast_paddle.app import build
from slowfast_paddle.app.running import example_clip, runner_of
from slowfast_paddle.config.schema import Config
from slowfast_paddle.data.dense import DenseReading, TimeBlocks
from slowfast_paddle.data.protocol import Protocol
from slowfast_paddle.data.records import Records
from slowfast_paddle.data.sliding import Sliding
from slowfast_paddle.data.sources import Video, name_of, readable
from slowfast_paddle.engine.dense import score_blocks
from slowfast_paddle.engine.evaluator import Answer
from slowfast_paddle.errors import DecodeError
from slowfast_paddle.models.dense import OverTime
from slowfast_paddle.models.pack import PackPathways

_logger = log.get(__name__)

MIN_BLOCK_CLIPS = 5  # in one pass: at every seam the context of both blocks is computed twice


def over_time(views: str) -> bool:
    """Whether these views run over the time of a whole video."""
    return views in ("dense", "dense-time")


@dataclass(frozen=True)
class DenseTime:
    """Scores a video by one pass over its time.

    Attributes:
        network: the network that slides.
        runner: it, or its compiled form.
        pathways: 1 or 2.
    """

    network: OverTime
    runner: Callable[..., Any]
    pack: PackPathways
    reading: DenseReading
    pathways: int
    average: str
    multi_label: bool

    def score(self, video: Video, fps: float | None = None) -> Answer:
        """The answer for a video; decoding and the network take turns, and only one block is in memory.

        Raises:
            DecodeError: the video cannot be read.
        """
        with readable(video, self.reading.sliding.options.timeout_sec) as local, paddle.no_grad():
            source = self.reading.open(local, fps)
            timeline, seen = source.timeline, []
            for _ in range(3):
                read = self.reading.read(source, timeline, seen)
                first = next(read, None)  # nothing at all came out of some files
                if first is None:
                    self.reading.checked(source, 0)
                scores, rows = score_blocks(
                    self.runner,
                    self.pack.normalised,
                    itertools.chain([first], read),
                    pathways=self.pathways,
                    window=self.network.window,
                    step=self.network.step,
                    average=self.average,
                    multi_label=self.multi_label,
                    mean_logits=self.network.mean_logits,
                )
                if seen[-1] == timeline.count:
                    return Answer(scores, rows, seen[-1], self.reading.checked(source, seen[-1]))
                timeline = timeline.cut_to(seen[-1])  # decoding showed another count than the packets
        raise DecodeError(f"{name_of(video)}: the number of decodable frames changes from pass to pass")


def open_dense(config: Config, protocol: Protocol, network: nn.Layer, pack: PackPathways, gpu: bool) -> DenseTime:
    """Gets ready to score videos by passes over their time.

    Raises:
        ConfigError: the network cannot slide over time.
    """
    sliding_network, test = OverTime(network), config.test
    sliding_network.eval()
    runner = runner_of(config, sliding_network, gpu, example_clip(network, test.crop_px))
    frames = max(test.views_per_forward, MIN_BLOCK_CLIPS) * config.data.num_frames
    blocks = TimeBlocks(sliding_network.step, sliding_network.window, sliding_network.reach, frames // sliding_network.step)
    if blocks.margin * blocks.step < blocks.reach:
        _logger.info(
            "dense: in videos above %d frames, rows near the ends of a block see %d of %d frames of context; a larger "
            "test.views_per_forward gives longer blocks", frames, blocks.margin * blocks.step, blocks.reach,
        )  # fmt: skip
    sliding = Sliding(
        build.shape_of(config),
        short_side_px=test.short_side_px,
        crop_px=test.crop_px,
        num_crops=test.num_crops,
        protocol=protocol,
        options=build.read_options(config),
    )
    counts = [pathway.frames for pathway in network.spec.pathways]
    reading = DenseReading(sliding, blocks, max(counts) // min(counts), test.views == "dense")
    multi_label = config.model.head.activation == "sigmoid"
    return DenseTime(sliding_network, runner, pack, reading, len(counts), test.average, multi_label)


class Unread(Sequence):
    """The videos of one process as items without frames: they are read while they are scored."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.rows = range(distributed.rank(), len(records), distributed.world_size())

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> dict:
        row = self.rows[place]
        return {"index": row, "label": self.records.label(row), "path": self.records.path(row), "error": ""}
