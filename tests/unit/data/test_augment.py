"""Erasing, resized crops and several clips of one video."""

import numpy as np
import pytest

from slowfast_paddle.data import kinetics
from slowfast_paddle.data.augment import ClipAugment
from slowfast_paddle.data.cropping import Cropping, ResizedCrop
from slowfast_paddle.data.erasing import RandomErasing
from slowfast_paddle.data.kinetics import ClipDataset, ClipSize, Key
from slowfast_paddle.data.loader import Loader, collate_clips
from slowfast_paddle.data.records import from_paths, read_records
from slowfast_paddle.data.sampler import TrainSampler
from slowfast_paddle.data.sampling import ClipShape
from slowfast_paddle.errors import DataError
from tests.unit.data.conftest import read_number

SHAPE = ClipShape(8, 2)
CLIP = np.full((4, 48, 64, 3), 255, np.uint8)


def erased(clip):
    """bool [T, H, W]"""
    return (clip != 255).any(-1)


@pytest.mark.parametrize("mode", ["const", "rand"])
def test_one_box_over_all_frames(mode):
    shares = []
    for seed in range(50):
        gone = erased(RandomErasing(1.0, mode)(CLIP, np.random.default_rng(seed)))
        assert (gone == gone[0]).all(), "the box moves"
        rows, columns = np.flatnonzero(gone[0].any(1)), np.flatnonzero(gone[0].any(0))
        assert gone[0, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all(), "not a box"
        shares.append(gone[0].mean())
    assert min(shares) > 0.01 and max(shares) < 0.36 and np.std(shares) > 0.03
    assert (CLIP == 255).all(), "the input was changed"


def test_noise_is_that_of_normalised_values():
    clip = RandomErasing(1.0, "pixel", 1, (0.2, 0.5, 0.8), (0.1, 0.1, 0.1))(
        np.zeros((8, 112, 112, 3), np.uint8), np.random.default_rng(1)
    )
    noise = clip[:, clip[0, ..., 2].any(1)][:, :, clip[0, ..., 2].any(0)] / 255.0
    assert np.allclose(noise.mean((0, 1, 2)), (0.2, 0.5, 0.8), atol=0.01) and abs(noise[..., 1].std() - 0.1) < 0.01
    assert (noise[0] != noise[1]).any()


def test_probability_and_number_of_boxes():
    changed = [erased(RandomErasing(0.3, "const")(CLIP, np.random.default_rng(s))).any() for s in range(300)]
    assert 0.2 < np.mean(changed) < 0.4
    small = [erased(RandomErasing(1.0, "const", boxes=4)(CLIP, np.random.default_rng(s))).mean() for s in range(50)]
    assert max(small) < 0.4


def test_a_resized_crop_fits_its_ranges():
    crop = ResizedCrop((0.3, 0.6), (0.5, 2.0))
    boxes = np.array([crop.box(240, 320, np.random.default_rng(seed)) for seed in range(300)])
    top, left, height, width = boxes.T
    assert (top >= 0).all() and (left >= 0).all() and (top + height <= 240).all() and (left + width <= 320).all()
    area, aspect = height * width / (240 * 320), width / height
    assert area.min() > 0.29 and area.max() < 0.61 and aspect.min() > 0.48 and aspect.max() < 2.1
    assert area.std() > 0.05 and (aspect < 1).any() and (aspect > 1).any()
    assert ResizedCrop((1.0, 1.0), (1.0, 1.0)).box(240, 320, np.random.default_rng(0)) == (0, 40, 240, 240)


def test_a_resized_crop_is_one_for_all_frames_and_mirrors():
    ramp = np.tile(np.linspace(0, 255, 320).astype(np.uint8)[None, :, None], (240, 1, 3))
    cropping = Cropping(32, (32, 40), 0.5, ResizedCrop())
    seen = set()
    for seed in range(30):
        cut = cropping.drawn(np.random.default_rng(seed))
        first = cut(ramp)
        assert first.shape == (32, 32, 3) and (cut(ramp) == first).all()
        seen.add((int(first[0, -1, 0]) > int(first[0, 0, 0]), first.tobytes()))
    assert len(seen) == 30 and {rising for rising, _ in seen} == {True, False}


def test_another_crop_moves_the_short_side_along():
    at = Cropping(224, (256, 320)).at(112)
    assert at.crop_px == 112 and at.short_side_px == (128, 320)
    with pytest.raises(DataError, match="not below the crop"):
        Cropping(224, (200, 320))


@pytest.fixture
def listed(make_video, tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("".join(f"{make_video(f'v{i}.avi', 40 + i)} {i}\n" for i in range(4)))
    return path


def dataset(listed, **changes):
    return ClipDataset(
        read_records(listed), SHAPE, **({"train": True, "crop_px": 32, "short_side_px": (32, 40), "seed": 5} | changes)
    )


def test_augmentation_reaches_training_clips_and_only_those(listed):
    black = ClipAugment((lambda clip, rng: np.zeros_like(clip),))
    assert not dataset(listed, augment=black)[Key(0, 0)]["clip"].any()
    assert dataset(listed, augment=black, train=False)[Key(0, 0)]["clip"].any()
    noisy = ClipAugment((RandomErasing(1.0),))
    one, other = (dataset(listed, augment=noisy)[Key(2, 1)]["clip"] for _ in range(2))
    assert np.array_equal(one, other) and not np.array_equal(one, dataset(listed)[Key(2, 1)]["clip"])


def test_several_clips_of_a_video_are_decoded_once(listed, monkeypatch):
    opened = []
    real = kinetics.open_source
    monkeypatch.setattr(kinetics, "open_source", lambda path, options: opened.append(path) or real(path, options))
    data = dataset(listed, repeats=3)
    sample = data[Key(0, 1)]
    assert (
        sample["clip"].shape == (3, 8, 32, 32, 3)
        and sample["label"].tolist() == [1, 1, 1]
        and sample["index"].tolist() == [1, 1, 1]
    )
    assert len(opened) == 1 and len({clip.tobytes() for clip in sample["clip"]}) == 3
    np.testing.assert_array_equal(sample["clip"][0], dataset(listed)[Key(0, 1)]["clip"])
    starts = {read_number(data[Key(epoch, 1)]["clip"][i][0]) for epoch in range(4) for i in range(3)}
    assert len(starts) > 3, "the clips start at different frames"


def test_a_batch_of_repeated_clips(listed):
    data = dataset(listed, repeats=2)
    loader = Loader(data, TrainSampler(4, 2), collate_clips)
    batches = list(loader)
    assert len(batches) == 2
    for batch in batches:
        assert batch["clip"].shape == (4, 8, 32, 32, 3)
        first, again, second, more = batch["index"]
        assert first == again != second == more and (batch["label"] == batch["index"]).all()


def test_a_key_may_ask_for_another_size(listed):
    data = dataset(listed)
    small = data[Key(0, 1, ClipSize(4, 4, 16))]["clip"]
    assert small.shape == (4, 16, 16, 3)
    numbers, whole = ([read_number(f) for f in clip] for clip in (small, data[Key(0, 1)]["clip"]))
    assert numbers[0] == whole[0] and numbers[-1] == whole[-1], "the same span with fewer frames"
    assert Key(0, 1) == (0, 1, None)


def test_records_without_labels_still_read(make_video):
    data = ClipDataset(from_paths([str(make_video())]), SHAPE, train=True, crop_px=32, short_side_px=(32, 40), repeats=2)
    assert data[Key(0, 0)]["label"].tolist() == [-1, -1]
