"""Configurations: merging, coercion, and errors that name the line and the nearest key."""

from pathlib import Path

import pytest

from slowfast_paddle.config.load import dump_config, load_config, preset_paths
from slowfast_paddle.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]


def write(folder: Path, text: str, name: str = "c.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_defaults_are_the_kinetics_recipe():
    config = load_config(None)
    assert (config.train.epochs, config.train.batch_size, config.optim.warmup_epochs) == (196, 64, 34)
    assert (config.test.num_clips, config.test.num_crops) == (10, 3)


def test_scientific_notation_is_a_number(tmp_path):
    assert load_config(write(tmp_path, "optim:\n  base_lr: 1e-4\n")).optim.base_lr == 1e-4


def test_a_date_and_a_number_are_names_too():
    assert load_config(None, ["train.save_dir=2024-13-01"]).train.save_dir == "2024-13-01"
    assert load_config(None, ["train.save_dir=2024"]).train.save_dir == "2024"


def test_base_is_relative_and_merged(tmp_path):
    write(tmp_path, "train:\n  epochs: 50\n  batch_size: 8\n", "base.yaml")
    config = load_config(write(tmp_path, "base: base.yaml\ntrain:\n  epochs: 60\n"))
    assert (config.train.epochs, config.train.batch_size) == (60, 8)


def test_overrides_come_last(tmp_path):
    path = write(tmp_path, "train:\n  epochs: 50\n")
    config = load_config(path, ["train.epochs=70", "optim.steps=[0, 40]", "optim.relative_lrs=[1, 0.1]", "optim.policy=steps"])
    assert config.train.epochs == 70 and config.optim.steps == (0.0, 40.0)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("optim:\n  bse_lr: 0.1\n", 2, ["optim.bse_lr", "did you mean 'optim.base_lr'"]),
        ("optim:\n  num_clips: 5\n", 2, ["did you mean 'test.num_clips'"]),
        ("train:\n  epochs: many\n", 2, ["train.epochs", "'many'"]),
        ("train:\n  epochs: 0\n", 2, ["train.epochs", "greater than or equal to 1"]),
        ("train:\n  epochs: 1\n  epochs: 2\n", 3, ["repeats"]),
        ("train:\n\tepochs: 1\n", 2, ["tab"]),
        ("train: [1\n", 2, ["not valid YAML"]),
        ("a: &a [1, 2]\nb: [*a, *a]\n", 2, ["alias *a; write the value out"]),
        ("train:\n  epochs: " + "[" * 20000 + "\n", 2, ["more than 20 values inside one another"]),
        ("train:\n  epochs: " + "9" * 5000 + "\n", 2, ["digits"]),
        ("base: 5\n", 1, ["base is 5; expected the name of a YAML file"]),
        ("data:\n  mean: [.nan, 0.45, 0.45]\n", 2, ["data.mean", "finite number"]),
        ("test:\n  num_crops: 2\n", 2, ["test.num_crops"]),
        ("test:\n  crop_px: 300\n", 1, ["crop_px 300 does not fit into a frame whose short side"]),
        ("data:\n  multi_label: true\n", 1, ["data.multi_label True and model.head.activation softmax contradict"]),
        (
            "data: {multi_label: true}\nmodel: {head: {activation: sigmoid}}\naugment: {label_smoothing: 0.1}\n",
            1,
            ["label_smoothing"],
        ),
        ("test:\n  num_clips: 100000000\n", 2, ["test.num_clips", "less than or equal to"]),
        ("\ndata:\n  num_frames: 30\n", 1, ["data.num_frames 30 is not divisible by model.alpha 8"]),
    ],
)
def test_errors_name_the_line(tmp_path, text, line, words):
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    message = str(error.value)
    assert "\n" not in message and all(word in message for word in words), message
    assert f"{path}:{line}:" in message or line == 1


def test_unknown_preset_suggests_one():
    with pytest.raises(ConfigError, match="did you mean 'slowfast'"):
        load_config("slowfst")


def test_base_cycle_is_an_error(tmp_path):
    write(tmp_path, "base: b.yaml\n", "a.yaml")
    write(tmp_path, "base: a.yaml\n", "b.yaml")
    with pytest.raises(ConfigError, match="leads back to itself"):
        load_config(tmp_path / "a.yaml")


@pytest.mark.parametrize("name", sorted(preset_paths()))
def test_every_preset_loads_and_round_trips(name, tmp_path):
    config = load_config(name)
    assert load_config(write(tmp_path, dump_config(config))) == config


def test_the_original_yaml_is_read(tmp_path):
    path = write(
        tmp_path,
        "MODEL:\n  num_classes: 12\n  num_frames: 32\n  alpha: 4\n  beta: 8\nTRAIN:\n  epoch: 5\n  min_size: 256\n  max_size: 300\n"
        "  warmup_epochs: 2\nTEST:\n  num_ensemble_views: 4\nINFER:\n  num_ensemble_views: 4\n",
    )
    config = load_config(path)
    assert (config.model.num_classes, config.model.alpha, config.train.epochs, config.test.num_clips) == (12, 4, 5, 4)
    assert config.data.short_side_px == (256, 300)


def test_the_original_yaml_is_refused_key_by_key(tmp_path):
    path = write(tmp_path, "MODEL:\n  num_classes: 12\nTEST:\n  num_ensemble_views: 4\nINFER:\n  num_ensemble_views: 2\n")
    with pytest.raises(ConfigError, match="contradicts 4 at .*c.yaml:4; both mean 'test.num_clips'"):
        load_config(path)
    with pytest.raises(ConfigError, match="c.yaml:3: 'TRAIN.typo' is not known"):
        load_config(write(tmp_path, "MODEL: {num_classes: 3}\nTRAIN:\n  typo: 4\n"))
