"""Batches of changing size: nothing is read twice, ranks share each global batch, an epoch resumes at any step."""

import numpy as np
import pytest

from slowfast_paddle.data.kinetics import ClipDataset, ClipSize
from slowfast_paddle.data.loader import Loader, collate_clips
from slowfast_paddle.data.records import from_paths
from slowfast_paddle.data.sampler import TrainSampler
from slowfast_paddle.data.sampling import ClipShape
from slowfast_paddle.errors import DataError

SMALL, MIDDLE, LARGE = ClipSize(4, 4, 16), ClipSize(4, 4, 24), ClipSize(8, 2, 32)


def cycle(epoch):
    """The second epoch has larger clips only."""
    return [(4, SMALL), (2, MIDDLE), (1, MIDDLE)] if epoch == 0 else [(2, SMALL), (1, LARGE)]


def sampler(size=20, **changes):
    return TrainSampler(size, 1, seed=3, **({"cycle": cycle} | changes))


def test_batches_follow_the_cycle():
    batches = list(sampler().batches(0))
    assert [len(batch) for batch in batches] == [4, 2, 1, 4, 2, 1, 4, 2]  # 20 samples, nothing left over
    assert [batch[0].size for batch in batches[:4]] == [SMALL, MIDDLE, MIDDLE, SMALL]
    assert sampler().length(0) == 8 and sampler().length(1) == 13 == len(list(sampler().batches(1)))
    seen = [key.index for batch in batches for key in batch]
    assert len(set(seen)) == len(seen) == 20
    assert [len(b) for b in sampler(6).batches(0)] == [4, 2] and [len(b) for b in sampler(5).batches(0)] == [4]


def test_any_step_may_be_the_first():
    whole = list(sampler().batches(0))
    for step in range(len(whole)):
        assert list(sampler().batches(0, step)) == whole[step:]


def test_ranks_share_every_global_batch():
    both = [list(sampler(rank=rank, world_size=2).batches(0)) for rank in range(2)]
    assert [len(batch) for batch in both[0]] == [len(batch) for batch in both[1]] == [4, 2, 1]
    doubled = lambda epoch: [(2 * clips, size) for clips, size in cycle(epoch)]  # noqa: E731
    assert [a + b for a, b in zip(*both)] == list(sampler(cycle=doubled).batches(0))


def test_batches_for_statistics_have_full_size():
    batches = list(sampler().batches(1, full_size=True))
    assert len(batches) == 20 and {key.size for batch in batches for key in batch} == {LARGE}


def test_too_few_for_the_largest_batch():
    with pytest.raises(DataError, match="3 training videos do not fill one global batch of 4"):
        sampler(3).length(0)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_and_resuming_change_nothing(make_video, workers):
    paths = [str(make_video(f"v{i}.avi", 40 + i)) for i in range(9)]
    data = ClipDataset(from_paths(paths), ClipShape(8, 2), train=True, crop_px=32, short_side_px=(32, 40), seed=1)

    def digest(loader, epoch, step=0):
        loader.set_position(epoch, step)
        return [(batch["clip"].shape, batch["clip"].tobytes(), batch["index"].tolist()) for batch in loader]

    here = Loader(data, sampler(9), collate_clips)
    with Loader(data, sampler(9), collate_clips, num_workers=workers) as there:
        for epoch in (0, 1):
            whole = digest(here, epoch)
            assert digest(there, epoch) == whole
            assert digest(there, epoch, 2) == whole[2:]
        assert [shape for shape, _, _ in digest(there, 0)] == [(4, 4, 16, 16, 3), (2, 4, 24, 24, 3), (1, 4, 24, 24, 3)]
        full = [batch["clip"].shape for batch in there.full_size_batches(1)]
        assert full == [(1, 8, 32, 32, 3)] * 9
        assert digest(there, 1) == digest(here, 1), "the position is where it was"
    np.testing.assert_equal(len(there), 3)
