"""Keyframes, clips and moved boxes against PySlowFast's AVA data code."""

import json

import numpy as np
import pytest

from slowfast_paddle.data import ava_boxes, ava_csv
from slowfast_paddle.data.ava_keyframes import ClipGrid, KeyframeRules, collect_keyframes
from slowfast_paddle.data.transforms import resized_size


@pytest.fixture(scope="module")
def reference(golden):
    return json.loads((golden / "data/ava_data.json").read_text())


def test_keyframes_boxes_and_frames(reference, tmp_path):
    given = reference["keyframes"]
    for name, rows in (("gt", given["gt_csv_rows"]), ("boxes", given["predicted_boxes_csv_rows"])):
        (tmp_path / f"{name}.csv").write_text("\n".join(rows))
    truth, predicted = ava_csv.read_labels(tmp_path / "gt.csv"), ava_csv.read_boxes(tmp_path / "boxes.csv")
    counts = {video["name"]: video["num_frames"] for video in given["videos"]}
    for result in given["results"]:
        every = 4 if result["mode"] == "val" and not result["full_test_on_val"] else None
        rules = KeyframeRules(902, 1798, every, result["detection_score_thresh"])
        tables = [truth] if result["mode"] == "train" else [predicted]
        found = collect_keyframes(list(counts), tables, rules).items
        assert len(found) == result["num_keyframes"]
        assert sum(len(keyframe.boxes) for keyframe in found) == result["num_boxes_used"]
        for keyframe, expected in zip(found, result["keyframes"], strict=True):
            _compare(keyframe, expected, counts[keyframe.video])


def _compare(keyframe, expected, count):
    assert (keyframe.video, keyframe.second) == (expected["video"], expected["sec"])
    rows = [[*box, "labels", *(labels or (-1,))] for box, labels in zip(keyframe.boxes.tolist(), keyframe.labels, strict=True)]
    assert rows == expected["boxes_and_labels"]
    clips = {"32x2": ClipGrid(32, 2)}
    clips |= {name: ClipGrid(*map(int, name.split("x"))) for name in expected.get("seq", {})}
    for name, grid in clips.items():
        frames = grid.frames(keyframe.second - 900, 30.0, count)
        assert (keyframe.second - 900) * 30 == expected["center_frame_index"]
        if name in expected.get("seq", {}):
            assert frames.tolist() == expected["seq"][name]
        if name == "32x2":
            assert [frames[0], frames[-1]] == expected["seq_first_last_32x2"]


def test_sequences(golden):
    for record in json.loads((golden / "data/temporal.json").read_text())["ava_get_sequence"]:
        assert _sequence(record) == record["seq"], record


def _sequence(record):
    rate = record["sample_rate"]
    grid = ClipGrid(2 * record["half_len"] // rate, rate)
    return grid.frames(record["center_idx"] / 30, 30.0, record["num_frames"]).tolist()


def test_boxes_follow_jitter_crop_and_flip(reference):
    compared = 0
    for case in reference["clip_and_box_preprocessing"]:
        if case["split"] == "test" and case["backend"] == "pytorch":
            continue  # the reference clips these to the crop although the image is wider: its bug
        got, (height, width) = _replay(case)
        assert [width, height] == case["output_wh"]
        np.testing.assert_allclose(got, case["boxes_out_pixels_xyxy"], rtol=0, atol=1e-9)
        compared += 1
    assert compared == 48


def _replay(case):
    """Recompute a case from the random numbers the reference drew."""
    height, width, crop = case["height"], case["width"], case["crop_size"]
    draws = [(name, value) for name, _, value in case["numpy_random_draws_in_order"]]
    boxes = ava_boxes.to_pixels(np.array(case["boxes_in_relative_xyxy"]), height, width)
    side, flip = crop, case["test_force_flip"]
    if case["split"] == "train":
        drawn = draws.pop(0)[1]
        side = round(1 / drawn) if case["backend"] == "cv2" else round(drawn)
        flip = draws.pop()[1] < 0.5
    new_height, new_width = resized_size(height, width, side)
    boxes = ava_boxes.scale_boxes(boxes, (height, width), (new_height, new_width))
    if case["split"] != "test":
        y, x = -(-(new_height - crop) // 2), -(-(new_width - crop) // 2)
        if case["split"] == "train":
            y = draws.pop(0)[1] if new_height > crop else 0
            x = draws.pop(0)[1] if new_width > crop else 0
        boxes, new_height, new_width = ava_boxes.crop_boxes(boxes, y, x), crop, crop
    if flip:
        boxes = ava_boxes.flip_boxes(boxes, new_width)
    return ava_boxes.clip_boxes(boxes, new_height, new_width), (new_height, new_width)


def test_single_functions(reference):
    for case in reference["single_box_functions"]:
        boxes, height, width = np.array(case["boxes"]), case["height"], case["width"]
        size = (height, width)
        new_size = resized_size(height, width, case["scale_short_side"])
        for name, got in (
            ("clip", ava_boxes.clip_boxes(boxes, height, width)),
            ("scaled", ava_boxes.scale_boxes(boxes, size, new_size)),
            ("flipped", ava_boxes.flip_boxes(boxes, width)),
            ("cropped_by_7_5", ava_boxes.crop_boxes(boxes, 5, 7)),
        ):
            np.testing.assert_allclose(got, case[name], rtol=0, atol=1e-9, err_msg=name)
