"""Fully convolutional testing equals one view where it must, and blocks of time equal the whole."""

import dataclasses

import numpy as np
import paddle
import pytest

from slowfast_paddle import checkpoint
from slowfast_paddle.app import build
from slowfast_paddle.app.dense import open_dense
from slowfast_paddle.app.predictor import Predictor
from slowfast_paddle.config.load import load_config
from slowfast_paddle.data.dense import TimeBlocks
from slowfast_paddle.data.protocol import get_protocol
from slowfast_paddle.data.sampling import ClipShape, clips, whole_video
from slowfast_paddle.errors import ConfigError, DecodeError
from tests.unit.app.test_predictor import SETTINGS, place  # noqa: F401

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def own_cache(place, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SLOWFAST_CACHE", str(place / "cache"))


@pytest.fixture(autouse=True, scope="module")
def lively(place):  # noqa: F811
    """The same network with branches that count: initial ones end in a scale of zero."""
    state, sidecar = checkpoint.load_state(place / "net"), checkpoint.load_sidecar(place / "net")
    sidecar = {key: sidecar[key] for key in ("config", "class_names", "protocol")}
    checkpoint.save(place / "lively", {k: v if v.any() else v + np.float32(0.5) for k, v in state.items()}, sidecar)


def predictor(place, views, *overrides):  # noqa: F811
    return Predictor(place / "lively", device="cpu", overrides=[f"test.views={views}", "test.compiled=false", *overrides])


@pytest.mark.parametrize("protocol", ["pyslowfast", "mmaction2", "pytorchvideo"])
@pytest.mark.parametrize("views", ["dense", "dense-time", "dense-space"])
def test_a_clip_long_video_of_crop_size_is_one_view(place, views, protocol):  # noqa: F811
    frames = RNG.integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
    grid = ("test.num_clips=1", "test.num_crops=1", f"test.protocol={protocol}")
    one, dense = predictor(place, "grid", *grid)(frames), predictor(place, views, *grid)(frames)
    np.testing.assert_allclose(dense.scores, one.scores, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("length", [3, 9, 15])
def test_a_short_video_is_filled_up_as_its_view(place, length):  # noqa: F811
    frames = RNG.integers(0, 256, (length, 32, 32, 3), dtype=np.uint8)
    one = predictor(place, "grid", "test.num_clips=1", "test.num_crops=1")(frames)
    np.testing.assert_allclose(predictor(place, "dense")(frames).scores, one.scores, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("views", ["dense", "dense-time"])
def test_blocks_equal_the_whole(place, views):  # noqa: F811
    frames = RNG.integers(0, 256, (200, 32, 44, 3), dtype=np.uint8)
    whole = predictor(place, views, "test.views_per_forward=100")
    blocks = predictor(place, views, "test.views_per_forward=10")
    cut = blocks.scorer.dense.reading.blocks
    assert cut.margin * cut.step >= cut.reach and len(list(cut.cut(23))) > 1
    expected, got = whole(frames), blocks(frames)
    rows = len(whole_video("pyslowfast", 200, 30.0, ClipShape(8, 2), 4)) // 4 - 1
    assert got.views == expected.views == (rows if views == "dense" else 3 * rows)
    np.testing.assert_allclose(got.scores, expected.scores, rtol=1e-4, atol=1e-6)


def test_files_compiled_and_broken(place):  # noqa: F811
    plain, compiled = predictor(place, "dense"), predictor(place, "dense", "test.compiled=true")
    one = plain(place / "a.mp4")
    np.testing.assert_allclose(compiled(place / "a.mp4").scores, one.scores, rtol=1e-4, atol=1e-6)
    assert compiled.scorer.dense.runner.compiled() and one.decoded == one.expected == 60
    with pytest.raises(DecodeError, match="broken.mp4"):
        plain(place / "broken.mp4")
    (place / "cut.mp4").write_bytes((place / "a.mp4").read_bytes()[:-600])
    assert [bool(result) for result in plain.batch([place / "cut.mp4", place / "a.mp4"])] in ([False, True], [True, True])


def test_places_nothing_else_reaches(place):  # noqa: F811
    """The reach that is computed from the network's description is the one that can be measured."""
    dense = predictor(place, "dense").scorer.dense
    clip = paddle.to_tensor(RNG.normal(size=(1, 3, 96, 32, 32)).astype("float32"))
    changed = clip.clone()
    changed[:, :, 48] = 9.0  # also a slow frame

    def rows(x):
        slow = paddle.index_select(x, paddle.arange(0, 96, 4), axis=2)
        with paddle.no_grad():
            return dense.network((slow, x)).numpy()[0]

    differs = np.flatnonzero(np.abs(rows(clip) - rows(changed)).max(axis=1) > 0)
    step, window, reach = dense.network.step, dense.network.window, dense.network.reach
    margin = -(-reach // step)
    assert differs.min() >= 48 // step - margin - window + 1 and differs.max() <= 48 // step + margin
    assert differs.max() - differs.min() + 1 >= 2 * margin + window - 2, "the reach is not larger than it must be"


def test_rows_are_kept_once():
    for places, longest in ((4, 8), (8, 8), (9, 8), (57, 16), (58, 12), (200, 40)):
        blocks = TimeBlocks(step=4, window=4, reach=10, longest=longest)
        kept = [row for _, _, first, last in blocks.cut(places) for row in range(first, last)]
        assert kept == list(range(places - 3))
        assert all(end - start <= longest for start, end, _, _ in blocks.cut(places))


@pytest.mark.parametrize("rule", ["pyslowfast", "mmaction2", "pytorchvideo", "paddle"])
def test_frames_of_a_whole_video(rule):
    shape = ClipShape(16, 4)
    for count in (5, 64, 70, 500, 3001):
        places = whole_video(rule, count, 30.0, shape, 4)
        assert len(places) % 4 == 0 and len(places) >= 16 and places.min() >= 0 and places.max() < count
        if count == 64:
            assert places.tolist() == clips(rule, count, 30.0, shape, 1)[0].tolist()
        if count >= 500:
            assert set(np.diff(places)[:-3]) <= {4, 5} and count - places.max() < 12


@pytest.mark.parametrize("name, message", [("x3d", "squeeze-excitation"), ("non_local", "non-local")])
def test_networks_that_look_at_the_whole_clip_are_refused(name, message):
    settings = ["model.architecture=x3d"] if name == "x3d" else ["model.non_local.blocks=[[[],[0],[],[]],[[],[],[],[]]]"]
    config = load_config({}, [*[s for s in SETTINGS if "alpha" not in s or name != "x3d"], *settings])
    network = build.build_model(config)
    network.eval()
    protocol = get_protocol("pyslowfast")
    with pytest.raises(ConfigError, match=message):
        open_dense(config, protocol, network, build.build_pack(config, network), gpu=False)


def test_settings_are_frozen(place):  # noqa: F811
    scorer = predictor(place, "dense").scorer
    assert dataclasses.replace(scorer, names=("a", "b", "c")).dense is scorer.dense
