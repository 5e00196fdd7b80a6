"""One process needs no launcher and no collectives; two are tested in tests/unit/engine/test_distributed.py."""

import numpy as np
import paddle
import pytest

from slowfast_paddle import distributed
from slowfast_paddle.errors import ConfigError


def test_one_process_is_alone():
    assert (distributed.rank(), distributed.world_size(), distributed.is_main()) == (0, 1, True)
    assert distributed.all_gather_object("x") == ["x"]
    assert distributed.broadcast_object(3) == 3
    assert distributed.mean(2.5) == 2.5
    np.testing.assert_array_equal(distributed.all_sum(np.arange(3.0)), np.arange(3.0))
    distributed.barrier()


def test_a_gpu_that_is_not_there():
    if paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ConfigError, match="sees no GPU"):
        distributed.init(use_gpu=True)
