"""Action detection learns: motions of generated shapes, for videos never seen, and real frames, for those trained on."""

import json

import pytest

import eval as eval_script
import train as train_script
from slowfast_paddle import checkpoint
from slowfast_paddle.app import build
from slowfast_paddle.config.load import load_config
from slowfast_paddle.data.ava_synthetic import generate

pytestmark = pytest.mark.full
CONFIG = ["--config", "custom_small", "--use_gpu", "false", "data.workers=2", "train.visualdl=false"]


def untrained(folder, overrides):
    """A checkpoint of the initial network."""
    config = load_config("custom_small", overrides)
    state = {name: value.numpy() for name, value in build.build_model(config).state_dict().items()}
    return checkpoint.save(folder / "untrained", state, {"config": config.model_dump(mode="json")})


def score(folder, weights, overrides):
    """mAP of eval.py."""
    assert eval_script.main([*CONFIG, "--weights", str(weights), "--save_path", str(folder / "out"), *overrides]) == 0
    return json.loads((folder / "out/eval.json").read_text())["mAP"]


def test_motions_of_other_scenes(tmp_path, record_property):
    for split, videos, seed in (("train", 60, 0), ("val", 12, 1)):
        generate(tmp_path, split=split, videos=videos, seed=seed)
    paths = {
        "label_map": f"{tmp_path}/label_map.pbtxt", "train_labels": f"{tmp_path}/train.csv", "val_labels": f"{tmp_path}/val.csv",
        "val_boxes": f"[{tmp_path}/val_boxes.csv]", "train_videos": f"{tmp_path}/train", "val_videos": f"{tmp_path}/val",
    }  # fmt: skip
    overrides = [f"detection.{key}={value}" for key, value in paths.items()]
    before = score(tmp_path, untrained(tmp_path, overrides), overrides)
    run = tmp_path / "run"
    assert train_script.main([*CONFIG, "--save_dir", str(run), "train.valid_every_epochs=0", *overrides]) == 0
    after = score(tmp_path, run / "slowfast_epoch7", overrides)
    record_property("mAP", f"untrained {before:.3f}, trained {after:.3f}")
    assert after >= 0.90 > 0.60 > before


def test_real_frames(shared_data, tmp_path, record_property):
    nest = shared_data / "ava_nest"

    def lists(which):
        return [
            f"detection.val_labels={nest}/ava_{which}.csv", f"detection.val_boxes=[{nest}/{which}_boxes.csv]",
            f"detection.val_frame_lists=[{nest}/{which}_frame_list.csv]",
        ]  # fmt: skip

    overrides = [
        "model.num_classes=8", f"detection.label_map={nest}/labelmap_as_found.txt",
        f"detection.train_labels={nest}/ava_train.csv",
        f"detection.frames={nest}/frames", f"detection.train_frame_lists=[{nest}/train_frame_list.csv]",
        "detection.train_videos=''", "detection.val_videos=''", *lists("train"),
    ]  # fmt: skip
    run = tmp_path / "run"
    longer = ["train.epochs=60", "optim.warmup_fraction=0.05", "train.save_every_epochs=60", "train.valid_every_epochs=0"]
    assert train_script.main([*CONFIG, "--save_dir", str(run), *longer, *overrides]) == 0
    own = score(tmp_path, run / "slowfast_epoch59", overrides)
    other = score(tmp_path, run / "slowfast_epoch59", [*overrides, *lists("val")])
    record_property("mAP", f"own training frames {own:.3f}, validation {other:.3f}")
    assert own >= 0.95
