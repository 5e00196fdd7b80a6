"""A network run fully convolutionally over the time of a whole video."""

from paddle import nn

from slowfast_paddle.errors import ConfigError
from slowfast_paddle.models.spec import NetSpec
from slowfast_paddle.models.video_net import VideoNet


class OverTime(nn.Layer):
    """Gives one row of logits for each place in time and space: [B, places, classes], places in time first.

    An adaptive head goes on taking whole frames and slides over time by the training clip's length.

    Attributes:
        step: input frames (of the fastest pathway) from one place of the last map to the next.
        window: places in time of the last map under the head's window.
        reach: input frames on either side of a place that can change it, beside its own `step` ones.
        mean_logits: the head averages logits, not scores, over a frame.
    """

    def __init__(self, network: nn.Layer) -> None:
        """Wraps a network in eval mode; it stays as it is.

        Raises:
            ConfigError: something in the network looks at the whole clip at once.
        """
        super().__init__()
        spec = getattr(network, "spec", None)
        if not isinstance(network, VideoNet) or spec.head.kind != "classification":
            raise ConfigError(f"test.views: {type(network).__name__} is not known to slide over time; use grid or dense-space")
        stages = [stage for pathway in spec.pathways for stage in pathway.stages]
        if any(block.squeeze_channels for stage in stages for block in stage.blocks):
            raise ConfigError("test.views: squeeze-excitation (x3d) looks at the whole clip at once; use grid or dense-space")
        if any(stage.non_local for stage in stages):
            raise ConfigError("test.views: non-local blocks look at the whole clip at once; use grid or dense-space")
        self.network = network
        frames = [_map_frames(pathway) for pathway in spec.pathways]
        longest = max(pathway.frames for pathway in spec.pathways)
        self.windows = network.head.windows or tuple((count, None, None) for count in frames)
        self.step, self.window, self.reach = longest // frames[0], frames[0], _reach(spec, longest)
        self.mean_logits = network.head.average == "logits"

    def forward(self, pathways):
        """Tuple of [B, 3, T, H, W] to logits [B, places, classes]."""
        head = self.network.head
        return head.classifier(head.pooled(self.network.features(pathways), self.windows))


def _map_frames(pathway) -> int:
    """Places in time of a training clip's last map."""
    return pathway.window(crop=pathway.total_stride)[0]


def _reach(spec: NetSpec, longest: int) -> int:
    steps = [longest // pathway.frames for pathway in spec.pathways]
    reach = [pathway.stem.kernel[0] // 2 * step for pathway, step in zip(spec.pathways, steps)]
    for number in range(len(spec.pathways[0].stages)):
        if spec.laterals:
            reach[0] = max(reach[0], reach[1] + spec.laterals[number].kernel // 2 * steps[1])
        for i, pathway in enumerate(spec.pathways):
            stage = pathway.stages[number]
            reach[i] += (stage.pool - 1) * steps[i]
            steps[i] *= stage.pool
            reach[i] += sum(block.temporal_kernel // 2 for block in stage.blocks) * steps[i]
    return max(reach)
