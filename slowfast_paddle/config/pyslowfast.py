"""Reads PySlowFast YAML files (upper-case sections and keys): the same network, reader, schedule and test protocol."""

import difflib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from slowfast_paddle.config.pyslowfast_augment import augmentation, resized_crop
from slowfast_paddle.config.pyslowfast_ava import detection
from slowfast_paddle.config.pyslowfast_keys import COPIED, DEFAULTS, DEPRECATED, FIXED, FIXED_TRAINING, HARMLESS
from slowfast_paddle.config.yaml_file import Origins, parse_scalar
from slowfast_paddle.errors import ConfigError

_logger = logging.getLogger(__name__)

# MODEL.ARCH -> (architecture, temporal pool where it differs).
_ARCHITECTURES = {
    "slowfast": ("slowfast", None), "slow": ("slow", None), "slowonly": ("slow", None), "x3d": ("x3d", None),
    "c2d": ("c2d", None), "i3d": ("i3d", None), "c2d_nopool": ("c2d", 1), "i3d_nopool": ("i3d", 1),
}  # fmt: skip
_BLOCKS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
_LABELS = {("kinetics", 400): "kinetics400", ("kinetics", 600): "kinetics600", ("kinetics", 700): "kinetics700",
           ("ssv2", 174): "ssv2", ("ava", 80): "ava"}  # fmt: skip


@dataclass
class Translation:
    """A PySlowFast configuration in our keys, and what did not survive.

    Attributes:
        config: our sections.
        lost: keys that change the network or its scores and have no counterpart.
        training: keys that change training alone and have no counterpart; weights with such a configuration can be converted.
        unknown: keys that no version of PySlowFast is known to have.
        harmless: keys that decide nothing here.
        notes: what a user should hear: deprecated keys, files that are expected elsewhere.
    """

    config: dict[str, Any] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    training: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    harmless: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def put(self, target: str, value: Any) -> None:
        """Sets a dotted key."""
        *sections, key = target.split(".")
        inner = self.config
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[key] = value


def is_pyslowfast(data: Mapping[str, Any]) -> bool:
    """Whether the sections and their keys are upper-case, as PySlowFast writes them."""
    sections = [value for value in data.values() if isinstance(value, Mapping)]
    return bool(sections) and all(str(key)[:1].isupper() for section in [data, *sections] for key in section)


def to_config(data: Mapping[str, Any], overrides: list[str], origins: Origins) -> tuple[dict[str, Any], list[str]]:
    """Translates sections and `KEY VALUE` overrides into this package's keys.

    Returns:
        Our sections, and the overrides that were not PySlowFast's.

    Raises:
        ConfigError: a key that is unknown, or that changes the network, its training or its scores and has no counterpart.
    """
    given, rest = _with_overrides(flat(data), overrides)
    result = translate(given)

    def where(key: str) -> str:
        return origins.get(tuple(key.split(".")), f"PySlowFast key {key}")

    for key in result.unknown:
        near = difflib.get_close_matches(key, {*DEFAULTS, *COPIED, *FIXED, *FIXED_TRAINING}, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "; remove it"
        raise ConfigError(f"{where(key)}: '{key}' is not a PySlowFast key{hint}")
    for keys, changed in ((result.lost, "the network or its scores"), (result.training, "training")):
        if keys:
            listed = ", ".join(f"{key}: {given.get(key, DEFAULTS.get(key))!r}" for key in dict.fromkeys(keys))
            raise ConfigError(f"{where(keys[0])}: {listed} changes {changed} and has no counterpart here; remove it")
    for note in result.notes:
        _logger.warning("PySlowFast configuration: %s", note)
    if result.harmless:
        _logger.info("PySlowFast configuration: keys that decide nothing here: %s", ", ".join(result.harmless))
    return result.config, rest


def translate(given: Mapping[str, Any]) -> Translation:
    """Translates flat `SECTION.KEY: value` pairs; nothing is raised, so that a checkpoint's own dump can be read too."""
    result = Translation()
    values = {**DEFAULTS, **given}
    for key, value in given.items():
        if key in DEPRECATED:
            result.notes.append(f"'{key}' is from an older version ({DEPRECATED[key]}) and is not read")
        elif key in FIXED and value not in FIXED[key]:
            result.lost.append(key)
        elif key in FIXED_TRAINING and _plain(value) not in FIXED_TRAINING[key]:
            result.training.append(key)
        elif not any(key in table for table in (DEFAULTS, COPIED, FIXED, FIXED_TRAINING)):
            (result.harmless if any(fnmatchcase(key, pattern) for pattern in HARMLESS) else result.unknown).append(key)
    for key, target in COPIED.items():
        if not (key.startswith("X3D.") and values["MODEL.ARCH"] != "x3d"):
            result.put(target, values[key])
    _network(values, result)
    _reader(values, result)
    _training(values, result)
    found = {**augmentation(values, result.training), **resized_crop(values, result.training)}
    for target, value in (found | (detection(values, result.training) if values["DETECTION.ENABLE"] else {})).items():
        result.put(target, value)
    return result


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def flat(data: Mapping[str, Any]) -> dict[str, Any]:
    """Nested sections as `SECTION.KEY: value`, two levels deep."""
    pairs: dict[str, Any] = {}
    for section, value in data.items():
        if isinstance(value, Mapping):
            pairs |= {f"{section}.{key}": inner for key, inner in value.items()}
        else:
            pairs[section] = value
    return pairs


def _with_overrides(given: dict[str, Any], overrides: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Takes `KEY VALUE` pairs with upper-case keys out of the overrides."""
    given, rest, words = dict(given), [], iter(overrides)
    for word in words:
        key, equals, value = word.partition("=")
        if not key[:1].isupper():
            rest.append(word)
            continue
        if not equals:
            value = next(words, None)  # type: ignore[assignment]
            if value is None:
                raise ConfigError(f"override '{word}' has no value; PySlowFast overrides are pairs such as MODEL.NUM_CLASSES 10")
        given[key] = parse_scalar(value)
    return given, rest


def _network(values: Mapping[str, Any], result: Translation) -> None:
    arch = values["MODEL.ARCH"]
    if arch not in _ARCHITECTURES:
        result.lost.append("MODEL.ARCH")
        return
    architecture, pool = _ARCHITECTURES[arch]
    result.put("model.architecture", architecture)
    result.put("model.temporal_pool", pool)
    result.put("model.head.activation", values["MODEL.HEAD_ACT"])
    long_cycle = values["MULTIGRID.LONG_CYCLE"] and values["SOLVER.LR_POLICY"] == "steps_with_relative_lrs"
    if values["MULTIGRID.LONG_CYCLE"] and not long_cycle:
        result.training.append("MULTIGRID.LONG_CYCLE")  # it has no stretches to follow; PySlowFast itself fails there
    result.put("train.multigrid.long_cycle", long_cycle)
    result.put("model.head.pool", "adaptive" if values["MULTIGRID.SHORT_CYCLE"] or long_cycle else "window")
    if values["DETECTION.ENABLE"]:
        result.put("model.head.kind", "roi")
    kinds = {"batchnorm": "batch", "sub_batchnorm": "sub", "sync_batchnorm": "sync", "sync_batchnorm_apex": "sync"}
    kind = "frozen" if values["MODEL.FROZEN_BN"] else kinds.get(values["BN.NORM_TYPE"])
    if long_cycle and kind == "batch":
        kind = "sub"  # PySlowFast changes the kind when a phase begins
    if kind is None:
        result.lost.append("BN.NORM_TYPE")
    if kind == "sync" and not values.get("BN.GLOBAL_SYNC", False):
        result.notes.append("BN statistics are synchronised over all processes, not over groups of BN.NUM_SYNC_DEVICES")
    result.put("model.norm.kind", kind or "batch")
    if kind != "sub":
        result.put("model.norm.splits", 1)
    if architecture != "x3d":
        _resnet(values, result, pathways=2 if architecture == "slowfast" else 1)


def _resnet(values: Mapping[str, Any], result: Translation, pathways: int) -> None:
    depth, basic = values["RESNET.DEPTH"], values["RESNET.TRANS_FUNC"] == "basic_transform"
    if depth not in _BLOCKS or basic != (depth == 18) and depth != 18:
        result.lost.append("RESNET.DEPTH" if depth not in _BLOCKS else "RESNET.TRANS_FUNC")
        return
    result.put("model.depth", 26 if depth == 18 and not basic else depth)  # 26: bottlenecks, two a stage
    result.put("model.expansion", 4)  # PySlowFast's stages are 4 x as wide as the stem with basic blocks too
    for key, target in (("RESNET.SPATIAL_STRIDES", "model.strides"), ("RESNET.SPATIAL_DILATIONS", "model.dilations"),
                        ("NONLOCAL.GROUP", "model.non_local.groups")):  # fmt: skip
        rows = values[key]
        if any(len(set(row)) != 1 for row in rows):
            result.lost.append(key)
        result.put(target, [row[0] for row in rows])
    counts = [
        [min(_at(row, p), blocks) for row, blocks in zip(values["RESNET.NUM_BLOCK_TEMP_KERNEL"], _BLOCKS[depth])]
        for p in range(pathways)
    ]
    if any(tuple(row) != _BLOCKS[depth] for row in counts):
        result.put("model.temporal_blocks", counts)
    places = [[list(_at(stage, p)) if p < len(stage) else [] for stage in values["NONLOCAL.LOCATION"]] for p in range(pathways)]
    if any(any(row) for row in places):
        result.put("model.non_local.blocks", places)
        pools = [
            pool for stage, row in enumerate(values["NONLOCAL.POOL"]) for p, pool in enumerate(row[:pathways]) if places[p][stage]
        ]
        if any(pool != pools[0] for pool in pools):
            result.lost.append("NONLOCAL.POOL")
        result.put("model.non_local.pool", pools[0] if pools else [1, 2, 2])


def _at(row: list, pathway: int) -> Any:
    return row[min(pathway, len(row) - 1)]


def _reader(values: Mapping[str, Any], result: Translation) -> None:
    result.put("test.crop_px", values["DATA.TEST_CROP_SIZE"])
    result.put("test.short_side_px", values["DATA.TEST_CROP_SIZE"])
    result.put("data.flip", 0.5 if values["DATA.RANDOM_FLIP"] else 0.0)
    averages = {"sum": "prob", "max": "max"}
    if values["DATA.ENSEMBLE_METHOD"] not in averages:
        result.lost.append("DATA.ENSEMBLE_METHOD")
    result.put("test.average", averages.get(values["DATA.ENSEMBLE_METHOD"], "prob"))
    separators = {" ": "blank", ",": "comma"}
    result.put("data.separator", separators.get(values["DATA.PATH_LABEL_SEPARATOR"], "auto"))
    folder = values["DATA.PATH_TO_DATA_DIR"]
    if folder:
        result.put("data.train_list", str(Path(folder, "train.csv")))
        result.put("data.val_list", str(Path(folder, "val.csv")))
        if Path(folder, "test.csv").is_file():
            result.notes.append(
                f"{Path(folder, 'test.csv')} is what PySlowFast tests; evaluate it with data.val_list={Path(folder, 'test.csv')}"
            )
    dataset = str(values["TRAIN.DATASET"]).lower()
    if dataset in ("ssv2", "charades"):
        result.put("data.kind", "frames")
    elif dataset not in ("kinetics", "ava"):
        result.training.append("TRAIN.DATASET")
    result.put("labels", _LABELS.get((dataset, values["MODEL.NUM_CLASSES"])))


def _training(values: Mapping[str, Any], result: Translation) -> None:
    shards = values["NUM_SHARDS"]
    batch = values["TRAIN.BATCH_SIZE"] * shards * values["AUG.NUM_SAMPLE"]  # PySlowFast counts videos, not their repeated clips
    factor = shards if values["SOLVER.BASE_LR_SCALE_NUM_SHARDS"] else 1
    result.put("train.batch_size", batch)
    result.put("optim.base_batch_size", batch)  # its learning rate belongs to the batch it is written beside
    result.put("optim.base_lr", float(values["SOLVER.BASE_LR"]) * factor)
    result.put("optim.warmup_start_lr", float(values["SOLVER.WARMUP_START_LR"]) * factor)
    result.put("optim.end_lr", float(values["SOLVER.COSINE_END_LR"]) * factor)
    kind = values["SOLVER.OPTIMIZING_METHOD"]
    if values["SOLVER.LARS_ON"] and kind != "sgd":
        result.training.append("SOLVER.LARS_ON")  # only around SGD is it the published method
    result.put("optim.kind", "lars" if values["SOLVER.LARS_ON"] else kind)
    if values["SOLVER.ZERO_WD_1D_PARAM"]:
        result.put("optim.rules", [{"pattern": r".*\.bias", "decay_scale": 0.0}])
    policy = values["SOLVER.LR_POLICY"]
    if policy == "steps_with_relative_lrs":
        result.put("optim.policy", "steps")
        result.put("optim.steps", values["SOLVER.STEPS"])
        result.put("optim.relative_lrs", values["SOLVER.LRS"][: len(values["SOLVER.STEPS"])])  # it never reads the others
    elif policy == "cosine":
        result.put("optim.policy", "cosine")
    else:
        result.training.append("SOLVER.LR_POLICY")
    precise = values["BN.NUM_BATCHES_PRECISE"] if values["BN.USE_PRECISE_STATS"] else 0
    result.put("train.precise_bn_batches", precise)
    result.put("train.amp", "float16" if values["TRAIN.MIXED_PRECISION"] else "off")
    result.put("train.test_last", bool(values["TRAIN.ENABLE"] and values["TEST.ENABLE"]))
    if values["MIXUP.ENABLE"]:
        result.put("augment.mixup_alpha", values["MIXUP.ALPHA"])
        result.put("augment.cutmix_alpha", values["MIXUP.CUTMIX_ALPHA"])
        result.put("augment.label_smoothing", values["MIXUP.LABEL_SMOOTH_VALUE"])
