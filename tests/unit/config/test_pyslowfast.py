"""PySlowFast YAML files build the same network, reader, schedule and test; what cannot be mapped is said."""

import logging
from pathlib import Path

import pytest

from slowfast_paddle import cli
from slowfast_paddle.config.load import load_config, preset_paths
from slowfast_paddle.data.protocol import get_protocol
from slowfast_paddle.errors import ConfigError
from slowfast_paddle.models.registry import build_spec

FOLDER = Path(__file__).resolve().parents[2] / "pyslowfast_configs"
FILES = sorted(FOLDER.glob("*.yaml"))
# Files whose network is also a preset of this package, under another name where it differs.
PRESETS = {path.stem: path.stem for path in FILES} | {"slowfast_8x8_r50_stepwise": "slowfast_8x8_r50", "i3d_nln_8x8_r50": ""}


def spec(config):
    return build_spec(config.model, config.data.num_frames, config.data.crop_px)


def test_there_are_enough():
    assert len(FILES) >= 15


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_builds(path):
    config = load_config(path)
    network = spec(config)
    assert network.pathways[-1].frames == config.data.num_frames
    assert config.optim.base_batch_size == config.train.batch_size  # PySlowFast's rate belongs to its own batch


@pytest.mark.parametrize("path", [path for path in FILES if PRESETS[path.stem] in preset_paths()], ids=lambda path: path.stem)
def test_same_network_as_the_preset(path):
    ours, preset = spec(load_config(path)), spec(load_config(PRESETS[path.stem]))
    assert ours.pathways == preset.pathways and ours.laterals == preset.laterals
    assert ours.head.windows == preset.head.windows and ours.head.num_classes == preset.head.num_classes


def test_values():
    config = load_config(FOLDER / "slowfast_small_classes.yaml")
    assert config.model.num_classes == 12 and config.labels is None
    assert config.data.train_list == str(Path("lists", "train.csv")) and config.data.prefix == "videos"
    assert config.data.separator == "comma" and config.augment.mixup_alpha == 0.4
    ava = load_config(FOLDER / "ava_slowfast_32x2_r50.yaml")
    assert ava.model.head.kind == "roi" and ava.model.dilations == (1, 1, 1, 2) and ava.labels == "ava"
    shallow = load_config(FOLDER / "slowfast_4x16_r50.yaml", ["RESNET.DEPTH", "18", "RESNET.TRANS_FUNC", "basic_transform"])
    assert shallow.model.expansion == 4
    limited = load_config(FOLDER / "slowfast_16x8_r101_50_50.yaml")
    assert [b.temporal_kernel for b in spec(limited).pathways[0].stages[2].blocks] == [3] * 6 + [1] * 17
    steps = load_config(FOLDER / "slowfast_8x8_r50_stepwise.yaml").optim
    assert steps.policy == "steps" and steps.steps == (0, 94, 154, 196) and steps.relative_lrs == (1, 0.1, 0.01, 0.001)
    assert load_config(FOLDER / "slowfast_16x8_r50_ssv2.yaml").optim.relative_lrs == (1, 0.1, 0.01)  # of 6 in the file
    other = ["SOLVER.LARS_ON", "True", "SOLVER.CLIP_GRAD_VAL", "2", "BN.NORM_TYPE", "sync_batchnorm", "BN.GLOBAL_SYNC", "True"]
    lars = load_config(FOLDER / "slowfast_4x16_r50.yaml", other)
    assert (lars.optim.kind, lars.optim.clip_grad_value, lars.model.norm.kind) == ("lars", 2.0, "sync")
    with pytest.raises(ConfigError, match=r"SOLVER\.LARS_ON: True changes training"):
        load_config(FOLDER / "slowfast_4x16_r50.yaml", [*other, "SOLVER.OPTIMIZING_METHOD", "adamw"])
    ssv2 = load_config(FOLDER / "slowfast_16x8_r50_ssv2.yaml", ["TEST.NUM_ENSEMBLE_VIEWS", "10"])
    assert ssv2.data.frame_sampling == load_config("slowfast_16x8_r50_ssv2").data.frame_sampling == "segments"
    assert (ssv2.test.num_clips, ssv2.test.num_crops) == (1, 1)
    pooled = load_config(FOLDER / "c2d_nopool_8x8_r50.yaml")
    assert spec(pooled).pathways[0].stages[1].pool == 1


def test_lists_of_action_detection():
    path = FOLDER / "ava_slowfast_32x2_r50.yaml"
    found = load_config(path).detection
    assert (found.frames, found.train_frame_lists) == ("/data/ava/frames", ("/data/ava/lists/train.csv",))
    assert found.train_labels == "/data/ava/notes/ava_train_v2.2.csv" and found.val_labels == "/data/ava/notes/ava_val_v2.2.csv"
    assert found.train_boxes == ("/data/ava/notes/people/train.csv",)  # without the ground truth, which is named there again
    assert found.val_boxes == ("/data/ava/notes/people/val.csv",) and found.score_threshold == 0.8
    assert (found.start_sec, found.first_sec, found.last_sec, found.valid_every_sec) == (900, 902, 1798, 4)
    assert found.test_short_sides_px == (256,) and found.rule == "pyslowfast"
    other = load_config(path, ["AVA.FULL_TEST_ON_VAL", "True", "AVA.BGR", "True", "AVA.EXCLUSION_FILE", ""])
    assert other.detection.valid_every_sec is None and other.data.reverse_channels and other.detection.excluded == ""
    uneven = load_config(path, ["DATA.MEAN", "[0.4, 0.45, 0.5]"])  # its pictures are BGR when they are normalised
    assert uneven.data.mean == (0.5, 0.45, 0.4)
    for pair in (["AVA.TEST_FORCE_FLIP", "True"], ["AVA.TRAIN_GT_BOX_LISTS", "[a.csv, b.csv]"]):
        with pytest.raises(ConfigError, match=pair[0].replace(".", r"\.")):
            load_config(path, pair)


@pytest.mark.parametrize(
    ("name", "pairs", "side"),
    [
        ("slowfast_4x16_r50", ["TEST.NUM_SPATIAL_CROPS", "1", "DATA.TEST_CROP_SIZE", "224"], 256),
        ("slowfast_4x16_r50", ["DATA.TEST_CROP_SIZE", "224"], 224),
        ("slowfast_16x8_r50_ssv2", ["DATA.TEST_CROP_SIZE", "224"], 224),  # one crop too, but of frames
    ],
)
def test_one_crop_of_a_kinetics_video_lies_in_a_larger_frame(name, pairs, side):
    test = load_config(FOLDER / f"{name}.yaml", pairs).test
    assert (test.short_side_px, test.crop_px) == (side, 224)


@pytest.mark.parametrize(("validate", "save", "every"), [("10", "1", 1), ("10", "10", 10), ("6", "4", 2)])
def test_precise_statistics_wherever_it_evaluates_or_saves(validate, save, every):
    pairs = ["TRAIN.EVAL_PERIOD", validate, "TRAIN.CHECKPOINT_PERIOD", save]
    assert load_config(FOLDER / "slowfast_4x16_r50.yaml", pairs).train.precise_bn_every_epochs == every


@pytest.mark.parametrize(("switch", "alphas"), [("0", (0.8, 0.0)), ("1", (0.0, 1.0)), ("0.5", (0.8, 1.0))])
def test_mixup_cutmix_or_both(switch, alphas):
    pairs = ["MIXUP.ENABLE", "True", "MIXUP.SWITCH_PROB", switch]
    augment = load_config(FOLDER / "slowfast_4x16_r50.yaml", pairs).augment
    assert (augment.mixup_alpha, augment.cutmix_alpha) == alphas


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["MIXUP.ENABLE", "True", "MIXUP.PROB", "0.5"], r"^override 'MIXUP\.PROB 0\.5': .*expected 1"),
        (["MIXUP.ENABLE", "True", "MIXUP.SWITCH_PROB", "0.3"], r"SWITCH_PROB: 0\.3 .*expected 0 \(mixup\)"),
        (["DATA.SKIP_ROWS", "1"], r"SKIP_ROWS: 1 .*delete these lines from the lists"),
        (["MODEL.ARCH", "mvit"], r"ARCH: 'mvit' .*known are slowfast"),
        (["MODEL.MODEL_NAME", "MViT"], r"MODEL_NAME: 'MViT' .*expected 'SlowFast' or 'ResNet'"),
    ],
)
def test_what_has_no_counterpart_is_refused_with_what_has(pairs, message):
    with pytest.raises(ConfigError, match=message):
        load_config(FOLDER / "slowfast_4x16_r50.yaml", pairs)


def test_mixing_that_is_off_decides_nothing():
    assert load_config(FOLDER / "slowfast_4x16_r50.yaml", ["MIXUP.PROB", "0.5"]).augment.mixup_alpha == 0


def test_what_randaugment_does_otherwise_is_said(caplog):
    load_config(FOLDER / "slowfast_4x16_r50.yaml", ["AUG.ENABLE", "True"])
    assert "bilinearly, not bicubic as AUG.INTERPOLATION says" in caplog.text


@pytest.mark.parametrize(("clips", "said"), [("64", False), ("16", True)])
def test_the_long_cycle_chooses_the_norm(caplog, clips, said):
    """As PySlowFast, where a phase begins: what the file says is replaced."""
    pairs = ["BN.NORM_TYPE", "sync_batchnorm", "TRAIN.BATCH_SIZE", clips, "NUM_GPUS", "8"]
    assert load_config(FOLDER / "slowfast_8x8_r50_multigrid.yaml", pairs).model.norm.kind == "sub"
    assert ("BN sees the 2 clips of each process" in caplog.text) == said


def test_offset_sampling_and_many_tensor_adamw():
    pairs = ["DATA.USE_OFFSET_SAMPLING", "True", "SOLVER.OPTIMIZING_METHOD", "mt_adamw"]
    config = load_config(FOLDER / "slowfast_4x16_r50.yaml", pairs)
    assert config.optim.kind == "adamw" and get_protocol(config.test.protocol).clip_rule == "pyslowfast_offset"


def test_weights_to_start_from_are_named_with_the_commands(caplog):
    load_config(FOLDER / "slowfast_16x8_r50_charades.yaml")
    (line,) = [record.message for record in caplog.records if record.levelname == "WARNING" and "CHECKPOINT" in record.message]
    assert "convert SLOWFAST_8x8_R50.pkl SLOWFAST_8x8_R50.pdparams" in line and "--weights SLOWFAST_8x8_R50.pdparams" in line


def test_networks_and_readers_of_pytorchvideo():
    pairs = ["MODEL.MODEL_NAME", "PTVSlowFast", "TRAIN.DATASET", "ptvkinetics", "DATA.TEST_CROP_SIZE", "224"]
    config = load_config(FOLDER / "slowfast_8x8_r50.yaml", pairs)
    assert (config.test.protocol, config.test.short_side_px, config.labels) == ("pytorchvideo", 256, "kinetics400")
    assert spec(config).pathways == spec(load_config("slowfast_8x8_r50")).pathways
    x3d = load_config(FOLDER / "x3d_m.yaml", ["MODEL.MODEL_NAME", "PTVX3D"])
    assert x3d.model.x3d.shortcut_norm == "on_channel_change"
    with pytest.raises(ConfigError, match=r"TRAIN\.DATASET: 'ptvcharades' .*; known are kinetics, ssv2"):
        load_config(FOLDER / "slowfast_16x8_r50_charades.yaml", ["TRAIN.DATASET", "ptvcharades"])


def test_the_loss_decides_the_activation(tmp_path):
    """Files of early versions have no HEAD_ACT."""
    text = (FOLDER / "ava_slowfast_32x2_r50.yaml").read_text().replace("  HEAD_ACT: sigmoid\n", "")
    (tmp_path / "x.yaml").write_text(text)
    assert load_config(tmp_path / "x.yaml").model.head.activation == "sigmoid"


@pytest.mark.parametrize(
    "pairs",
    [
        ["MODEL.LOSS_FUNC", "bce_logit", "MODEL.HEAD_ACT", "sigmoid"],
        ["MODEL.LOSS_FUNC", "bce_logit", "MODEL.HEAD_ACT", "softmax"],
        ["MODEL.HEAD_ACT", "sigmoid"],
        ["DATA.MULTI_LABEL", "True"],
    ],
)
def test_a_loss_for_other_labels_is_refused(pairs):
    with pytest.raises(ConfigError, match="changes training and has no counterpart here; one label goes with"):
        load_config(FOLDER / "slowfast_4x16_r50.yaml", pairs)


def test_what_decides_nothing_is_listed_once(caplog):
    with caplog.at_level(logging.INFO):
        load_config(FOLDER / "slowfast_4x16_r50.yaml")
    (line,) = [record.message for record in caplog.records if "decide nothing" in record.message]
    assert "TEST.BATCH_SIZE" in line and "DATA_LOADER.PIN_MEMORY" in line


def test_scripts_list_it_before_the_run_knows_its_folder(capsys):
    args = cli.parse(cli.parser("", cli.TRAIN_KEYS), ["--config", str(FOLDER / "slowfast_4x16_r50.yaml"), "--print-config"])
    root = logging.getLogger("slowfast_paddle")
    before = root.handlers[:], root.level, root.propagate
    try:
        with pytest.raises(SystemExit):
            cli.resolve(args)
    finally:
        root.handlers[:], root.propagate = before[0], before[2]
        root.setLevel(before[1])
    out, err = capsys.readouterr()
    assert err.count("decide nothing here: TRAIN.AUTO_RESUME") == 1 and out.startswith("name:")


def test_overrides_in_their_style():
    config = load_config(FOLDER / "slowfast_4x16_r50.yaml", ["MODEL.NUM_CLASSES", "10", "SLOWFAST.ALPHA", "4", "data.workers=2"])
    assert (config.model.num_classes, config.model.alpha, config.data.workers) == (10, 4, 2)
    assert load_config(FOLDER / "slowfast_4x16_r50.yaml", ["DATA.PATH_LABEL_SEPARATOR", ","]).data.separator == "comma"
    with pytest.raises(ConfigError, match="has no value"):
        load_config(FOLDER / "slowfast_4x16_r50.yaml", ["MODEL.NUM_CLASSES"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("MODEL:\n  NUM_CLASES: 3\n", r"x\.yaml:2: 'MODEL\.NUM_CLASES'.*did you mean 'MODEL\.NUM_CLASSES'"),
        ("MODEL:\n  ARCH: mvit\n", r"x\.yaml:2: MODEL\.ARCH: 'mvit' changes the network"),
        ("RESNET:\n  STRIDE_1X1: True\n", "changes the network"),
        ("SOLVER:\n  DAMPENING: 0.1\n", r"x\.yaml:2: SOLVER\.DAMPENING: 0\.1 changes training and has no counterpart"),
        ("RESNET:\n  SPATIAL_STRIDES: [[1, 2], [2, 2], [2, 2], [2, 2]]\n", "changes the network"),
        ("MODEL:\n\tARCH: slow\n", r"x\.yaml:2: a tab"),
        ("MODEL:\n  ARCH: slow\nNONLOCAL:\n  LOCATION: [[[1, 2]]]\n", r"x\.yaml:4: NONLOCAL\.LOCATION: expected a value such"),
        ("SOLVER:\n  MAX_EPOCH: abc\n", r"x\.yaml:2: SOLVER\.MAX_EPOCH: expected a value such as 300, found 'abc'"),
        ("SOLVER:\n  BASE_LR: abc\n", r"x\.yaml:2: SOLVER\.BASE_LR: expected a value such as 0\.1, found 'abc'"),
        ("DATA:\n  MEAN: 0.45\n", r"x\.yaml:2: DATA\.MEAN: expected a value such as \[0\.45, 0\.45, 0\.45\], found 0\.45"),
        ("RESNET:\n  SPATIAL_STRIDES: [1, 2, 2, 2]\n", r"x\.yaml:2: RESNET\.SPATIAL_STRIDES: expected a value such as \[\[1\]"),
        ("DATA:\n  TRAIN_JITTER_SCALES: []\n", r"x\.yaml:2: DATA\.TRAIN_JITTER_SCALES: expected a value such as \[256, 320\]"),
        ("TRAIN:\n  EVAL_PERIOD: .inf\n", r"x\.yaml:2: TRAIN\.EVAL_PERIOD: expected a value such as 10"),
        ("SOLVER:\n  NESTEROV: 3\n", r"x\.yaml:2: SOLVER\.NESTEROV: expected a value such as True, found 3"),
        ("SOLVER:\n  MAX_EPOCH: 0\n", r"x\.yaml:2 \(SOLVER\.MAX_EPOCH\): train\.epochs: .*greater"),
        ("SOLVER:\n  BASE_LR: 0\n", r"x\.yaml:2 \(SOLVER\.BASE_LR\): optim\.base_lr: .*greater"),
        ("SOLVER:\n  OPTIMIZING_METHOD: lion\n", r"x\.yaml:2 \(SOLVER\.OPTIMIZING_METHOD\): optim\.kind"),
    ],
)
def test_errors_name_the_line(tmp_path, text, message):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("abc", r"^override 'SOLVER\.MAX_EPOCH abc': SOLVER\.MAX_EPOCH: expected"),
        ("0", r"^override 'SOLVER\.MAX_EPOCH 0' \(SOLVER\.MAX_EPOCH\): train\.epochs"),
    ],
)
def test_an_override_is_blamed_for_itself(value, message):
    with pytest.raises(ConfigError, match=message):
        load_config(FOLDER / "slowfast_4x16_r50.yaml", ["SOLVER.MAX_EPOCH", value])


@pytest.mark.parametrize(("value", "told"), [("0.1", False), ("1e-1", False), ("0.9", True)])
def test_deprecated_keys_are_reported_where_they_say_something_else(tmp_path, caplog, value, told):
    path = tmp_path / "x.yaml"
    path.write_text(f"BN:\n  MOMENTUM: {value}\nMODEL:\n  ARCH: slowonly\nDATA:\n  NUM_FRAMES: 8\n")
    assert load_config(path).model.architecture == "slow"
    assert ("'BN.MOMENTUM' is from an older version" in caplog.text) == told
