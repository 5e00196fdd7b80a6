"""Augmentation keys: from a configuration to the reader, and from PySlowFast's names."""

import numpy as np
import pytest

from slowfast_paddle.app import build
from slowfast_paddle.app.machine import Machine, fit_batch
from slowfast_paddle.config.load import load_config
from slowfast_paddle.data.kinetics import Key
from slowfast_paddle.data.rand_augment import RandAugment
from slowfast_paddle.errors import ConfigError

SMALL = ["data.crop_px=32", "data.short_side_px=[36, 40]", "data.num_frames=8", "model.num_classes=9", "data.workers=0"]


@pytest.fixture
def train_list(tmp_path):
    cv2 = pytest.importorskip("cv2")
    lines = []
    for i in range(4):
        path = tmp_path / f"{i}.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), 30.0, (80, 48))
        rng = np.random.default_rng(i)
        for _ in range(20):
            writer.write(rng.integers(0, 255, (48, 80, 3), dtype=np.uint8))
        writer.release()
        lines.append(f"{path} {i}\n")
    (tmp_path / "train.csv").write_text("".join(lines))
    return [*SMALL, f"data.train_list={tmp_path / 'train.csv'}", "train.batch_size=4"]


def first_clip(overrides):
    return build.clip_loader(load_config(None, overrides), train=True).dataset[Key(0, 0)]["clip"]


@pytest.mark.parametrize("change", ["augment.randaugment_layers=6", "augment.erase=1.0", "data.train_crop=resized"])
def test_every_switch_reaches_the_reader(train_list, change):
    assert not np.array_equal(first_clip(train_list), first_clip([*train_list, change]))


def test_repeats_share_the_batch(train_list):
    loader = build.clip_loader(load_config(None, [*train_list, "augment.repeats=2"]), train=True)
    assert len(loader) == 2 and len(next(iter(loader))["clip"]) == 4
    with pytest.raises(
        ConfigError, match=r"4 is not divisible by 1 processes x 1 accumulation steps x 3 clips of a video \(augment.repeats\)"
    ):
        fit_batch(load_config(None, [*train_list, "augment.repeats=3"]), Machine(False, 0, 1), True)


def test_detection_refuses_what_does_not_know_boxes():
    with pytest.raises(ConfigError, match="augment.erase does not know boxes"):
        load_config("slowfast_32x2_r50_short", ["augment.erase=0.5"])
    with pytest.raises(ConfigError, match="data.train_crop does not know boxes"):
        load_config("slowfast_32x2_r50_short", ["data.train_crop=resized"])


def test_ranges_are_checked():
    with pytest.raises(ConfigError, match=r"crop_area \[0.5, 0.2\] must be \[low, high\] above 0 and not above 1"):
        load_config(None, ["data.crop_area=[0.5, 0.2]"])


AUG = {"ENABLE": True, "AA_TYPE": "rand-m7-n4-mstd0.5-inc1", "RE_PROB": 0.3, "RE_MODE": "const", "RE_COUNT": 2, "NUM_SAMPLE": 2}


def test_pyslowfast_names(caplog):
    data = {"TRAIN": {"BATCH_SIZE": 16}, "AUG": AUG,
            "DATA": {"TRAIN_JITTER_SCALES_RELATIVE": [0.08, 1.0], "TRAIN_JITTER_ASPECT_RELATIVE": [0.75, 1.3333]}}  # fmt: skip
    config = load_config(data)
    assert "training would differ" not in caplog.text
    augment = config.augment
    assert (augment.randaugment_layers, augment.randaugment_magnitude, augment.randaugment_noise) == (4, 7.0, 0.5)
    assert (augment.erase, augment.erase_mode, augment.erase_boxes, augment.repeats) == (0.3, "const", 2, 2)
    assert config.train.batch_size == 32 == config.optim.base_batch_size
    assert config.data.train_crop == "resized" and config.data.crop_aspect == (0.75, 1.3333)
    assert build.clip_augment(config).steps[0] == RandAugment(4, 7.0, 0.5)
    assert not build.clip_augment(load_config({"TRAIN": {"BATCH_SIZE": 16}})).steps


@pytest.mark.parametrize("policy", ["rand-m9-mstd0.5", "rand-m9-w0-inc1", "augmix-m3"])
def test_other_policies_are_refused(policy):
    with pytest.raises(ConfigError, match=f"AUG.AA_TYPE: '{policy}' changes training"):
        load_config({"TRAIN": {"BATCH_SIZE": 16}, "AUG": {**AUG, "AA_TYPE": policy}})
