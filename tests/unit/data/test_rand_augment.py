"""RandAugment against Pillow, operation by operation; the same operation over the whole clip; drawn from the generator alone."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from slowfast_paddle.data import rand_augment
from slowfast_paddle.data.rand_augment import OPERATIONS, RandAugment


@pytest.fixture(scope="module")
def clip():
    rng = np.random.default_rng(0)
    frames = rng.integers(10, 240, (3, 8, 10, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(frame).resize((40, 32), Image.BICUBIC)) for frame in frames])


def pillow(clip, work):
    return np.stack([np.asarray(work(Image.fromarray(frame))) for frame in clip])


def affine(matrix):
    return lambda image: image.transform(image.size, Image.AFFINE, matrix, resample=Image.BILINEAR, fillcolor=(128, 128, 128))


LEVEL, SIGN = 0.6, -1.0
SAME = {
    "auto_contrast": ImageOps.autocontrast,
    "equalize": ImageOps.equalize,
    "invert": ImageOps.invert,
    "posterize": lambda image: ImageOps.posterize(image, 4 - int(LEVEL * 4)),
    "solarize": lambda image: ImageOps.solarize(image, 256 - int(LEVEL * 256)),
    "color": lambda image: ImageEnhance.Color(image).enhance(1 + SIGN * 0.9 * LEVEL),
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(1 + SIGN * 0.9 * LEVEL),
    "brightness": lambda image: ImageEnhance.Brightness(image).enhance(1 + SIGN * 0.9 * LEVEL),
    "sharpness": lambda image: ImageEnhance.Sharpness(image).enhance(1 + SIGN * 0.9 * LEVEL),
}
MOVED = {
    "rotate": lambda image: image.rotate(SIGN * 30 * LEVEL, resample=Image.BILINEAR, fillcolor=(128, 128, 128)),
    "shear_x": affine((1, SIGN * 0.3 * LEVEL, 0, 0, 1, 0)),
    "shear_y": affine((1, 0, 0, SIGN * 0.3 * LEVEL, 1, 0)),
    "translate_x": affine((1, 0, SIGN * 0.45 * LEVEL * 40, 0, 1, 0)),
    "translate_y": affine((1, 0, 0, 0, 1, SIGN * 0.45 * LEVEL * 32)),
}


@pytest.mark.parametrize("name", SAME)
def test_pixel_operations_are_pillows(clip, name):
    difference = np.abs(OPERATIONS[name](clip, LEVEL, SIGN).astype(int) - pillow(clip, SAME[name]))
    assert difference.max() <= 1  # Pillow truncates where OpenCV rounds


@pytest.mark.parametrize("name", MOVED)
def test_geometric_operations_are_pillows_away_from_the_uncovered_border(clip, name):
    """There Pillow switches hard to the fill colour and OpenCV blends."""
    difference = np.abs(OPERATIONS[name](clip, LEVEL, SIGN).astype(int) - pillow(clip, MOVED[name]))
    assert np.median(difference) <= 1 and (difference > 8).mean() < 0.08


def test_all_fifteen_operations_are_there_and_solarize_add_only_brightens_the_dark(clip):
    assert len(OPERATIONS) == 15 == len(SAME) + len(MOVED) + 1
    out = OPERATIONS["solarize_add"](clip, 1.0, 1.0)
    np.testing.assert_array_equal(out, np.where(clip < 128, clip + 110, clip))


@pytest.mark.parametrize("name", OPERATIONS)
def test_equal_frames_stay_equal_and_the_input_stays(clip, name):
    still = np.repeat(clip[:1], 4, axis=0)
    before = still.copy()
    out = OPERATIONS[name](still, 0.9, 1.0)
    assert out.shape == still.shape and out.dtype == np.uint8
    assert (out == out[:1]).all(), "an operation differs from frame to frame"
    np.testing.assert_array_equal(still, before)
    flat = np.full_like(still, 7)
    assert OPERATIONS[name](flat, 0.9, 1.0).shape == flat.shape


def test_geometry_at_level_zero_changes_nothing(clip):
    for name in (*MOVED, "color", "contrast", "brightness", "sharpness"):
        assert np.abs(OPERATIONS[name](clip, 0.0, 1.0).astype(int) - clip).max() <= 1, name


def test_the_generator_decides(clip):
    augment = RandAugment(2, 9.0, 0.5)
    outs = [augment(clip, np.random.default_rng(seed)).tobytes() for seed in range(20)]
    assert outs == [augment(clip, np.random.default_rng(seed)).tobytes() for seed in range(20)]
    assert len(set(outs)) > 10
    assert 1 <= outs.count(clip.tobytes()) <= 12  # both operations are left out in a quarter of the cases


def test_layers_and_noise(clip, monkeypatch):
    levels = []
    monkeypatch.setattr(rand_augment, "OPERATIONS", {"note": lambda c, level, sign: levels.append((level, sign)) or c})
    for seed in range(200):
        RandAugment(3, 9.0, 0.5)(clip, np.random.default_rng(seed))
    assert 250 < len(levels) < 350  # three, each with probability one half
    strength = np.array([level for level, _ in levels])
    assert strength.max() <= 1.0 and abs(np.median(strength) - 0.9) < 0.02 and strength.std() > 0.02
    assert 0.4 < np.mean([sign > 0 for _, sign in levels]) < 0.6
