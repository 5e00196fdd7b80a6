"""Reads the YAML of the original Paddle dygraph SlowFast: sections MODEL, TRAIN, VALID, TEST, INFER."""

from collections.abc import Mapping
from typing import Any

from slowfast_paddle.config.yaml_file import Origins
from slowfast_paddle.errors import ConfigError

SECTIONS = ("MODEL", "TRAIN", "VALID", "TEST", "INFER")

# old key -> new keys. An empty tuple: the key decides nothing here, for the reason in NOTES.
KEYS: dict[str, tuple[str, ...]] = {
    "MODEL.name": (),
    "MODEL.format": (),
    "MODEL.num_classes": ("model.num_classes",),
    "MODEL.num_frames": ("data.num_frames",),
    "MODEL.sampling_rate": ("data.sampling_rate",),
    "MODEL.target_fps": ("data.target_fps",),
    "MODEL.alpha": ("model.alpha",),
    "MODEL.beta": ("model.beta_inv",),
    "MODEL.crop_size": ("data.crop_px",),
    "MODEL.image_mean": ("data.mean",),
    "MODEL.image_std": ("data.std",),
    "TRAIN.epoch": ("train.epochs",),
    "TRAIN.target_size": ("data.crop_px",),
    "TRAIN.min_size": ("data.short_side_px.0",),
    "TRAIN.max_size": ("data.short_side_px.1",),
    "TRAIN.batch_size": ("train.batch_size",),
    "TRAIN.use_gpu": (),
    "TRAIN.num_gpus": (),
    "TRAIN.filelist": ("data.train_list",),
    "TRAIN.base_lr": ("optim.base_lr",),
    "TRAIN.warmup_epochs": ("optim.warmup_epochs",),
    "TRAIN.warmup_start_lr": ("optim.warmup_start_lr",),
    "TRAIN.l2_weight_decay": ("optim.weight_decay",),
    "TRAIN.momentum": ("optim.momentum",),
    "VALID.use_preciseBN": (),
    "VALID.preciseBN_interval": ("train.precise_bn_every_epochs",),
    "VALID.num_batches_preciseBN": ("train.precise_bn_batches",),
    "VALID.target_size": (),
    "VALID.min_size": (),
    "VALID.max_size": (),
    "VALID.batch_size": (),
    "VALID.filelist": ("data.val_list",),
    "TEST.target_size": ("test.crop_px", "test.short_side_px"),
    "TEST.batch_size": (),
    "TEST.filelist": ("data.val_list",),
    "TEST.num_ensemble_views": ("test.num_clips",),
    "TEST.num_spatial_crops": ("test.num_crops",),
    "INFER.target_size": ("test.crop_px", "test.short_side_px"),
    "INFER.batch_size": (),
    "INFER.filelist": ("data.infer_list",),
    "INFER.num_ensemble_views": ("test.num_clips",),
    "INFER.num_spatial_crops": ("test.num_crops",),
    "INFER.save_path": ("test.save_path",),
}


def is_original(data: Mapping[str, Any]) -> bool:
    """Whether these sections are the original project's: upper-case sections with lower-case keys."""
    sections = [data[name] for name in SECTIONS if isinstance(data.get(name), Mapping)]
    return bool(sections) and all(not str(key).isupper() for section in sections for key in section)


def to_config(data: Mapping[str, Any], origins: Origins) -> dict[str, Any]:
    """Translates the old keys.

    Raises:
        ConfigError: an unknown section or key, or two old keys that give one new key different values.
    """
    new: dict[str, Any] = {"labels": "kinetics400" if data.get("MODEL", {}).get("num_classes", 400) == 400 else None}
    set_by: dict[str, str] = {}
    for section, values in data.items():
        if section not in SECTIONS or not isinstance(values, Mapping):
            raise ConfigError(
                f"{origins.get((section,), section)}: '{section}' is not a section of the original YAML; it has {', '.join(SECTIONS)}"
            )
        for key, value in values.items():
            old = f"{section}.{key}"
            where = origins.get((section, str(key)), old)
            if old not in KEYS:
                raise ConfigError(
                    f"{where}: '{old}' is not known from the original YAML; write it under its new name (see `python train.py --print-config`)"
                )
            for target in KEYS[old]:
                _put(new, target, value, where, set_by)
    if data.get("VALID", {}).get("use_preciseBN") is False:
        new.setdefault("train", {})["precise_bn_batches"] = 0
    new.setdefault("optim", {})["base_batch_size"] = 64  # the original's 0.1 belongs to 64 clips
    return new


def _put(new: dict[str, Any], target: str, value: Any, where: str, set_by: dict[str, str]) -> None:
    section, key, *index = target.split(".")
    values = new.setdefault(section, {})
    if index:
        values = values.setdefault(key, [256, 320])
        key = int(index[0])  # type: ignore[assignment]
    if target in set_by and values[key] != value:
        raise ConfigError(
            f"{where}: {value!r} contradicts {values[key]!r} at {set_by[target]}; both mean '{target}' now, give one value"
        )
    values[key] = value
    set_by[target] = where
