"""Attention between all places of a map."""

import paddle
import paddle.nn.functional as F
from paddle import nn

from slowfast_paddle.layers.norm import build_norm


class NonLocal(nn.Layer):
    """x + bn(out(attention of theta(x) to phi(x), g(x))), which starts as x (Wang et al. 2018, section 4.1).

    Source: PySlowFast nonlocal_helper.Nonlocal.
    """

    def __init__(self, spec, norm):
        super().__init__()
        inner = spec.inner_channels
        self.groups = spec.groups
        self.softmax = spec.kind == "softmax"
        self.theta = nn.Conv3D(spec.channels, inner, 1)
        self.phi = nn.Conv3D(spec.channels, inner, 1)
        self.g = nn.Conv3D(spec.channels, inner, 1)
        self.out = nn.Conv3D(inner, spec.channels, 1)
        self.bn = build_norm(norm, spec.channels)
        self.final_norm = [self.bn]
        self.pool = nn.Identity() if max(spec.pool) == 1 else nn.MaxPool3D(spec.pool, spec.pool)

    def forward(self, x):
        """[B, C, T, H, W] -> the same shape; each of `groups` parts of T attends only to itself."""
        inside = _split_time(x, self.groups)
        batch, _, *size = inside.shape
        pooled = self.pool(inside)
        query = self.theta(inside).flatten(2)  # [B, I, THW]
        key = self.phi(pooled).flatten(2)  # [B, I, P]
        value = self.g(pooled).flatten(2)
        weights = paddle.matmul(query, key, transpose_x=True)  # [B, THW, P]
        scaled = weights * key.shape[1] ** -0.5  # for softmax by sqrt of the channels, for dot products by the places
        weights = F.softmax(scaled, axis=2) if self.softmax else weights / key.shape[2]
        mixed = paddle.matmul(value, weights, transpose_y=True)  # [B, I, THW]
        mixed = self.out(mixed.reshape([batch, -1, *size]))
        return x + _join_time(self.bn(mixed), self.groups)


def _split_time(x, groups: int):
    if groups == 1:
        return x
    batch, channels, frames, height, width = x.shape
    x = x.reshape([batch, channels, groups, frames // groups, height, width]).transpose([0, 2, 1, 3, 4, 5])
    return x.reshape([batch * groups, channels, frames // groups, height, width])


def _join_time(x, groups: int):
    if groups == 1:
        return x
    batch, channels, frames, height, width = x.shape
    x = x.reshape([batch // groups, groups, channels, frames, height, width]).transpose([0, 2, 1, 3, 4, 5])
    return x.reshape([batch // groups, channels, groups * frames, height, width])
