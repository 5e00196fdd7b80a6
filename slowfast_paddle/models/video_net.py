"""One network class for every architecture."""

from paddle import nn

from slowfast_paddle.layers.init import initialise
from slowfast_paddle.models import heads  # noqa: F401  registers the shipped heads
from slowfast_paddle.models.registry import head_class
from slowfast_paddle.models.spec import NetSpec
from slowfast_paddle.models.stage import Lateral, Stage
from slowfast_paddle.models.stem import Stem


class VideoNet(nn.Layer):
    """Stems -> (laterals -> stages) x 4 -> head over a tuple of pathways, slow first.

    `stages[i]` holds one stage per pathway (i = 0 for res2); `laterals[i]` comes before it and is an
    identity where pathways do not meet.
    """

    def __init__(self, spec: NetSpec):
        super().__init__()
        self.spec = spec
        self.stems = nn.LayerList([Stem(pathway.stem, spec.norm) for pathway in spec.pathways])
        depth = len(spec.pathways[0].stages)
        laterals = [Lateral(lateral, spec.norm) for lateral in spec.laterals] or [nn.Identity() for _ in range(depth)]
        self.laterals = nn.LayerList(laterals)
        self.stages = nn.LayerList(
            [nn.LayerList([Stage(pathway.stages[i], spec.norm) for pathway in spec.pathways]) for i in range(depth)]
        )
        self.head = head_class(spec.head.kind)(spec.head, spec.norm)
        initialise(self, spec.norm.zero_init)

    def features(self, pathways):
        """Tuple of [B, 3, T, H, W] -> tuple of the last stage's maps [B, C, T, H / stride, W / stride]."""
        x = tuple(stem(clip) for stem, clip in zip(self.stems, pathways))
        for lateral, stages in zip(self.laterals, self.stages):
            x = lateral(x)
            x = tuple(stage(part) for stage, part in zip(stages, x))
        return x

    def forward(self, pathways, boxes=None, boxes_num=None):
        """Logits: [B, classes] in training, [B, positions, classes] in evaluation, [R, classes] for RoI heads.

        Args:
            pathways: tuple with one float tensor [B, 3, T, H, W] per pathway, slow first.
            boxes: RoI heads only: [R, 4] as x1 y1 x2 y2 in input px, grouped by clip.
            boxes_num: RoI heads only: boxes of each clip, int32 [B].
        """
        regions = () if boxes is None else (boxes, boxes_num)
        return self.head(self.features(pathways), *regions)
