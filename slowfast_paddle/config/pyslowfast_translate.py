"""PySlowFast's keys in this package's terms, section by section. Source: facebookresearch/SlowFast slowfast/config/defaults.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from math import gcd, isfinite
from pathlib import Path
from typing import Any

from slowfast_paddle.config.pyslowfast_augment import augmentation, mixing, resized_crop
from slowfast_paddle.config.pyslowfast_ava import detection
from slowfast_paddle.config.pyslowfast_keys import COPIED, DEFAULTS, DEPRECATED, FIXED, FIXED_TRAINING, HARMLESS

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
        sources: target -> the PySlowFast key it was made of.
        wrong: keys whose value is of another kind than PySlowFast's default.
        lost: keys that change the network or its scores and have no counterpart.
        training: keys that change training alone and have no counterpart; weights with such a configuration can be converted.
        unknown: keys that no version of PySlowFast is known to have.
        harmless: keys that decide nothing here.
        notes: what a user should hear: deprecated keys, files that are expected elsewhere.
    """

    config: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    training: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    harmless: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def put(self, target: str, value: Any, source: str = "") -> None:
        """Sets a dotted key; `source` is the PySlowFast key to name when its value is refused."""
        self.sources[target] = source
        *sections, key = target.split(".")
        inner = self.config
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[key] = value


def translate(given: Mapping[str, Any]) -> Translation:
    """Translates flat `SECTION.KEY: value` pairs; nothing is raised, so that a checkpoint's own dump can be read too."""
    result = Translation()
    values = dict(DEFAULTS)
    for key, value in given.items():
        try:
            values[key] = _read(value, likeness(key))
        except (TypeError, ValueError, OverflowError):
            result.wrong.append(key)
            continue
        if key in DEPRECATED:
            now, fixed = DEPRECATED[key]
            if fixed is None or values[key] != fixed:
                result.notes.append(f"'{key}' is from an older version ({now}) and is not read")
        elif key in FIXED and values[key] not in FIXED[key]:
            result.lost.append(key)
        elif key in FIXED_TRAINING and values[key] not in FIXED_TRAINING[key]:
            result.training.append(key)
        elif not any(key in table for table in (DEFAULTS, COPIED, FIXED, FIXED_TRAINING)):
            (result.harmless if any(fnmatchcase(key, pattern) for pattern in HARMLESS) else result.unknown).append(key)
    for key in ("TRAIN.CHECKPOINT_FILE_PATH", "TEST.CHECKPOINT_FILE_PATH"):
        if path := values[key]:
            name = Path(path).stem
            result.notes.append(
                f"{key} is not loaded; run `python -m slowfast_paddle convert {path} {name}.pdparams`, then give "
                f"--weights {name}.pdparams (train.py: with --finetune for other classes)"
            )
    for key, target in COPIED.items():
        if not (key.startswith("X3D.") and values["MODEL.ARCH"] != "x3d"):
            result.put(target, values[key], key)
    _network(values, result)
    _classes(values, result)
    _reader(values, result)
    _training(values, result)
    found = augmentation(values, result.training) | mixing(values, result.training) | resized_crop(values, result.training)
    if "augment.randaugment_layers" in found and values["AUG.INTERPOLATION"] != "bilinear":
        result.notes.append(f"RandAugment moves pixels bilinearly, not {values['AUG.INTERPOLATION']} as AUG.INTERPOLATION says")
    for target, value in (found | (detection(values, result.training) if values["DETECTION.ENABLE"] else {})).items():
        result.put(target, value)
    return result


def likeness(key: str) -> Any:
    """A value of a key that PySlowFast takes; None where any will do."""
    return DEFAULTS.get(key, (FIXED | FIXED_TRAINING).get(key, DEPRECATED.get(key, (None,))[-1:])[0])


def _read(value: Any, like: Any) -> Any:
    """A value of the kind of its default, as PySlowFast demands; numbers may be text, as PyYAML reads 1e-4.

    Raises:
        TypeError, ValueError, OverflowError: it is of another kind.
    """
    if isinstance(like, list) and isinstance(value, (list, tuple)):
        if not value and like and not isinstance(like[0], str):
            raise ValueError
        return [_read(item, like[0]) for item in value] if like else list(value)
    if isinstance(like, (int, float)) and not isinstance(like, bool) and not isinstance(value, bool):
        number = float(value)
        if not isfinite(number):
            raise ValueError
        return number if isinstance(value, str) else value
    if isinstance(like, str) and not isinstance(value, (list, Mapping)):
        return "" if value is None else str(value)
    if like is not None and not isinstance(value, type(like)):
        raise TypeError
    return value


def _network(values: Mapping[str, Any], result: Translation) -> None:
    arch = values["MODEL.ARCH"]
    if arch not in _ARCHITECTURES:
        result.lost.append("MODEL.ARCH")
        return
    architecture, pool = _ARCHITECTURES[arch]
    result.put("model.architecture", architecture, "MODEL.ARCH")
    result.put("model.temporal_pool", pool)
    if values["MODEL.MODEL_NAME"] == "PTVX3D":
        result.put("model.x3d.shortcut_norm", "on_channel_change")
    long_cycle = values["MULTIGRID.LONG_CYCLE"] and values["SOLVER.LR_POLICY"] == "steps_with_relative_lrs"
    if values["MULTIGRID.LONG_CYCLE"] and not long_cycle:
        result.training.append("MULTIGRID.LONG_CYCLE")  # it has no stretches to follow; PySlowFast itself fails there
    result.put("train.multigrid.long_cycle", long_cycle)
    result.put("model.head.pool", "adaptive" if values["MULTIGRID.SHORT_CYCLE"] or long_cycle else "window")
    if values["DETECTION.ENABLE"]:
        result.put("model.head.kind", "roi")
    kinds = {"batchnorm": "batch", "sub_batchnorm": "sub", "sync_batchnorm": "sync", "sync_batchnorm_apex": "sync"}
    kind = "frozen" if values["MODEL.FROZEN_BN"] else kinds.get(values["BN.NORM_TYPE"])
    if long_cycle and kind in ("batch", "sync"):
        kind = "sub"  # PySlowFast chooses the kind when a phase begins, whatever the file says
        clips, wanted = values["TRAIN.BATCH_SIZE"] / max(values["NUM_GPUS"], 1), values["MULTIGRID.BN_BASE_SIZE"]
        if clips < wanted:
            result.notes.append(
                f"BN sees the {clips:g} clips of each process in multigrid's last phase; PySlowFast synchronises processes up to "
                f"MULTIGRID.BN_BASE_SIZE {wanted}: more clips a process come closer"
            )
    if kind is None:
        result.lost.append("BN.NORM_TYPE")
    if kind == "sync" and not values.get("BN.GLOBAL_SYNC", False):
        result.notes.append("BN statistics are synchronised over all processes, not over groups of BN.NUM_SYNC_DEVICES")
    result.put("model.norm.kind", kind or "batch", "BN.NORM_TYPE")
    if kind != "sub":
        result.put("model.norm.splits", 1)
    if architecture != "x3d":
        _resnet(values, result, pathways=2 if architecture == "slowfast" else 1)


def _classes(values: Mapping[str, Any], result: Translation) -> None:
    """Whether classes exclude one another: loss, activation and labels have to agree about it."""
    several, boxes = values["MODEL.LOSS_FUNC"] in ("bce", "bce_logit"), values["DETECTION.ENABLE"]
    activation = values.get("MODEL.HEAD_ACT") or ("sigmoid" if several else "softmax")  # early versions knew it from the loss
    result.put("model.head.activation", activation, "MODEL.HEAD_ACT")
    result.put("data.multi_label", activation == "sigmoid" and not boxes, "DATA.MULTI_LABEL")
    if several != (activation == "sigmoid"):
        result.training.append("MODEL.LOSS_FUNC")
    elif not boxes and several != values["DATA.MULTI_LABEL"]:
        result.training.append("DATA.MULTI_LABEL")


def _resnet(values: Mapping[str, Any], result: Translation, pathways: int) -> None:
    rows_of_stages = [key for key in DEFAULTS if key.startswith(("RESNET.", "NONLOCAL.")) and isinstance(DEFAULTS[key], list)]
    if uneven := [key for key in rows_of_stages if len(values[key]) != 4]:
        result.wrong += uneven
        return
    depth, basic = values["RESNET.DEPTH"], values["RESNET.TRANS_FUNC"] == "basic_transform"
    if depth not in _BLOCKS or basic != (depth == 18) and depth != 18:
        result.lost.append("RESNET.DEPTH" if depth not in _BLOCKS else "RESNET.TRANS_FUNC")
        return
    result.put("model.depth", 26 if depth == 18 and not basic else depth, "RESNET.DEPTH")  # 26: bottlenecks, two a stage
    result.put("model.expansion", 4)  # PySlowFast's stages are 4 x as wide as the stem with basic blocks too
    for key, target in (("RESNET.SPATIAL_STRIDES", "model.strides"), ("RESNET.SPATIAL_DILATIONS", "model.dilations"),
                        ("NONLOCAL.GROUP", "model.non_local.groups")):  # fmt: skip
        rows = values[key]
        if any(len(set(row)) != 1 for row in rows):
            result.lost.append(key)
        result.put(target, [row[0] for row in rows], key)
    counts = [
        [min(_at(row, p), blocks) for row, blocks in zip(values["RESNET.NUM_BLOCK_TEMP_KERNEL"], _BLOCKS[depth])]
        for p in range(pathways)
    ]
    if any(tuple(row) != _BLOCKS[depth] for row in counts):
        result.put("model.temporal_blocks", counts, "RESNET.NUM_BLOCK_TEMP_KERNEL")
    places = [[list(_at(stage, p)) if p < len(stage) else [] for stage in values["NONLOCAL.LOCATION"]] for p in range(pathways)]
    if any(any(row) for row in places):
        result.put("model.non_local.blocks", places, "NONLOCAL.LOCATION")
        pools = [
            pool for stage, row in enumerate(values["NONLOCAL.POOL"]) for p, pool in enumerate(row[:pathways]) if places[p][stage]
        ]
        if any(pool != pools[0] for pool in pools):
            result.lost.append("NONLOCAL.POOL")
        result.put("model.non_local.pool", pools[0] if pools else [1, 2, 2], "NONLOCAL.POOL")


def _at(row: list, pathway: int) -> Any:
    return row[min(pathway, len(row) - 1)]


def _reader(values: Mapping[str, Any], result: Translation) -> None:
    result.put("test.crop_px", values["DATA.TEST_CROP_SIZE"], "DATA.TEST_CROP_SIZE")
    result.put("data.flip", 0.5 if values["DATA.RANDOM_FLIP"] else 0.0)
    if values["DATA.USE_OFFSET_SAMPLING"]:
        result.put("test.protocol", "pyslowfast_offset", "DATA.USE_OFFSET_SAMPLING")
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
    dataset = values["TRAIN.DATASET"].lower()
    if dataset == "ssv2":  # one clip is the whole video; PySlowFast would average the same clip with itself
        result.put("data.frame_sampling", "segments")
        result.put("test.num_clips", 1)
    elif dataset == "ptvkinetics":
        result.put("test.protocol", "pytorchvideo", "TRAIN.DATASET")
        result.notes.append(
            "PyTorchVideo's protocol averages logits over places; its networks in PySlowFast average probabilities"
        )
    elif dataset not in ("kinetics", "charades", "ava"):
        result.training.append("TRAIN.DATASET")
    # PyTorchVideo's crops, and one crop of a Kinetics video, lie in a frame as large as the smallest in training.
    middle = dataset == "ptvkinetics" or dataset == "kinetics" and values["TEST.NUM_SPATIAL_CROPS"] == 1
    side = "DATA.TRAIN_JITTER_SCALES" if middle else "DATA.TEST_CROP_SIZE"
    result.put("test.short_side_px", values[side][0] if middle else values[side], side)
    result.put("labels", _LABELS.get((dataset.removeprefix("ptv"), values["MODEL.NUM_CLASSES"])))


def _training(values: Mapping[str, Any], result: Translation) -> None:
    shards = values["NUM_SHARDS"]
    batch = values["TRAIN.BATCH_SIZE"] * shards * values["AUG.NUM_SAMPLE"]  # PySlowFast counts videos, not their repeated clips
    factor = shards if values["SOLVER.BASE_LR_SCALE_NUM_SHARDS"] else 1
    result.put("train.batch_size", batch, "TRAIN.BATCH_SIZE")
    result.put("optim.base_batch_size", batch)  # its learning rate belongs to the batch it is written beside
    result.put("optim.base_lr", values["SOLVER.BASE_LR"] * factor, "SOLVER.BASE_LR")
    result.put("optim.warmup_start_lr", values["SOLVER.WARMUP_START_LR"] * factor, "SOLVER.WARMUP_START_LR")
    result.put("optim.end_lr", values["SOLVER.COSINE_END_LR"] * factor, "SOLVER.COSINE_END_LR")
    kind = values["SOLVER.OPTIMIZING_METHOD"].removeprefix("mt_")  # the same, computed for many tensors at once
    if values["SOLVER.LARS_ON"] and kind != "sgd":
        result.training.append("SOLVER.LARS_ON")  # only around SGD is it the published method
    result.put("optim.kind", "lars" if values["SOLVER.LARS_ON"] else kind, "SOLVER.OPTIMIZING_METHOD")
    if values["SOLVER.ZERO_WD_1D_PARAM"]:
        result.put("optim.rules", [{"pattern": r".*\.bias", "decay_scale": 0.0}])
    policy = values["SOLVER.LR_POLICY"]
    if policy == "steps_with_relative_lrs":
        result.put("optim.policy", "steps")
        result.put("optim.steps", values["SOLVER.STEPS"], "SOLVER.STEPS")
        result.put("optim.relative_lrs", values["SOLVER.LRS"][: len(values["SOLVER.STEPS"])])  # it never reads the others
    elif policy == "cosine":
        result.put("optim.policy", "cosine")
    else:
        result.training.append("SOLVER.LR_POLICY")
    precise = values["BN.NUM_BATCHES_PRECISE"] if values["BN.USE_PRECISE_STATS"] else 0
    result.put("train.precise_bn_batches", precise, "BN.NUM_BATCHES_PRECISE")
    # It has them wherever it evaluates or saves.
    result.put("train.precise_bn_every_epochs", gcd(*(int(values[f"TRAIN.{key}_PERIOD"]) for key in ("EVAL", "CHECKPOINT"))))
    result.put("train.amp", "float16" if values["TRAIN.MIXED_PRECISION"] else "off")
    result.put("train.test_last", bool(values["TRAIN.ENABLE"] and values["TEST.ENABLE"]))
