"""Non-local blocks against a loop over all pairs."""

import numpy as np
import paddle
import pytest
from paddle import nn

from slowfast_paddle.layers.init import initialise
from slowfast_paddle.layers.non_local import NonLocal
from slowfast_paddle.models.spec import NonLocalSpec, NormSpec


def pairs(block: NonLocal, x: np.ndarray, kind: str) -> np.ndarray:
    """x [C, T, H, W] -> what the block adds before its normalisation, in plain numpy without pooling."""
    flat = x.reshape(len(x), -1)
    query, key, value = (
        part.weight.numpy()[:, :, 0, 0, 0] @ flat + part.bias.numpy()[:, None] for part in (block.theta, block.phi, block.g)
    )
    weights = query.T @ key
    if kind == "softmax":
        weights = np.exp(weights / np.sqrt(len(query)))
        weights /= weights.sum(1, keepdims=True)
    else:
        weights /= flat.shape[1]
    mixed = block.out.weight.numpy()[:, :, 0, 0, 0] @ (value @ weights.T) + block.out.bias.numpy()[:, None]
    return mixed.reshape(x.shape)


@pytest.mark.parametrize("kind", ["softmax", "dot_product"])
@pytest.mark.parametrize("groups", [1, 2])
def test_all_pairs_inside_a_group_of_frames(kind, groups):
    block = NonLocal(NonLocalSpec(4, 2, (1, 1, 1), groups, kind), NormSpec())
    block.eval()
    x = np.random.default_rng(0).standard_normal((2, 4, 4, 3, 2)).astype("float32")
    out = block(paddle.to_tensor(x)).numpy()
    scale = 1 / np.sqrt(1 + 1e-5)  # a fresh normalisation in evaluation
    for clip in range(2):
        for part in np.split(np.arange(4), groups):
            expected = x[clip][:, part] + scale * pairs(block, x[clip][:, part], kind)
            np.testing.assert_allclose(out[clip][:, part], expected, atol=1e-5)


def test_a_fresh_block_changes_nothing():
    block = NonLocal(NonLocalSpec(4, 2, (1, 1, 1), 1, "softmax"), NormSpec())
    initialise(nn.Sequential(block), zero_final_norm=True)
    x = paddle.randn([2, 4, 4, 3, 2])
    np.testing.assert_array_equal(block(x).numpy(), x.numpy())


def test_pooled_keys_change_the_size_of_nothing():
    block = NonLocal(NonLocalSpec(4, 2, (2, 2, 2), 1, "softmax"), NormSpec())
    assert block(paddle.zeros([1, 4, 4, 6, 5])).shape == [1, 4, 4, 6, 5]
