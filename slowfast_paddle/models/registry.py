"""Names of architectures and heads, and the one function that builds a network.

A user's own file adds to them by decorator; every script and command imports it with `--plugin FILE.py`:

    @register_architecture("my_net")
    def my_net(config: ModelConfig, num_frames: int, crop: int) -> NetSpec: ...

    @register_head("my_head")
    class MyHead(paddle.nn.Layer): ...        # __init__(spec: HeadSpec, norm: NormSpec), forward(maps)
"""

import difflib
from collections.abc import Callable
from typing import TypeVar

from slowfast_paddle.config.model import ModelConfig
from slowfast_paddle.errors import ConfigError
from slowfast_paddle.models import presets
from slowfast_paddle.models.spec import NetSpec
from slowfast_paddle.models.x3d import x3d

Architecture = Callable[[ModelConfig, int, int], NetSpec]
Registered = TypeVar("Registered", bound=Callable)

_ARCHITECTURES: dict[str, Architecture] = {
    "slowfast": presets.slowfast,
    "slow": presets.slow,
    "fast": presets.fast,
    "c2d": presets.c2d,
    "i3d": presets.i3d,
    "x3d": x3d,
}
_HEADS: dict[str, Callable] = {}


def _register(table: dict, kind: str, name: str) -> Callable[[Registered], Registered]:
    def add(item: Registered) -> Registered:
        if table.get(name, item) is not item:
            raise ConfigError(f"{kind} '{name}' is registered already, by {table[name].__module__}; choose another name")
        table[name] = item
        return item

    return add


def register_architecture(name: str) -> Callable[[Registered], Registered]:
    """Decorator: makes `model.architecture: <name>` call the function (ModelConfig, num_frames, crop_px) -> NetSpec.

    The function may also return a ready paddle Layer with VideoNet's forward, for networks no NetSpec describes.
    """
    return _register(_ARCHITECTURES, "architecture", name)


def register_head(name: str) -> Callable[[Registered], Registered]:
    """Decorator: makes `model.head.kind: <name>` build the Layer class (HeadSpec, NormSpec)."""
    return _register(_HEADS, "head", name)


def architectures() -> list[str]:
    """Names that `model.architecture` accepts."""
    return sorted(_ARCHITECTURES)


def list_models() -> list[str]:
    """Names that `build_model` accepts: shipped presets, then bare architectures."""
    from slowfast_paddle.config.load import preset_paths  # reads the disk; builders never need it

    names = list(preset_paths())
    return names + [name for name in architectures() if name not in names]


def build_spec(config: ModelConfig, num_frames: int, crop: int) -> NetSpec:
    """The network as data.

    Args:
        num_frames: frames of the fastest pathway.
        crop: side of the training crop, px; larger and smaller inputs are accepted later.

    Raises:
        ConfigError: one line that names the field that cannot work.
    """
    return _find(_ARCHITECTURES, "model.architecture", config.architecture)(config, num_frames, crop)


def build_model(config: ModelConfig, num_frames: int, crop: int):
    """A network with initial weights, in training mode. Arguments and errors as in `build_spec`."""
    spec = build_spec(config, num_frames, crop)
    if not isinstance(spec, NetSpec):
        return spec
    from slowfast_paddle.models.video_net import VideoNet  # imports paddle, which specs do without

    return VideoNet(spec)


def head_class(kind: str) -> Callable:
    """The Layer class of `model.head.kind`."""
    return _find(_HEADS, "model.head.kind", kind)


def _find(table: dict, field: str, name: str):
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(sorted(table))}"
    raise ConfigError(f"{field}: '{name}' is unknown; {hint} (what you registered yourself comes with --plugin FILE.py)")
