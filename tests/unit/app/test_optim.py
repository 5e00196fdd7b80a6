"""Rules, rates and switches of the optimizer section, from the configuration to the optimizer."""

import pytest

from slowfast_paddle.app import build, machine
from slowfast_paddle.config.load import load_config
from slowfast_paddle.errors import ConfigError

SMALL = ["model.depth=14", "model.width=8", "model.alpha=4", "model.num_classes=4", "data.num_frames=8", "data.crop_px=32",
         "data.short_side_px=[36,40]"]  # fmt: skip


@pytest.fixture
def factors(monkeypatch):
    """(learning-rate factor, weight decay) by parameter name."""
    monkeypatch.setattr(build, "build_optimizer", lambda kind, groups, *rest: groups)

    def of(*overrides):
        config = load_config(None, [*SMALL, *overrides])
        network = build.build_model(config)
        names = {id(parameter): name for name, parameter in network.named_parameters()}
        found = build.optimizer(config, network, 0.1)
        return {names[id(p)]: (group["learning_rate"], group["weight_decay"]) for group in found for p in group["params"]}

    return of


def test_rules_by_name_change_rate_and_decay(factors):
    rules = r"optim.rules=[{pattern: '.*\.bias', decay_scale: 0}, {pattern: 'stems\..*', lr_scale: 0.5, decay_scale: 2}]"
    plain, ruled = factors(), factors(rules)
    assert plain["head.classifier.bias"] == (1.0, 1e-4)
    assert ruled["head.classifier.bias"] == (1.0, 0.0)
    assert ruled["stems.0.conv.weight"] == (0.5, 2e-4)
    assert ruled["stages.0.0.blocks.0.a.conv.weight"] == (1.0, 1e-4)


def test_a_rule_multiplies_with_the_other_factors(factors):
    found = factors(
        "optim.layer_decay=0.5",
        "optim.head_lr_scale=10",
        r"optim.rules=[{pattern: '.*', lr_scale: 7}, {pattern: '.*\.bias', decay_scale: 0}, {pattern: '.*conv\.weight', lr_scale: 3}]",
    )
    assert found["head.classifier.bias"] == (10.0, 0.0)
    assert found["stems.0.bn.bias"] == (0.5**5, 0.0)
    assert found["stems.0.conv.weight"] == (3 * 0.5**5, 1e-4)


def test_norms_may_decay_too(factors):
    assert factors()["stems.0.bn.weight"] == (1.0, 0.0)
    assert factors("optim.norm_weight_decay=1e-4")["stems.0.bn.weight"] == (1.0, 1e-4)


def test_a_rule_that_matches_nothing_is_refused(factors):
    with pytest.raises(ConfigError, match=r"optim.rules pattern 'stem.conv' matches no parameter; names look like stems.0"):
        factors('optim.rules=[{pattern: "stem.conv"}]')
    with pytest.raises(ConfigError, match="not a regular expression"):
        load_config(None, ['optim.rules=[{pattern: "("}]'])


def test_pyslowfast_names():
    config = load_config({"TRAIN": {"BATCH_SIZE": 8}, "BN": {"WEIGHT_DECAY": 0.01},
                          "SOLVER": {"ZERO_WD_1D_PARAM": True, "COSINE_AFTER_WARMUP": True}})  # fmt: skip
    assert config.optim.norm_weight_decay == 0.01 and config.optim.cosine_after_warmup
    assert config.optim.rules[0].decay_scale == 0.0


def test_the_policy_follows_the_section():
    base = ["train.epochs=10", "optim.warmup_epochs=2", "optim.warmup_start_lr=0.01", "train.batch_size=64"]
    reach, multiply, late = (
        build.lr_policy(load_config(None, [*base, *more]))
        for more in ([], ["optim.warmup=multiply", "optim.by_epoch=true"], ["optim.cosine_after_warmup=true"])
    )
    assert reach.at(0) == multiply.at(0) == pytest.approx(0.01)
    assert late.at(2) == pytest.approx(0.1) and reach.at(2) < 0.1
    assert multiply.at(5) == multiply.at(5.9) == pytest.approx(reach.at(5)) and reach.at(5.9) < reach.at(5)


def test_deterministic_sets_what_paddle_offers(monkeypatch):
    flags = {}
    monkeypatch.setattr(machine.paddle, "set_flags", flags.update)
    gpu, cpu = machine.Machine(True, 0, 1), machine.Machine(False, 0, 1)
    machine.compute_deterministically(load_config(None), cpu)
    assert not flags, "the flags do not exist in CPU builds"
    machine.compute_deterministically(load_config(None), gpu)
    assert flags["FLAGS_cudnn_deterministic"] and not flags["FLAGS_cudnn_exhaustive_search"]
    with pytest.raises(ConfigError, match="RoIAlign"):
        machine.compute_deterministically(load_config("slowfast_32x2_r50_short"), gpu)
