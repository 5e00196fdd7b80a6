"""Parameters, multiply-adds and output sizes of a network, counted from its spec without building it.

Multiply-adds are those of convolutions, linear layers and attention products for one view; normalisation, activations and
pooling are left out, as in the papers. Activations are the outputs of convolutions in float32.
"""

from dataclasses import dataclass
from math import ceil, prod

from slowfast_paddle.models.spec import BlockSpec, HeadSpec, LateralSpec, NetSpec, NonLocalSpec, Size3, StemSpec

BYTES = 4


@dataclass(frozen=True)
class Part:
    """One row: a part of one pathway. `shape` is (C, T, H, W) of its output, `normalised` its values that pass a BN."""

    name: str
    pathway: int
    shape: tuple[int, ...]
    parameters: int
    macs: int
    activation_bytes: int
    normalised: int


class _Counter:
    """Adds up convolutions while it follows the size (T, H, W) of a map."""

    def __init__(self, size: Size3):
        self.size = size
        self.parameters = self.macs = self.activation_bytes = self.normalised = 0

    def conv(
        self,
        inputs: int,
        outputs: int,
        kernel: Size3,
        stride: Size3 = (1, 1, 1),
        groups: int = 1,
        bias: bool = False,
        norm: bool = True,
    ) -> None:
        """A convolution that keeps the size at stride 1, with its bias or the scale and shift of its normalisation."""
        self.size = tuple(ceil(length / step) for length, step in zip(self.size, stride))  # type: ignore[assignment]
        weights = outputs * inputs // groups * prod(kernel)
        self.parameters += weights + (outputs if bias else 0) + (2 * outputs if norm else 0)
        self.macs += weights * prod(self.size)
        self.activation_bytes += outputs * prod(self.size) * BYTES
        self.normalised += outputs * prod(self.size) if norm else 0

    def part(self, name: str, pathway: int, channels: int) -> Part:
        """What was added up, under a name."""
        shape = (channels, *self.size)
        return Part(name, pathway, shape, self.parameters, self.macs, self.activation_bytes, self.normalised)


def count(spec: NetSpec, frames: int, size: Size3 | tuple[int, int]) -> list[Part]:
    """Every part of the network for one view.

    Args:
        frames: of the fastest pathway.
        size: (H, W) of the view, px.
    """
    fastest = spec.pathways[-1].frames
    sizes = [(frames * pathway.frames // fastest, *size[-2:]) for pathway in spec.pathways]
    parts: list[Part] = []
    for index, pathway in enumerate(spec.pathways):
        parts.append(_stem(pathway.stem, index, sizes[index]))
        sizes[index] = parts[-1].shape[1:]  # type: ignore[assignment]
    for stage in range(len(spec.pathways[0].stages)):
        if spec.laterals:
            parts.append(_lateral(spec.laterals[stage], f"lateral{stage + 1}", sizes[-1]))
        for index, pathway in enumerate(spec.pathways):
            parts.append(_stage(pathway.stages[stage], f"res{stage + 2}", index, sizes[index]))
            sizes[index] = parts[-1].shape[1:]  # type: ignore[assignment]
    return [*parts, _head(spec.head, sizes)]


def _stem(spec: StemSpec, index: int, size: Size3) -> Part:
    counter = _Counter(size)
    stride = (1, spec.stride, spec.stride)
    temporal, *spatial = spec.kernel
    if spec.factorised:
        counter.conv(spec.in_channels, spec.out_channels, (1, *spatial), stride, norm=False)
        counter.conv(spec.out_channels, spec.out_channels, (temporal, 1, 1), groups=spec.out_channels)
    else:
        counter.conv(spec.in_channels, spec.out_channels, spec.kernel, stride)
    if spec.pool:
        frames, height, width = counter.size
        counter.size = frames, ceil(height / 2), ceil(width / 2)
    return counter.part("stem", index, spec.out_channels)


def _lateral(spec: LateralSpec, name: str, size: Size3) -> Part:
    counter = _Counter(size)
    counter.conv(spec.in_channels, spec.out_channels, (spec.kernel, 1, 1), (spec.alpha, 1, 1), norm=spec.norm)
    return counter.part(name, 0, spec.out_channels)


def _stage(spec, name: str, index: int, size: Size3) -> Part:
    counter = _Counter((size[0] // spec.pool, size[1], size[2]))
    non_local = dict(spec.non_local)
    for number, block in enumerate(spec.blocks):
        _block(counter, block)
        if number in non_local:
            _non_local(counter, non_local[number])
    return counter.part(name, index, spec.out_channels)


def _block(counter: _Counter, block: BlockSpec) -> None:
    entry, stride = counter.size, (1, block.stride, block.stride)
    inner, out = block.inner_channels, block.out_channels
    if block.has_shortcut:
        counter.conv(block.in_channels, out, (1, 1, 1), stride, norm=block.shortcut_norm)
        counter.size = entry
    if block.kind == "basic":
        counter.conv(block.in_channels, out, (block.temporal_kernel, 3, 3), stride)
        counter.conv(out, out, (1, 3, 3))
        return
    x3d = block.kind == "x3d"
    counter.conv(block.in_channels, inner, (1 if x3d else block.temporal_kernel, 1, 1))
    counter.conv(inner, inner, (block.temporal_kernel if x3d else 1, 3, 3), stride, groups=block.groups)
    if block.squeeze_channels:
        full, counter.size = counter.size, (1, 1, 1)
        counter.conv(inner, block.squeeze_channels, (1, 1, 1), bias=True, norm=False)
        counter.conv(block.squeeze_channels, inner, (1, 1, 1), bias=True, norm=False)
        counter.size = full
    counter.conv(inner, out, (1, 1, 1))


def _non_local(counter: _Counter, spec: NonLocalSpec) -> None:
    """Queries on the map, keys and values on the pooled map, two products of all pairs inside each group of frames."""
    channels, inner, full = spec.channels, spec.inner_channels, counter.size
    counter.conv(channels, inner, (1, 1, 1), bias=True, norm=False)
    frames, height, width = full
    time, vertical, horizontal = spec.pool
    counter.size = spec.groups * (frames // spec.groups // time), height // vertical, width // horizontal
    pairs = prod(full) * prod(counter.size) // spec.groups
    counter.conv(channels, inner, (1, 1, 1), bias=True, norm=False)
    counter.conv(channels, inner, (1, 1, 1), bias=True, norm=False)
    counter.size = full
    counter.conv(inner, channels, (1, 1, 1), bias=True)
    counter.macs += 2 * pairs * inner


def _head(spec: HeadSpec, sizes: list[Size3]) -> Part:
    features = sum(spec.in_channels)
    counter = _Counter(sizes[0])
    if spec.conv_channels:
        counter.conv(features, spec.conv_channels, (1, 1, 1))
        features = spec.conv_channels
    window = (spec.windows or sizes)[0] if spec.kind != "roi" else sizes[0]
    counter.size = tuple(length - min(part, length) + 1 for length, part in zip(sizes[0], window))  # type: ignore[assignment]
    if spec.hidden_channels:
        counter.conv(features, spec.hidden_channels, (1, 1, 1), norm=spec.hidden_norm)
        features = spec.hidden_channels
    counter.conv(features, spec.num_classes, (1, 1, 1), bias=True, norm=False)
    return counter.part("head", 0, spec.num_classes)
