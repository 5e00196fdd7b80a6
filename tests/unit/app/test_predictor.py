"""Predictor scores a video as evaluation does, from a file, a folder, an address or frames, in any thread."""

import dataclasses
import functools
import http.server
import io
import json
import shutil
import threading

import cv2
import numpy as np
import paddle
import pytest

from slowfast_paddle import checkpoint
from slowfast_paddle.app import build
from slowfast_paddle.app.predictor import Predictor
from slowfast_paddle.config.load import load_config
from slowfast_paddle.data.protocol import get_protocol
from slowfast_paddle.data.records import from_paths
from slowfast_paddle.engine.evaluator import evaluate
from slowfast_paddle.errors import CheckpointError, ConfigError, DataError, DecodeError
from slowfast_paddle.export.compile import CompiledNetwork
from slowfast_paddle.viz.video_file import VideoFile

SETTINGS = [
    "model.depth=14", "model.width=16", "model.alpha=4", "model.num_classes=3", "data.num_frames=8", "data.sampling_rate=2",
    "data.crop_px=32", "data.short_side_px=[32,40]", "test.short_side_px=32", "test.crop_px=32", "test.num_clips=2", "data.workers=0",
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictor")
    config = load_config({}, SETTINGS)
    paddle.seed(0)
    network = build.build_model(config)
    sidecar = {
        "config": config.model_dump(mode="json"),
        "class_names": ["run", "sit", "jump"],
        "protocol": {"name": "pyslowfast"},
    }
    checkpoint.save(folder / "net", {k: v.numpy() for k, v in network.state_dict().items()}, sidecar)
    rng = np.random.default_rng(0)
    with VideoFile(folder / "a.mp4", 30) as video:
        for i in range(60):
            frame = np.zeros((48, 64, 3), np.uint8)
            frame[10:30, i // 2 : i // 2 + 20] = rng.integers(0, 255, 3)
            video.add(frame)
    (folder / "broken.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="module")
def predictor(place):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLOWFAST_CACHE", str(place / "cache"))
        yield Predictor(place / "net", device="cpu")


def test_same_scores_as_evaluation(predictor, place):
    config = load_config({}, SETTINGS)
    prediction = predictor(place / "a.mp4")
    with build.test_loader(config, from_paths([str(place / "a.mp4")]), get_protocol("pyslowfast")) as loader:
        runner = CompiledNetwork(predictor.scorer.network, place / "cache")
        other = dataclasses.replace(predictor.scorer, runner=runner)
        scores = evaluate(other.score, loader, 1, 3)
    assert np.array_equal(scores.scores[0], prediction.scores) and prediction.scores.dtype == np.float32
    assert prediction.views == 6 and prediction.label in ("run", "sit", "jump") and abs(prediction.scores.sum() - 1) < 1e-6


def test_every_kind_of_input(predictor, place):
    expected = predictor(str(place / "a.mp4"))
    frames = []
    capture = cv2.VideoCapture(str(place / "a.mp4"))
    while (read := capture.read())[0]:
        frames.append(read[1][..., ::-1])
    (place / "folder").mkdir(exist_ok=True)
    for i, frame in enumerate(frames):
        cv2.imwrite(str(place / "folder" / f"img_{i + 1:05d}.png"), frame[..., ::-1])
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(place))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/a.mp4"
        remote = predictor(url)
        assert remote.video == url and np.array_equal(remote.scores, expected.scores)
        (lost,) = predictor.batch([url + ".none"])
        assert "cannot be fetched" in lost.error
    finally:
        server.shutdown()
        server.server_close()
    for video in (place / "folder", np.stack(frames)):
        np.testing.assert_allclose(predictor(video).scores, expected.scores, atol=0.02)  # another decoder's colours


def test_failures(predictor, place):
    with pytest.raises(DecodeError, match="broken.mp4"):
        predictor(place / "broken.mp4")
    results = list(predictor.batch([place / "broken.mp4", place / "a.mp4", place / "none.mp4"]))
    assert [bool(r) for r in results] == [False, True, False]
    with pytest.raises(DataError, match="uint8"):
        predictor(np.zeros((3, 4, 4, 3), np.float32))
    with pytest.raises(ConfigError, match="device"):
        Predictor(place / "net", device="tpu")
    with pytest.raises(ConfigError, match="2 names for 3 classes"):
        Predictor(place / "net", labels=["a", "b"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_names": ["run"]}, "net.json: class_names: 1 names for 3 classes"),
        ({"class_names": ["run", "sit", "jump", "fly"]}, "net.json: class_names: 4 names for 3 classes"),
        ({"config": {"model": {"num_classes": 10**6}}}, "net.pdparams: holds .* too few for model.num_classes 1000000"),
        ({"protocol": {"name": "nope"}}, "net.json: protocol 'nope' is unknown"),
        ({"sha256": "0" * 64}, "net.pdparams: damaged"),
    ],
)
def test_a_sidecar_that_contradicts_the_weights(place, tmp_path, change, message):
    for ending in (".pdparams", ".json"):
        shutil.copy(place / f"net{ending}", tmp_path)
    facts = json.loads((tmp_path / "net.json").read_text())
    (tmp_path / "net.json").write_text(json.dumps(facts | change))
    with pytest.raises(CheckpointError, match=message):
        Predictor(tmp_path / "net", device="cpu")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"top_k": 0}, "top_k is 0; expected a whole number above 0"),
        ({"top_k": 2.5}, "top_k is 2.5"),
        ({"top_k": "3"}, "top_k is '3'"),
        ({"labels": 5}, "labels are of type int"),
        ({"config": 5}, "config is of type int"),
    ],
)
def test_arguments_of_another_type(place, wrong, message):
    with pytest.raises(ConfigError, match=message):
        Predictor(place / "net", device="cpu", **wrong)


def views_of(place, views):
    return Predictor(place / "net", device="cpu", overrides=[f"test.views={views}", "test.compiled=false"])


@pytest.mark.parametrize("views", ["grid", "dense"])
def test_bytes_and_open_files_are_videos(place, views):
    predictor, path = views_of(place, views), place / "a.mp4"
    expected = predictor(path).scores
    content = path.read_bytes()
    with path.open("rb") as file:
        for video, name in ((content, f"{len(content)} bytes"), (io.BytesIO(content), "a BytesIO"), (file, str(path))):
            prediction = predictor(video)
            assert prediction.video == name and np.array_equal(prediction.scores, expected)
    assert predictor.timeline(content)[0].start_sec == 0
    with pytest.raises(DecodeError, match="^8 bytes: cannot be opened as a video"):
        predictor(b"no video")


@pytest.mark.parametrize("views", ["grid", "dense"])
def test_whatever_stands_among_videos_the_rest_goes_on(place, views):
    """Things of other types, addresses no one can ask for, wrong frames."""
    closed = io.BytesIO(b"x")
    closed.close()
    frames = np.zeros((4, 8, 8, 3), np.uint8)
    strange = [None, 0, list(frames), io.StringIO("text")]
    wrong = [closed, "http://[bad/x", "http://h/a b.mp4", np.zeros((4, 8, 8, 3)), np.array(5), "", "a" * 300, place / "\0"]
    *results, last = views_of(place, views).batch([*strange, *wrong, place / "a.mp4"])
    assert all(result.error and "\n" not in result.error for result in results) and not last.error
    assert all("is no video; expected a path, an http address, uint8 frames" in result.error for result in results[:4])


@pytest.mark.parametrize("fps", [0, -5, float("nan"), float("inf"), "30"])
def test_frame_rates_that_are_none(predictor, fps):
    with pytest.raises(DataError, match=f"fps is {fps!r}; expected frames a second"):
        predictor(np.zeros((4, 48, 48, 3), np.uint8), fps=fps)


def test_own_labels_and_fewer_views(place):
    other = Predictor(
        place / "net", labels=["a", "b", "c"], overrides=["test.num_clips=1", "test.num_crops=1", "test.compiled=false"], top_k=2
    )
    prediction = other(place / "a.mp4")
    assert prediction.views == 1 and len(prediction.top) == 2 and prediction.label in "abc"


def test_threads_agree(predictor, place):
    shutil.copy(place / "a.mp4", place / "b.mp4")
    expected, results = predictor(place / "a.mp4").scores, {}

    def work(name):
        results[name] = predictor(place / name).scores

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a.mp4", "b.mp4")]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert all(np.array_equal(results[name], expected) for name in ("a.mp4", "b.mp4"))


def test_timeline_and_features(predictor, place):
    segments = predictor.timeline(place / "a.mp4", stride_sec=0.5)
    assert segments and segments[0].start_sec == 0 and all(a.end_sec <= b.start_sec for a, b in zip(segments, segments[1:]))
    features = predictor.features(place / "a.mp4", stride_sec=0.5)
    assert (
        features.features.shape[1] == sum(x.shape[1] for x in predictor.scorer.network.features(tiny_pathways()))
        and features.fps == 30
    )
    features.save(place / "f.npz")
    with np.load(place / "f.npz") as stored:
        assert sorted(stored.files) == ["end_sec", "features", "fps", "start_sec", "stride_sec", "timestamps", "window_sec"]
        assert stored["timestamps"][1] - stored["timestamps"][0] == pytest.approx(0.5)


def tiny_pathways():
    return tuple(paddle.zeros([1, 3, t, 32, 32]) for t in (2, 8))
