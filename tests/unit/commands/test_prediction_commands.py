"""The commands around prediction, run on a tiny network and a generated video."""

import io
import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from slowfast_paddle import checkpoint
from slowfast_paddle.__main__ import main
from slowfast_paddle.app import build
from slowfast_paddle.cli import run_reporting_errors
from slowfast_paddle.config.load import load_config
from slowfast_paddle.export.program import GRAPH_SUFFIXES, Program
from slowfast_paddle.metrics.scores_file import StoredScores, load_scores, save_scores
from slowfast_paddle.models import registry
from tests.unit.app.test_predictor import SETTINGS, place  # noqa: F401


@pytest.fixture(autouse=True)
def own_cache(place, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SLOWFAST_CACHE", str(place / "cache"))


def test_score_and_report(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for name in "ab":
        scores = rng.dirichlet(np.ones(3), 20)
        save_scores(tmp_path / f"{name}.npz", StoredScores(tuple(f"v{i}.mp4" for i in range(20)), scores, np.arange(20) % 3))
    a, b = str(tmp_path / "a.npz"), str(tmp_path / "b.npz")
    outputs = ["--out", str(tmp_path / "f.json"), "--json", str(tmp_path / "m.json"), "--csv", str(tmp_path / "c.csv")]
    assert main(["score", a, "--fuse", b, "--weights", "2", "1", "--topk", "1", "2", *outputs]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[2].startswith("fused: top-1 ") and "top-2" in lines[2] and "(20 videos)" in lines[2]
    assert (
        len(load_scores(tmp_path / "f.json").videos) == 20
        and "mean_class" in json.loads((tmp_path / "m.json").read_text())["metrics"]
    )
    assert (tmp_path / "c.csv").read_text().splitlines()[0] == "index,class,videos,predicted,recall,precision"
    assert main(["score", a, "--weights", "1"]) == 2
    assert main(["report", str(tmp_path / "f.json"), "--out", str(tmp_path / "r.html")]) == 0
    assert "Most uncertain videos" in (tmp_path / "r.html").read_text()


def test_report_shows_frames(place, tmp_path):  # noqa: F811
    reading = {"num_frames": 8, "sampling_rate": 2, "num_clips": 2, "short_side_px": 32, "crop_px": 32}
    stored = StoredScores(
        ("a.mp4", "broken.mp4"), np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([0, 0]), ("x", "y"), {"reading": reading}
    )
    save_scores(tmp_path / "s.npz", stored)
    assert main(["report", str(tmp_path / "s.npz"), "--videos", str(place)]) == 0
    assert (tmp_path / "s.html").read_text().count("data:image/jpeg") == 2  # once as worst, once as uncertain


def test_extract_gives_each_video_its_file(place, tmp_path):  # noqa: F811
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "a.mp4").write_bytes((place / "a.mp4").read_bytes())
    videos = [str(place / "a.mp4"), str(tmp_path / "again" / "a.mp4")]
    assert main(["extract", str(place / "net"), "--input", *videos, "--out", str(tmp_path / "f")]) == 0
    first, second = (np.load(tmp_path / "f" / name)["features"] for name in ("a.npz", "a-2.npz"))
    assert np.array_equal(first, second) and len(first) >= 1


def test_extract_says_what_it_cannot_fetch_and_goes_on(place, tmp_path, capsys):  # noqa: F811
    videos = ["http://[bad/x", str(place / "a.mp4")]
    assert main(["extract", str(place / "net"), "--input", *videos, "--out", str(tmp_path)]) == 3
    assert "failed: http://[bad/x: cannot be fetched" in capsys.readouterr().out and (tmp_path / "a.npz").is_file()


def test_names_of_files_are_printed_whatever_they_hold(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    assert run_reporting_errors(lambda: print("\udcff.npz") or 0) == 0
    sys.stdout.flush()
    assert sys.stdout.buffer.getvalue() == b"\\udcff.npz\n"


@pytest.mark.parametrize("suffix", ["png", "mp4"])
def test_gradcam(place, tmp_path, suffix):  # noqa: F811
    out = tmp_path / f"cam.{suffix}"
    assert main(["gradcam", str(place / "net"), "--input", str(place / "a.mp4"), "--out", str(out), "--class", "sit"]) == 0
    if suffix == "png":  # frames of 32 px, drawn large enough to be seen, under a line of text each
        assert cv2.imread(str(out)).shape == (2 * (160 + 25), 6 * 160 + 5 * 4, 3)
    else:
        video = cv2.VideoCapture(str(out))
        assert (video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FRAME_HEIGHT)) == (2 * 160 + 4, 184)
    assert main(["gradcam", str(place / "net"), "--input", str(place / "a.mp4"), "--out", str(out), "--class", "none"]) == 2


def test_export(place, tmp_path, capsys):  # noqa: F811
    assert main(["export", str(place / "net"), "--out", str(tmp_path)]) == 0
    info = json.loads((tmp_path / "network.info.json").read_text())
    assert [given["name"] for given in info["inputs"]] == ["slow", "fast"] and info["class_names"] == ["run", "sit", "jump"]
    assert info["verified_difference"] < 1e-3 and "largest difference" in capsys.readouterr().out


PLUGIN = """
import paddle
from slowfast_paddle.models.registry import register_architecture

class Plain(paddle.nn.Layer):
    def __init__(self, classes):
        super().__init__()
        self.classifier = paddle.nn.Linear(3, classes)

    def forward(self, pathways):
        logits = self.classifier(pathways[0].mean([2, 3, 4]))
        return logits if self.training else logits.unsqueeze(1)

@register_architecture("plain")
def plain(config, num_frames, crop):
    return Plain(config.num_classes)
"""


def test_networks_of_a_plugin(place, tmp_path, capsys, monkeypatch):  # noqa: F811
    (tmp_path / "plain_net.py").write_text(PLUGIN)
    config = load_config({}, [*SETTINGS, "model.architecture=plain"])
    weights = {"classifier.weight": np.zeros((3, 3), np.float32), "classifier.bias": np.zeros(3, np.float32)}
    checkpoint.save(tmp_path / "net", weights, {"config": config.model_dump(mode="json")})
    commands = {
        "extract": ["--input", str(place / "a.mp4"), "--out", str(tmp_path / "f")],
        "gradcam": ["--input", str(place / "a.mp4"), "--out", str(tmp_path / "f.png")],
        "export": ["--out", str(tmp_path / "e")],
    }
    for command, flags in commands.items():
        assert main([command, str(tmp_path / "net"), *flags]) == 2
        assert "--plugin FILE.py" in capsys.readouterr().err
    for command, flags in commands.items():
        monkeypatch.setattr(registry, "_ARCHITECTURES", {})
        code = main([command, str(tmp_path / "net"), *flags, "--plugin", str(tmp_path / "plain_net.py")])
        error = capsys.readouterr().err
        assert (code == 0) if command == "export" else (code == 2 and "features(pathways)" in error), error


@pytest.mark.parametrize("command", ["extract", "gradcam"])
def test_action_detection_is_named(place, tmp_path, command, capsys):  # noqa: F811
    detector_checkpoint(tmp_path)
    assert main([command, str(tmp_path / "net"), "--input", str(place / "a.mp4"), "--out", str(tmp_path / "f.png")]) == 2
    assert "predict.py --boxes" in capsys.readouterr().err


def detector_checkpoint(folder, *settings):
    config = load_config({}, [*SETTINGS, "model.head.kind=roi", "model.head.activation=sigmoid", *settings])
    weights = {name: value.numpy() for name, value in build.build_model(config).state_dict().items()}
    facts = {"config": config.model_dump(mode="json"), "class_names": ["run", "sit", "jump"]}
    return checkpoint.save(folder / "net", weights, facts)


def test_export_of_action_detection_takes_boxes(tmp_path):
    """As many as one likes, each scored in its own clip."""
    detector_checkpoint(tmp_path)
    assert main(["export", str(tmp_path / "net"), "--out", str(tmp_path)]) == 0
    info = json.loads((tmp_path / "network.info.json").read_text())
    assert [given["name"] for given in info["inputs"]] == ["slow", "fast", "boxes", "boxes_num"]
    assert info["verified_difference"] < 1e-3 and info["output"] == "probabilities [boxes, classes]"
    program, noise = Program(tmp_path), np.random.default_rng(0)
    clips = [noise.standard_normal((2, *given["shape"][1:])).astype(np.float32) for given in info["inputs"][:2]]
    box = np.array([[4, 4, 28, 28]], np.float32)
    together = program([*clips, np.repeat(box, 5, axis=0), np.array([1, 4], np.int32)])
    alone = [program([*(clip[[i]] for clip in clips), box, np.array([1], np.int32)])[0] for i in range(2)]
    np.testing.assert_allclose(together, [alone[0], *[alone[1]] * 4], rtol=1e-4)
    assert np.abs(alone[0] - alone[1]).max() > 1e-3 * alone[0].max()


@pytest.mark.parametrize("aligned", ["true", "false"])
def test_boxes_belong_to_their_clips_in_onnx(tmp_path, aligned):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("paddle2onnx", reason="paddle2onnx is not installed")
    detector_checkpoint(tmp_path, f"model.head.roi_aligned={aligned}")
    assert main(["export", str(tmp_path / "net"), "--out", str(tmp_path), "--onnx"]) == 0
    session = runtime.InferenceSession(str(tmp_path / "network.onnx"), providers=["CPUExecutionProvider"])
    noise = np.random.default_rng(0)
    shapes = [given["shape"][1:] for given in json.loads((tmp_path / "network.info.json").read_text())["inputs"][:2]]
    clips = [noise.standard_normal((3, *shape)).astype(np.float32) for shape in shapes]
    boxes = np.array([[4, 4, 28, 28], [1, 2, 9, 30], [0, 0, 32, 32], [5, 7, 11, 13]], np.float32)
    for counts in ([1, 0, 3], [0, 4, 0], [4, 0, 0]):
        arrays = [*clips, boxes, np.array(counts, np.int32)]
        (scores,) = session.run(None, dict(zip(("slow", "fast", "boxes", "boxes_num"), arrays)))
        np.testing.assert_allclose(scores, Program(tmp_path)(arrays), rtol=1e-3, atol=1e-5)


def test_a_refused_export_changes_nothing(place, tmp_path, monkeypatch, capsys):  # noqa: F811
    assert main(["export", str(place / "net"), "--out", str(tmp_path)]) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr("slowfast_paddle.export.deploy.TOLERANCE", -1.0)
    assert main(["export", str(place / "net"), "--out", str(tmp_path), "--size", "40", "40"]) == 2
    assert "differs" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_export_leaves_no_graph_of_another_paddle(place, tmp_path):  # noqa: F811
    for suffix in GRAPH_SUFFIXES:
        (tmp_path / f"network{suffix}").write_text("old")
    assert main(["export", str(place / "net"), "--out", str(tmp_path)]) == 0
    (graph,) = (path for path in tmp_path.iterdir() if path.suffix in GRAPH_SUFFIXES and path.stem == "network")
    assert graph.read_bytes() != b"old"


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--out", "file"], "file: cannot be written"),
        (["--out", "file/inside"], "file/inside: cannot be written"),
        (["--size", "0", "32"], "--size 0 32: expected"),
        (["--size", "32", "-5"], "--size 32 -5: expected"),
        (["--size", "100000000", "100000000"], "do not fit into memory"),
    ],
)
def test_what_cannot_be_exported_is_one_line(place, tmp_path, monkeypatch, capsys, flags, message):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert main(["export", str(place / "net"), *flags]) == 2
    err = capsys.readouterr().err
    assert message in err and len(err.splitlines()) == 1


def test_an_export_to_a_full_disk_says_so(place, tmp_path, capsys):  # noqa: F811
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    try:
        assert main(["export", str(place / "net"), "--out", str(tmp_path)]) == 2
        assert "the disk is full" in capsys.readouterr().err and not list(tmp_path.iterdir())
    finally:
        subprocess.run(["umount", tmp_path], check=True)
