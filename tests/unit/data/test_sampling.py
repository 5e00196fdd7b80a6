"""One frame of each of T equal parts of a video, against numbers worked out by hand."""

import numpy as np
import pytest

from slowfast_paddle.config.load import load_config
from slowfast_paddle.data.kinetics import ClipDataset, Key, VideoViewsDataset
from slowfast_paddle.data.protocol import PROTOCOLS
from slowfast_paddle.data.records import from_paths
from slowfast_paddle.data.sampling import CLIP_RULES, ClipShape, centred_clip, clips, random_clip
from slowfast_paddle.errors import ConfigError
from slowfast_paddle.views import cut_views
from tests.unit.data.conftest import read_number


def segments(num_frames):
    return ClipShape(num_frames, 2, sampling="segments")


@pytest.mark.parametrize(
    ("count", "num", "middles", "bounds"),
    [
        (9, 4, [1, 3, 5, 7], [0, 2, 4, 6, 8]),
        (11, 4, [1, 3, 6, 9], [0, 2, 5, 8, 10]),  # 2.5 and 7.5 go to the even neighbour
        (2, 4, [0, 0, 0, 1], [0, 0, 0, 1, 1]),
        (1, 4, [0, 0, 0, 0], [0, 0, 0, 0, 0]),
    ],
)
def test_one_frame_of_each_part(count, num, middles, bounds):
    assert centred_clip(count, 30.0, segments(num)).tolist() == middles
    for rule in CLIP_RULES:
        assert clips(rule, count, 12.0, segments(num), 1).tolist() == [middles]
    drawn = np.stack([random_clip(count, 30.0, segments(num), np.random.default_rng(seed)) for seed in range(200)])
    assert drawn.min(axis=0).tolist() == bounds[:-1] and drawn.max(axis=0).tolist() == bounds[1:]


@pytest.mark.parametrize(("count", "last"), [(60, [57, 58]), (200, [194, 197])])
def test_a_clip_of_64_frames_reaches_from_end_to_end(count, last):
    clip = clips("pyslowfast", count, 30.0, segments(64), 1)[0]
    assert clip[-2:].tolist() == last and clip[0] <= 1 and np.all(np.diff(clip) >= 0)
    assert np.bincount(clip).max() <= 2


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_validation_and_every_protocol_read_the_same_segments(make_video, protocol):
    records, sizes = from_paths([str(make_video(count=41))]), {"crop_px": 32}
    item = VideoViewsDataset(records, segments(8), num_clips=1, num_crops=1, short_side_px=32, protocol=protocol, **sizes)[0]
    valid = ClipDataset(records, segments(8), train=False, short_side_px=(32, 32), **sizes)[Key(0, 0)]["clip"]
    expected = [2, 7, 12, 17, 22, 27, 32, 37]  # parts of 5 frames
    for clip in (cut_views(item, 0, 1)[0], valid):
        assert [read_number(frame) for frame in clip] == pytest.approx(expected, abs=1)
    train = ClipDataset(records, segments(8), train=True, short_side_px=(32, 32), **sizes)[Key(0, 0)]["clip"]
    drawn = np.array([read_number(frame) for frame in train])
    assert np.all(np.abs(drawn - np.array(expected)) <= 4) and drawn.tolist() != expected


@pytest.mark.parametrize("override", ["test.num_clips=2", "test.views=dense-time"])
def test_segments_are_one_clip(override):
    with pytest.raises(ConfigError, match="segments makes one clip of the whole video; set test.num_clips 1 and test.views grid"):
        load_config("slowfast_16x8_r50_ssv2", [override])
