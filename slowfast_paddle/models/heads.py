"""From the maps of the last stage to logits."""

import paddle
import paddle.nn.functional as F
from paddle import nn

from slowfast_paddle.layers.conv_norm import ConvNorm, same_conv
from slowfast_paddle.layers.norm import build_norm
from slowfast_paddle.layers.roi import RoIPool
from slowfast_paddle.models.registry import register_head
from slowfast_paddle.models.spec import HeadSpec, NormSpec, Size3

TimeWindow = tuple[int, None, None]


def slide(x, window: Size3 | TimeWindow, temporal_stride: int = 1):
    """Mean over every place of a window: [B, C, T, H, W] -> [B, C, T', H', W'].

    A window larger than the map shrinks to the map (Paddle's avg_pool3d raises there). A size unknown while
    tracing for export (no number) is taken as large enough. A window of (T, None, None) takes the whole frame.
    """
    if window[1] is None:
        x, window = x.flatten(3).mean(3).unsqueeze([3, 4]), (window[0], 1, 1)
    window = tuple(min(w, size) if isinstance(size, int) and size > 0 else w for w, size in zip(window, x.shape[2:]))
    return F.avg_pool3d(x, window, stride=(temporal_stride, 1, 1))


@register_head("classification")
class ClassificationHead(nn.Layer):
    """Pool, concatenate the pathways, classify.

    Windows of training size slide over larger maps; the faster pathway slides `alpha` frames at a time, so that all
    pathways have the same places. Source: PySlowFast ResNetBasicHead and X3DHead; MMAction2 SlowFastHead.
    """

    def __init__(self, spec: HeadSpec, norm: NormSpec):
        super().__init__()
        self.windows, self.average = spec.windows, spec.average
        self.order = slice(None) if spec.concat == "slow_fast" else slice(None, None, -1)
        features = sum(spec.in_channels)
        # X3D has one convolution before the pool and one after it; the others have none.
        self.conv5 = nn.Identity()
        self.lin5 = self.lin5_bn = self.lin5_activation = nn.Identity()
        if spec.conv_channels:
            self.conv5 = ConvNorm(same_conv(features, spec.conv_channels, (1, 1, 1)), norm, "relu")
            self.lin5 = same_conv(spec.conv_channels, spec.hidden_channels, (1, 1, 1))
            self.lin5_bn = build_norm(norm, spec.hidden_channels) if spec.hidden_norm else nn.Identity()
            self.lin5_activation = nn.ReLU()
            features = spec.hidden_channels
        self.dropout = nn.Dropout(spec.dropout)
        self.classifier = nn.Linear(features, spec.num_classes)

    def pooled(self, maps, windows):
        """Maps -> features [B, positions, channels] that the classifier sees, places in time first."""
        if windows is None:
            places = [self.conv5(x).flatten(2) for x in maps]
            maps = [(x.sum(2) / x.shape[2]).unsqueeze([2, 3, 4]) for x in places]  # see SqueezeExcite
        else:
            slow_frames = windows[0][0]
            maps = [slide(self.conv5(x), window, window[0] // slow_frames) for x, window in zip(maps, windows)]
        x = self.lin5_activation(self.lin5_bn(self.lin5(paddle.concat(maps[self.order], axis=1))))
        return x.flatten(2).transpose([0, 2, 1])

    def forward(self, maps):
        """One map [B, C, T, H, W] per pathway -> [B, classes] in training, [B, positions, classes] in evaluation."""
        logits = self.classifier(self.dropout(self.pooled(maps, self.windows)))
        if self.training:
            return logits.mean(1)
        return logits if self.average == "probabilities" else logits.mean(1, keepdim=True)


@register_head("roi")
class RoIHead(nn.Layer):
    """One row of logits per box. Source: PySlowFast head_helper.ResNetRoIHead."""

    def __init__(self, spec: HeadSpec, norm: NormSpec):
        super().__init__()
        self.order = slice(None) if spec.concat == "slow_fast" else slice(None, None, -1)
        self.pool = RoIPool(spec.roi_size, spec.total_stride, spec.roi_aligned)
        self.dropout = nn.Dropout(spec.dropout)
        self.classifier = nn.Linear(sum(spec.in_channels), spec.num_classes)

    def forward(self, maps, boxes, boxes_num):
        """Maps, boxes [R, 4] in input px grouped by clip, boxes_num int32 [B] -> [R, classes]."""
        if boxes.shape[0] == 0:  # Paddle: 2.6 can neither reduce nor join empty tensors
            return paddle.zeros([0, self.classifier.weight.shape[1]])
        features = [self.pool(x, boxes, boxes_num) for x in maps]
        return self.classifier(self.dropout(paddle.concat(features[self.order], axis=1)))
