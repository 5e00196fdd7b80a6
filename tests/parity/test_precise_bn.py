"""Population statistics against fvcore's, and what must not be touched."""

import numpy as np
import paddle
import pytest
from paddle import nn

from slowfast_paddle.engine.precise_bn import update_bn_statistics

TOLERANCE = 1e-5


class Net(nn.Layer):
    """The reference network of the golden file."""

    def __init__(self, values):
        super().__init__()
        self.conv1 = nn.Conv3D(3, 4, 3, padding=1, bias_attr=False)
        self.bn1 = nn.BatchNorm3D(4)
        self.conv2 = nn.Conv3D(4, 5, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1), bias_attr=False)
        self.bn2 = nn.BatchNorm3D(5)
        self.frozen = nn.BatchNorm3D(5)
        for name, tensor in self.state_dict().items():
            tensor.set_value(values["param." + name.replace("._mean", ".running_mean").replace("._variance", ".running_var")])

    def forward(self, x):
        x = nn.functional.relu(self.bn1(self.conv1(x)))
        return self.frozen(nn.functional.relu(self.bn2(self.conv2(x))))


@pytest.fixture
def values(golden):
    return np.load(golden / "data/precise_bn.npz")


@pytest.fixture
def net(values):
    network = Net(values)
    network.train()
    network.frozen.eval()
    return network


@pytest.mark.parametrize(("count", "key"), [(4, "fvcore_update_bn_stats"), (3, "fvcore_first_3_batches")])
def test_statistics_of_fvcore(net, values, count, key):
    batches = [paddle.to_tensor(values[f"batch{i}"]) for i in range(count)]
    assert update_bn_statistics(net, batches, net) == count
    for layer in ("bn1", "bn2", "frozen"):
        np.testing.assert_allclose(getattr(net, layer)._mean.numpy(), values[f"{key}.{layer}.running_mean"], atol=TOLERANCE)
        np.testing.assert_allclose(getattr(net, layer)._variance.numpy(), values[f"{key}.{layer}.running_var"], atol=TOLERANCE)
    assert net.bn1.training
    assert not net.frozen.training


def test_outputs_before_and_after(net, values):
    batches = [paddle.to_tensor(values[f"batch{i}"]) for i in range(4)]
    np.testing.assert_allclose(net(batches[0]).numpy(), values["train_mode_output_of_batch0"], atol=TOLERANCE)
    update_bn_statistics(net, batches, net)
    net.eval()
    np.testing.assert_allclose(net(batches[0]).numpy(), values["eval_output_of_batch0_after_fvcore"], atol=2 * TOLERANCE)


def test_nothing_to_do_without_training_bn(net, values):
    net.eval()
    before = {name: value.numpy() for name, value in net.state_dict().items()}
    assert update_bn_statistics(net, [paddle.to_tensor(values["batch0"])], net) == 0
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
