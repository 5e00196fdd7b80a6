"""How each project tests a network: where clips and crops lie, how frames are resized, what is averaged.

Weights trained by one project give that project's accuracy only under its protocol (differences of tenths to whole points).
"""

from dataclasses import dataclass

from slowfast_paddle.errors import DataError


@dataclass(frozen=True)
class Protocol:
    """One project's test convention.

    Attributes:
        clip_rule: name in sampling.CLIP_RULES for the windows and the frames inside them.
        slow_rule: "linspace" or "nearest", see sampling.slow_indices.
        resize: name in transforms.RESIZERS.
        side_rounding: the long side after the resize is rounded "down" or to the "nearest" pixel.
        crop_rounding: odd margins put the middle crop at the "up"per or "down"per pixel.
        head: "window" slides the training window over the larger test map, "adaptive" pools all of it.
        average: "prob" averages softmax outputs over places and views, "score" averages logits.
    """

    name: str
    clip_rule: str
    slow_rule: str
    resize: str
    side_rounding: str
    crop_rounding: str
    head: str
    average: str

    def clip_rule_of(self, path: str) -> str:
        """Clip rule for one file; the original Paddle project reads names ending in "mp4" through another path."""
        return "paddle_mp4" if self.name == "paddle" and path.endswith("mp4") else self.clip_rule


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("pyslowfast", "pyslowfast", "linspace", "bilinear", "down", "up", "window", "prob"),
        Protocol("pyslowfast_offset", "pyslowfast_offset", "linspace", "bilinear", "down", "up", "window", "prob"),
        Protocol("mmaction2", "mmaction2", "nearest", "bilinear_uint8", "nearest", "down", "adaptive", "prob"),
        Protocol("pytorchvideo", "pytorchvideo", "linspace", "bilinear", "down", "up", "window", "score"),
        Protocol("paddle", "paddle", "linspace", "antialias", "down", "up", "window", "prob"),
        Protocol("paddlevideo", "paddle", "linspace", "antialias", "down", "up", "window", "prob"),
    )
}


def get_protocol(name: str | Protocol) -> Protocol:
    """Protocol by name.

    Raises:
        DataError: no such protocol.
    """
    if isinstance(name, Protocol):
        return name
    if name not in PROTOCOLS:
        raise DataError(f"protocol {name!r} is unknown; expected one of {', '.join(PROTOCOLS)} (test.protocol)")
    return PROTOCOLS[name]
