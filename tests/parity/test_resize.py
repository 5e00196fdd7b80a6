"""Resized pixels against torch, Pillow and OpenCV as the reference projects call them."""

import numpy as np
import pytest

from slowfast_paddle.data.transforms import RESIZERS, crop_offsets, resize_bilinear, resized_size

SIDES = (48, 64, 112)
VIEWS = {"landscape": "frame", "portrait": "frame_portrait"}


@pytest.fixture(scope="module")
def arrays(golden):
    return np.load(golden / "data/resize.npz")


# Half a level is the rounding itself; 1e-3 the distance between two float32 implementations.
@pytest.mark.parametrize(
    ("method", "reference", "tolerance"),
    [("bilinear", "torch_f32", 0.501), ("bilinear_uint8", "cv2_u8", 1.0), ("antialias", "pil_u8", 1.0)],
)
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("side", SIDES)
def test_resize(arrays, method, reference, tolerance, view, side):
    frame, expected = arrays[VIEWS[view]], arrays[f"{view}_{side}_{reference}"]
    height, width = resized_size(*frame.shape[:2], side)
    assert (height, width) == expected.shape[:2]
    ours = RESIZERS[method](frame, height, width)
    assert ours.dtype == np.uint8
    assert np.abs(ours.astype(np.float64) - expected).max() <= tolerance


@pytest.mark.parametrize("view", VIEWS)
def test_normalising_after_the_resize_equals_before(arrays, view):
    """PySlowFast normalises, then resizes; here the device normalises the rounded pixels: half a level, 0.5 / 255 / 0.225."""
    frame, expected = arrays[VIEWS[view]], arrays[f"{view}_64_pyslowfast_normalized_f32"]
    ours = (resize_bilinear(frame, *expected.shape[:2]) / 255.0 - 0.45) / 0.225
    assert np.abs(ours - expected).max() <= 0.501 / 255 / 0.225


@pytest.mark.parametrize("index", range(3))
def test_resize_and_crop_equal_spatial_sampling(arrays, index):
    frame, expected = arrays["frame"], arrays[f"spatial_sampling_short64_crop64_idx{index}"]
    height, width = resized_size(*frame.shape[:2], 64)
    y, x = crop_offsets(height, width, 64, 3)[index]
    ours = (resize_bilinear(frame, height, width)[y : y + 64, x : x + 64] / 255.0 - 0.45) / 0.225
    assert np.abs(ours - expected).max() <= 0.501 / 255 / 0.225
