"""Settle what the shapes of weights leave open: alpha, frames, strides, dilation, the head's window."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from slowfast_paddle.config.load import load_config, preset_paths, presets_root
from slowfast_paddle.config.model import ModelConfig
from slowfast_paddle.config.pyslowfast import flat
from slowfast_paddle.config.pyslowfast_translate import translate
from slowfast_paddle.config.schema import Config
from slowfast_paddle.convert.infer import infer_model
from slowfast_paddle.convert.source import Source
from slowfast_paddle.errors import ConfigError, ConvertError
from slowfast_paddle.models.registry import build_spec
from slowfast_paddle.models.spec import NetSpec

# Facts of the file that replace what a base configuration says; everything else in it must agree with the shapes.
_FROM_FILE = ("model.num_classes", "model.fusion.norm", "model.x3d.shortcut_norm")
# Presets that nobody published weights for under their own number of classes.
_UNPUBLISHED = ("slowfast_16x8_r50", "fast_32x2_r50", "custom_small")
_TESTED_BY = ("num_frames", "sampling_rate", "target_fps", "frame_sampling", "crop_px", "mean", "std", "reverse_channels")


@dataclass(frozen=True)
class Settled:
    """A whole configuration for a file, where its open part came from, and what else to tell the user."""

    config: Config
    origin: str
    assumed: str | None
    notes: tuple[str, ...] = ()


def settle(source: Source, config: str | None, overrides: Iterable[str]) -> Settled:
    """The configuration of a foreign network.

    What shapes leave open comes from the configuration inside the file, else from `config`, else from the one
    published preset that fits.

    Args:
        config: preset name or YAML file, or None.
        overrides: `section.key=value`, applied on top of either.

    Raises:
        ConvertError: nothing fits, the given configuration contradicts the shapes, or several presets fit with
            different results.
    """
    facts = infer_model(source.shapes) if source.layout.name != "imagenet" else {}
    overrides = list(overrides)
    notes: tuple[str, ...] = ()
    if source.settings is not None:
        translation = translate(flat(source.settings))
        if unreadable := translation.lost + translation.wrong:
            raise ConvertError(
                f"{source.path}: its own configuration sets {', '.join(unreadable)}, which has no counterpart here"
            )
        base, notes = _own(translation.config, overrides)
        origin = "the configuration inside the file"
        if config is not None:
            notes += (f"the file holds its own configuration, so {config} is not used",)
    elif config is not None:
        base, origin = load_config(config, overrides), config
    else:
        name, from_file = _preset(source, facts)
        return Settled(_apply(load_config(name, overrides), source, facts, from_file), f"preset {name}", name)
    settled = _apply(base, source, facts)
    problem = _difference(settled, facts)
    if problem:
        raise ConvertError(f"{source.path}: {origin} is another network: {problem}")
    return Settled(settled, origin, None, notes)


def _own(sections: Mapping[str, Any], overrides: list[str]) -> tuple[Config, tuple[str, ...]]:
    """The configuration inside a file; a schedule that is not valid here is left out, weights are used without one."""
    try:
        return load_config(sections, overrides), ()
    except ConfigError as err:
        kept = {name: section for name, section in sections.items() if name not in ("optim", "train", "augment")}
        return load_config(kept, overrides), (f"how the weights were trained is not kept ({err})",)


def _preset(source: Source, facts: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The one published preset that fits, and the keys in which the file differs from it.

    Where several fit, they must give the same result. The lateral's kernel may differ for depth 101, which projects
    published with both 5 and 7 frames, when nothing fits exactly.
    """
    loose = [(*_FROM_FILE, "model.fusion.kernel")] if facts.get("model.depth") == 101 else []
    for from_file in (_FROM_FILE, *loose):
        fitting = _fitting(source, facts, from_file)
        if fitting:
            break
    else:
        raise ConvertError(
            f"{source.path}: no published preset has this shape ({_described(facts)}); say what the network is with --config"
        )
    same_classes = {
        name: c for name, c in fitting.items() if load_config(name).model.num_classes == facts.get("model.num_classes")
    }
    fitting = same_classes or fitting
    if len({str(_result(candidate)) for candidate in fitting.values()}) > 1:
        raise ConvertError(
            f"{source.path}: several presets fit with different results ({', '.join(fitting)}); name yours with --config"
        )
    return next(iter(fitting)), from_file


def _fitting(source: Source, facts: Mapping[str, Any], from_file: tuple[str, ...]) -> dict[str, Config]:
    """Published presets, adapted to the file, whose shapes agree with it."""
    fitting = {}
    for name in source.layout.published or _published():
        preset = load_config(name)
        boxes = source.layout.facts.get("model.head.kind") == "roi"
        if (preset.model.head.kind == "roi") != boxes and not _boxes(source, preset):
            continue
        try:
            candidate = _apply(preset, source, facts, from_file)
            if not _difference(candidate, facts):
                fitting[name] = candidate
        except ConfigError:  # a preset of another family, which cannot even take these facts
            continue
    return fitting


def _published() -> list[str]:
    """Presets of the folders named after data sets; the ones beside them belong to this package."""
    root = presets_root()
    return [name for name, path in preset_paths().items() if path.parent != root and name not in _UNPUBLISHED]


def _boxes(source: Source, preset: Config) -> bool:
    """AVA weights without a configuration look like a classifier of 80 classes; only the count tells."""
    return preset.model.head.kind == "roi" and source.shapes.get("head.classifier.bias") == (preset.model.num_classes,)


def _apply(base: Config, source: Source, facts: Mapping[str, Any], from_file: tuple[str, ...] = _FROM_FILE) -> Config:
    """The base with what file and layout are sure of; its class names stay only while the classes do."""
    certain = {key: facts[key] for key in from_file if key in facts} | dict(source.layout.facts)
    if base.model.num_classes != certain.get("model.num_classes", base.model.num_classes):
        certain["labels"] = None
    data = base.model_dump()
    for key, value in certain.items():
        *sections, last = key.split(".")
        inner = data
        for section in sections:
            inner = inner[section]
        inner[last] = value
    return load_config(data)


def _difference(config: Config, facts: Mapping[str, Any]) -> str:
    """How the network of a configuration differs from the one in the file; empty when shapes agree."""
    if not facts:
        return ""
    data, model = config.data, config.model
    wanted = _signature(build_spec(model, data.num_frames, data.crop_px))
    neutral = {key.removeprefix("model."): value for key, value in facts.items()}
    found = _signature(build_spec(_model(neutral), 64, 224))
    names = ("stems", "laterals", "res2", "res3", "res4", "res5", "head")
    for name, ours, theirs in zip(names, wanted, found):
        if ours != theirs:
            return f"{name} is {_short(theirs)} in the file and {_short(ours)} in the configuration"
    return ""


def _model(fields: Mapping[str, Any]) -> ModelConfig:
    """A ModelConfig from dotted keys."""
    nested: dict[str, Any] = {"alpha": 1}
    for key, value in fields.items():
        section, _, name = key.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[name] = value
    return ModelConfig.model_validate(nested)


def _signature(spec: NetSpec) -> tuple:
    """What shapes show of a network."""
    stems = tuple((pathway.stem.out_channels, pathway.stem.kernel) for pathway in spec.pathways)
    laterals = tuple((lateral.in_channels, lateral.out_channels, lateral.kernel) for lateral in spec.laterals)
    stages = []
    for i in range(4):
        parts = [pathway.stages[i] for pathway in spec.pathways]
        blocks = [
            (b.kind, b.in_channels, b.inner_channels, b.out_channels, b.temporal_kernel, b.groups, b.squeeze_channels)
            for part in parts
            for b in part.blocks
        ]
        stages.append((tuple(blocks), tuple(index for part in parts for index, _ in part.non_local)))
    return (stems, laterals, *stages, (spec.head.conv_channels, spec.head.hidden_channels, spec.head.hidden_norm))


def _result(config: Config) -> tuple:
    """What decides scores: presets that differ in nothing else are the same to a user of their weights."""
    data = config.data.model_dump(include=set(_TESTED_BY))
    return config.model.model_dump(exclude={"dropout", "norm"}), data, config.test.crop_px, config.test.short_side_px


def _described(facts: Mapping[str, Any]) -> str:
    shown = ("architecture", "depth", "width", "beta_inv", "fusion.kernel", "x3d.depth_factor")
    return ", ".join(f"{key} {facts[f'model.{key}']}" for key in shown if f"model.{key}" in facts)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 90 else text[:87] + "..."
