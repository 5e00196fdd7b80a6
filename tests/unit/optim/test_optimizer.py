"""Parameter groups, freezing and named optimizer state, against plain numpy arithmetic."""

import numpy as np
import paddle
import pytest
from paddle import nn

from slowfast_paddle.errors import CheckpointError, ConfigError
from slowfast_paddle.optim import optimizer as opt


def trainable(net):
    return [(name, p) for name, p in net.named_parameters() if not p.stop_gradient]


class Net(nn.Layer):
    def __init__(self):
        super().__init__()
        self.stems = nn.LayerList([nn.Conv3D(2, 3, 1, bias_attr=False)])
        self.bn = nn.BatchNorm3D(3)
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.bn(self.stems[0](x)).mean([2, 3, 4]))


def test_only_norm_scale_and_shift_escape_decay():
    net = Net()
    decays = {p.name: g["weight_decay"] for g in opt.parameter_groups(net, 0.1) for p in g["params"]}
    assert {name: decays[p.name] for name, p in trainable(net)} == {
        "stems.0.weight": 0.1,
        "bn.weight": 0.0,
        "bn.bias": 0.0,
        "head.weight": 0.1,
        "head.bias": 0.1,
    }


def test_nesterov_with_groups_equals_numpy():
    net = Net()
    rules = [opt.ParameterRule(r"head\..*", lr_scale=0.5)]
    optimizer = opt.build_optimizer("sgd", opt.parameter_groups(net, 0.1, rules=rules), lr=0.1)
    expected = {name: p.numpy().astype("float64") for name, p in trainable(net)}
    velocity = dict.fromkeys(expected, 0.0)
    for lr in (0.1, 0.05):
        optimizer.set_lr(lr)
        sum((p * 0.5).sum() for _, p in trainable(net)).backward()
        optimizer.step()
        for name in expected:
            decay = 0.0 if name.startswith("bn") else 0.1
            rate = lr * (0.5 if name.startswith("head") else 1.0)
            grad = 0.5 + decay * expected[name]
            velocity[name] = 0.9 * velocity[name] + grad
            expected[name] = expected[name] - rate * (grad + 0.9 * velocity[name])
        optimizer.clear_grad()
    for name, p in trainable(net):
        np.testing.assert_allclose(p.numpy(), expected[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_lars_scales_the_gradient_of_each_weight():
    net = Net()
    optimizer = opt.build_optimizer("lars", opt.parameter_groups(net, 0.1), lr=0.5, momentum=0.9, nesterov=False, trust=0.01)
    expected = {name: p.numpy().astype("float64") for name, p in trainable(net)}
    velocity = dict.fromkeys(expected, 0.0)
    for _ in range(2):
        sum((p * p).sum() if p.ndim > 1 else (p * 0.5).sum() for _, p in trainable(net)).backward()
        optimizer.step()
        for name, w in expected.items():
            if w.ndim > 1:
                size, slope = np.linalg.norm(w), np.linalg.norm(2 * w)
                grad = (2 * w + 0.1 * w) * 0.01 * size / (slope + 0.1 * size)
            else:
                grad = 0.5 + (0.0 if name.startswith("bn") else 0.1) * w
            velocity[name] = 0.9 * velocity[name] + grad
            expected[name] = w - 0.5 * velocity[name]
        optimizer.clear_grad()
    for name, p in trainable(net):
        np.testing.assert_allclose(p.numpy(), expected[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_lars_leaves_a_weight_without_gradient_alone():
    net = nn.Linear(2, 2, bias_attr=False)
    before = net.weight.numpy()
    optimizer = opt.build_optimizer("lars", opt.parameter_groups(net, 0.5), lr=1.0)
    (net.weight * 0.0).sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(net.weight.numpy(), before)


def test_adamw_decay_is_decoupled():
    net = nn.Linear(2, 2, bias_attr=False)
    before = net.weight.numpy()
    optimizer = opt.build_optimizer("adamw", opt.parameter_groups(net, 0.5), lr=0.1)
    (net.weight * 0.0).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(net.weight.numpy(), before * (1 - 0.1 * 0.5), rtol=1e-6)


def test_unknown_kind():
    with pytest.raises(ConfigError, match="rmsprop"):
        opt.build_optimizer("rmsprop", opt.parameter_groups(Net(), 0.0), lr=0.1)


def test_frozen_parts_and_their_statistics_stay():
    net = Net()
    assert opt.freeze(net, [r"stems\..*", r"bn\..*"]) == ["stems.0.weight", "bn.weight", "bn.bias"]
    mean = net.bn._mean.numpy().copy()
    net.train()
    net(paddle.randn([4, 2, 2, 2, 2])).sum().backward()
    np.testing.assert_array_equal(net.bn._mean.numpy(), mean)
    assert [p.name for g in opt.parameter_groups(net, 0.1) for p in g["params"]] == [net.head.weight.name, net.head.bias.name]
    with pytest.raises(ConfigError, match="nothing.*matches no parameter"):
        opt.freeze(net, ["nothing.*"])
    opt.freeze(net, [r"head\..*"])
    with pytest.raises(ConfigError, match="every parameter is frozen"):
        opt.parameter_groups(net, 0.1)


def test_layer_decay_depths():
    rules = opt.layer_decay_rules(0.5)
    assert {r.pattern: r.lr_scale for r in rules}[r"(stems|laterals\.0)\..*"] == 0.5**5
    assert rules[-1].lr_scale == 0.5  # res5, the stage right below the head


@pytest.mark.parametrize("kind", ["sgd", "lars", "adam", "adamw"])
def test_state_moves_to_a_network_with_other_internal_names(kind):
    x = paddle.randn([4, 2, 2, 2, 2])

    def steps(net, optimizer, count):
        for _ in range(count):
            net(x).square().mean().backward()
            optimizer.step()
            optimizer.clear_grad()

    first = Net()
    optimizer = opt.build_optimizer(kind, opt.parameter_groups(first, 0.1), lr=0.1)
    steps(first, optimizer, 2)
    second = Net()
    second.set_state_dict(first.state_dict())
    resumed = opt.build_optimizer(kind, opt.parameter_groups(second, 0.1), lr=0.1)
    opt.load_named_state(resumed, second, opt.named_state(optimizer, first))
    steps(first, optimizer, 2)
    steps(second, resumed, 2)
    for (name, a), b in zip(first.named_parameters(), second.parameters()):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=name)


def test_state_of_other_parameters_is_refused():
    net = Net()
    optimizer = opt.build_optimizer("sgd", opt.parameter_groups(net, 0.0), 0.1)
    with pytest.raises(CheckpointError, match="does not fit"):
        opt.load_named_state(optimizer, net, {"x": {"velocity_0": np.zeros(1)}})
