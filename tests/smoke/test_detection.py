"""Action detection from end to end: generate, check, train, evaluate, predict."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import eval as eval_script
import predict as predict_script
import train as train_script
from slowfast_paddle.__main__ import main
from slowfast_paddle.app import detection_demo
from slowfast_paddle.app.machine import Machine
from slowfast_paddle.checkpoint import load_state

CONFIG = """
model: {{architecture: slowfast, num_classes: 4, depth: 14, width: 8, alpha: 2, strides: [1, 2, 2, 1], dilations: [1, 1, 1, 2],
  head: {{kind: roi, activation: sigmoid}}}}
data: {{num_frames: 4, sampling_rate: 8, short_side_px: [32, 36], crop_px: 32, workers: 0}}
detection: {{label_map: {0}/label_map.pbtxt, train_labels: {0}/train.csv, val_labels: {0}/val.csv, val_boxes: [{0}/val_boxes.csv],
  train_videos: {0}/train, val_videos: {0}/val, start_sec: 0, test_short_sides_px: [32], demo_score: 0.0}}
optim: {{warmup_epochs: 0.5, base_batch_size: 4}}
train: {{epochs: 1, batch_size: 4, save_dir: {0}/run, precise_bn_batches: 0, visualdl: false}}
test: {{save_path: {0}/out}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("ava")
    for split, seed in (("train", 0), ("val", 1)):
        assert (
            main(["data", "ava-synthetic", str(place), "--split", split, "--videos", "2", "--scenes", "2", "--seed", str(seed)])
            == 0
        )
    (place / "c.yaml").write_text(CONFIG.format(place))
    assert train_script.main(["--config", f"{place}/c.yaml", "--use_gpu", "false"]) == 0
    return place


def test_evaluation_equals_the_standalone_map(folder, capsys):
    assert eval_script.main(["--config", f"{folder}/c.yaml", "--use_gpu", "false"]) == 0
    assert "eval: mAP@0.5IoU" in capsys.readouterr().out
    result = json.loads((folder / "out/eval.json").read_text())
    flags = [
        "--groundtruth",
        f"{folder}/val.csv",
        "--detections",
        f"{folder}/out/detections.csv",
        "--labelmap",
        f"{folder}/label_map.pbtxt",
    ]
    assert main(["ava-map", *flags, "--json", f"{folder}/alone.json"]) == 0
    assert json.loads((folder / "alone.json").read_text())["mAP"] == pytest.approx(result["mAP"], abs=1e-12)
    assert len((folder / "out/per_class.tsv").read_text().splitlines()) == 5


def test_the_demo(folder, capsys):
    video = ["--config", f"{folder}/c.yaml", "--use_gpu", "false", "--input", f"{folder}/val/val_000.mp4"]
    assert predict_script.main(video) == 2
    assert "give --boxes FILE" in capsys.readouterr().err
    assert predict_script.main([*video, "--boxes", f"{folder}/val_boxes.csv"]) == 0
    content = json.loads((folder / "out/result.json").read_text())
    assert [moment["second"] for moment in content["moments"]] == [1.0, 3.0]
    assert content["moments"][0]["boxes"][0]["labels"][0]["name"] in (
        "swings sideways",
        "swings up and down",
        "blinks",
        "keeps still",
    )
    assert (folder / "out/val_000_actions.mp4").stat().st_size > 1000


def test_the_demo_keeps_the_clock_of_the_box_file(folder, monkeypatch):
    """Boxes a second later in a video that begins a second later are the same boxes, drawn onto the same frames."""
    lines = [line.split(",") for line in (folder / "val_boxes.csv").read_text().splitlines()]
    later = [",".join([row[0], str(float(row[1]) + 1), *row[2:]]) for row in lines if row[1] != "second"]
    (folder / "later.csv").write_text("\n".join([",".join(row) for row in lines if row[1] == "second"] + later) + "\n")
    shown, found = [], []
    keep = lambda path, frames, fps, moments: shown.append([second for second, _ in frames]) or len(shown[-1])  # noqa: E731
    monkeypatch.setattr(detection_demo, "write_detection_video", keep)
    for boxes, start in (("val_boxes.csv", 0), ("later.csv", 1)):
        out = f"{folder}/from{start}"
        flags = ["--weights", f"{folder}/run/slowfast_epoch0", "--use_gpu", "false", "--save_path", out]
        video = ["--input", f"{folder}/val/val_000.mp4", "--boxes", f"{folder}/{boxes}", f"detection.start_sec={start}"]
        assert predict_script.main([*flags, *video]) == 0
        found.append(json.loads(Path(out, "result.json").read_text())["moments"])
    assert [moment["second"] + 1 for moment in found[0]] == [moment["second"] for moment in found[1]]
    assert [moment["boxes"] for moment in found[0]] == [moment["boxes"] for moment in found[1]]
    assert shown[0][0] == 0 and shown[1] == pytest.approx([second + 1 for second in shown[0]])


def test_the_demo_is_for_one_process_and_has_no_threshold(folder, capsys, monkeypatch):
    video = ["--config", f"{folder}/c.yaml", "--input", f"{folder}/val/val_000.mp4", "--boxes", f"{folder}/val_boxes.csv"]
    assert predict_script.main([*video, "--threshold", "0.5"]) == 2
    assert "detection.demo_score" in capsys.readouterr().err
    monkeypatch.setattr(detection_demo.machine, "start", lambda runtime: Machine(False, 1, 2))
    assert predict_script.main(video) == 2
    assert "without the launcher" in capsys.readouterr().err


def test_killed_and_resumed_ends_with_the_same_weights(folder):
    """SIGKILL in the second of three epochs; the run that goes on ends with the bits of the one that was never disturbed."""
    root = Path(__file__).resolve().parents[2]

    def command(name, *more):
        flags = ["--config", f"{folder}/c.yaml", "--use_gpu", "false", "--save_dir", f"{folder}/{name}"]
        return [sys.executable, str(root / "train.py"), *flags, "train.epochs=3", "train.log_every_steps=1", *more]

    environment = os.environ | {"OMP_NUM_THREADS": "1", "SLOWFAST_CPU_TUNING": "0"}
    run = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command("whole", "train.valid_every_epochs=0"), check=True, timeout=300, **run)
    process = subprocess.Popen(command("killed", "train.valid_every_epochs=1"), **run)
    end = time.monotonic() + 200
    while not (folder / "killed/slowfast_epoch0.json").exists():
        assert process.poll() is None and time.monotonic() < end, "no checkpoint"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "killed/slowfast_epoch2.pdparams").exists(), "killed too late for this test"
    subprocess.run(command("killed", "train.valid_every_epochs=0", "--resume", "true"), check=True, timeout=300, **run)
    one, other = (load_state(folder / name / "slowfast_epoch2") for name in ("whole", "killed"))
    assert one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one)
