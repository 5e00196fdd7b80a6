"""Sizes after the resize and crop positions equal those of the reference implementations."""

import json

import pytest

from slowfast_paddle.data.transforms import crop_offsets, resized_size


@pytest.fixture(scope="module")
def records(golden):
    return json.loads((golden / "data/crop.json").read_text())["records"]


def test_sizes(records):
    for record in records:
        down = resized_size(record["h"], record["w"], record["short_side"], "down")[::-1]
        assert list(down) == record["resized_wh_pyslowfast"] == record["resized_wh_paddle_original"], record
        nearest = resized_size(record["h"], record["w"], record["short_side"], "nearest")[::-1]
        assert list(nearest) == record["resized_wh_mmaction2"], record


def test_pyslowfast_and_paddle_offsets(records):
    """One crop is the centre; the original Paddle project divides by zero there, which is not copied."""
    for record in records:
        width, height = record["resized_wh_pyslowfast"]
        xy = crop_offsets(height, width, record["crop"], 3)[:, ::-1].tolist()
        assert xy == record["pyslowfast_offset_xy_idx012"] == record["paddle_original_3crops"], record
        assert crop_offsets(height, width, record["crop"], 1)[0, ::-1].tolist() == record["pyslowfast_offset_xy_idx012"][1]


def test_mmaction2_offsets(records):
    """ThreeCrop returns left, right, middle and wants the crop to equal the short side; here the order is left, middle, right."""
    compared = 0
    for record in records:
        width, height = record["resized_wh_mmaction2"]
        assert crop_offsets(height, width, record["crop"], 1, "down")[0, ::-1].tolist() == record["mmaction2_centercrop"], record
        reference = record["mmaction2_threecrop_in_output_order"]
        if isinstance(reference, str):
            continue
        left, middle, right = crop_offsets(height, width, record["crop"], 3, "down")[:, ::-1].tolist()
        assert [left, right, middle] == reference, record
        compared += 1
    assert compared > 20
