"""PySlowFast's AVA.* keys in this package's terms. Source: facebookresearch/SlowFast slowfast/datasets/ava_helper.py."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

# PySlowFast's defaults; its folders, which exist on one machine only, are those of its data set guide.
AVA_DEFAULTS: dict[str, Any] = {
    "AVA.FRAME_DIR": "./data/ava/frames", "AVA.FRAME_LIST_DIR": "./data/ava/frame_lists",
    "AVA.ANNOTATION_DIR": "./data/ava/annotations", "AVA.TRAIN_LISTS": ["train.csv"], "AVA.TEST_LISTS": ["val.csv"],
    "AVA.TRAIN_GT_BOX_LISTS": ["ava_train_v2.2.csv"], "AVA.TRAIN_PREDICT_BOX_LISTS": [],
    "AVA.TEST_PREDICT_BOX_LISTS": ["ava_val_predicted_boxes.csv"], "AVA.GROUNDTRUTH_FILE": "ava_val_v2.2.csv",
    "AVA.LABEL_MAP_FILE": "ava_action_list_v2.2_for_activitynet_2019.pbtxt",
    "AVA.EXCLUSION_FILE": "ava_val_excluded_timestamps_v2.2.csv", "AVA.DETECTION_SCORE_THRESH": 0.9,
    "AVA.BGR": False, "AVA.FULL_TEST_ON_VAL": False,
}  # fmt: skip
# What its code fixes: frames of 30 1/s that begin at second 900, of which 902 to 1798 count, matched in file order.
_FIXED = {"frame_fps": 30.0, "start_sec": 900.0, "first_sec": 902, "last_sec": 1798, "rule": "pyslowfast"}


def detection(values: Mapping[str, Any], unmapped: list[str]) -> dict[str, Any]:
    """Our keys for the lists and the reader of action detection; keys without a counterpart are added to `unmapped`."""
    truth = list(values["AVA.TRAIN_GT_BOX_LISTS"])
    if len(truth) != 1:
        unmapped.append("AVA.TRAIN_GT_BOX_LISTS")
    # Its published files name the ground truth among the predictions too, which adds no box and no class.
    predicted = [name for name in values["AVA.TRAIN_PREDICT_BOX_LISTS"] if name not in truth]
    notes, lists = values["AVA.ANNOTATION_DIR"], values["AVA.FRAME_LIST_DIR"]
    found = {
        **_FIXED,
        "label_map": _join(notes, values["AVA.LABEL_MAP_FILE"]),
        "train_labels": _join(notes, truth[0]) if truth else "",
        "train_boxes": [_join(notes, name) for name in predicted],
        "val_labels": _join(notes, values["AVA.GROUNDTRUTH_FILE"]),
        "val_boxes": [_join(notes, name) for name in values["AVA.TEST_PREDICT_BOX_LISTS"]],
        "excluded": _join(notes, values["AVA.EXCLUSION_FILE"]),
        "frames": values["AVA.FRAME_DIR"],
        "train_frame_lists": [_join(lists, name) for name in values["AVA.TRAIN_LISTS"]],
        "val_frame_lists": [_join(lists, name) for name in values["AVA.TEST_LISTS"]],
        "score_threshold": values["AVA.DETECTION_SCORE_THRESH"],
        "valid_every_sec": None if values["AVA.FULL_TEST_ON_VAL"] else 4,
        "test_short_sides_px": [values["DATA.TEST_CROP_SIZE"]],
    }
    return {f"detection.{key}": value for key, value in found.items()} | {
        "data.target_fps": 30.0,
        # Its frames are BGR when they are normalised, so that the first mean belongs to blue, whatever order the network gets.
        "data.mean": list(values["DATA.MEAN"])[::-1],
        "data.std": list(values["DATA.STD"])[::-1],
        "data.reverse_channels": values["AVA.BGR"] != values["DATA.REVERSE_INPUT_CHANNEL"],
    }


def _join(folder: str, name: str) -> str:
    return str(PurePath(folder, str(name))) if name else ""
