"""PySlowFast's augmentation keys (AUG.*, MIXUP.*, relative jitter) in this package's terms."""

import re
from collections.abc import Mapping
from typing import Any

_POLICY = re.compile(r"([a-z]+)([\d.]+)")


def augmentation(values: Mapping[str, Any], unmapped: list[str]) -> dict[str, Any]:
    """Our keys for AUG.*; keys whose value has no counterpart are added to `unmapped`."""
    found: dict[str, Any] = {"augment.repeats": values["AUG.NUM_SAMPLE"]}
    if not values["AUG.ENABLE"]:
        return found
    policy, *parts = str(values["AUG.AA_TYPE"]).split("-")
    numbers = {match[1]: float(match[2]) for part in parts if (match := _POLICY.fullmatch(part))}
    if policy == "rand" and "inc" in numbers and set(numbers) <= {"m", "n", "mstd", "inc"} and len(numbers) == len(parts):
        found["augment.randaugment_layers"] = int(numbers.get("n", 2))
        found["augment.randaugment_magnitude"] = numbers.get("m", 10.0)
        found["augment.randaugment_noise"] = numbers.get("mstd", 0.0)
    elif values["AUG.AA_TYPE"]:
        unmapped.append("AUG.AA_TYPE")
    found["augment.erase"] = values["AUG.RE_PROB"]
    found["augment.erase_boxes"] = values["AUG.RE_COUNT"]
    found["augment.erase_mode"] = str(values["AUG.RE_MODE"]).lower()
    return found


def mixing(values: Mapping[str, Any], unmapped: list[str]) -> dict[str, Any]:
    """Our keys for MIXUP.*; every batch is mixed here, by either method equally often where both are on."""
    if not values["MIXUP.ENABLE"]:
        return {}
    mixup, cutmix, switch = values["MIXUP.ALPHA"], values["MIXUP.CUTMIX_ALPHA"], values["MIXUP.SWITCH_PROB"]
    if values["MIXUP.PROB"] != 1:
        unmapped.append("MIXUP.PROB")
    if mixup and cutmix and switch not in (0, 0.5, 1):
        unmapped.append("MIXUP.SWITCH_PROB")
    return {
        "augment.mixup_alpha": 0.0 if cutmix and switch == 1 else mixup,
        "augment.cutmix_alpha": 0.0 if mixup and switch == 0 else cutmix,
        "augment.label_smoothing": values["MIXUP.LABEL_SMOOTH_VALUE"],
    }


def resized_crop(values: Mapping[str, Any], unmapped: list[str]) -> dict[str, Any]:
    """Our keys for the relative jitter, which needs both of its ranges."""
    keys = ("DATA.TRAIN_JITTER_SCALES_RELATIVE", "DATA.TRAIN_JITTER_ASPECT_RELATIVE")
    area, aspect = (list(values[key]) for key in keys)
    if not area and not aspect:
        return {}
    if not area or not aspect:
        unmapped.append(keys[0] if area else keys[1])
        return {}
    return {"data.train_crop": "resized", "data.crop_area": area, "data.crop_aspect": aspect}
