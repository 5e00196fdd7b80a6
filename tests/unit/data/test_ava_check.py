"""check-ava: every reason for an mAP of 0 is named."""

import cv2
import numpy as np
import pytest

from slowfast_paddle.__main__ import main
from slowfast_paddle.data.ava_check import check_set
from slowfast_paddle.data.ava_set import AvaFiles

MAP = "1: run\n2: sit\n"


@pytest.fixture
def write(tmp_path):
    def _write(name, text):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return _write


def _texts(findings, level):
    return [finding.text for finding in findings if finding.level == level]


@pytest.mark.parametrize(
    "detections, message",
    [
        ("v.mp4,0002,0,0,1,1,1,0.9\n", "the video names differ: 'v' against 'v.mp4'"),
        ("v,0902,0,0,1,1,1,0.9\n", "the seconds differ: 'v,0002' against 'v,0902'"),
        ("v,0002,0,0,1,1,0,0.9\n", "class numbers seem to count from 0"),
        ("v,0002,0,0,1,1,1,nan\n", "score (column 8) is 'nan'"),
    ],
)
def test_reasons_for_zero(write, detections, message):
    files = AvaFiles(label_map=write("map.txt", MAP), labels=write("gt.csv", "v,0002,0,0,1,1,1\nv,0003,0,0,1,1,2\n"))
    findings = check_set(files, detections=write("det.csv", detections))
    assert any(message in text for text in _texts(findings, "error"))


def test_pixels_unknown_classes_and_empty_lists(write):
    files = AvaFiles(label_map=write("map.txt", MAP), labels=write("gt.csv", "v,1,10,10,50,50,1\n"))
    assert "is in pixels" in _texts(check_set(files), "error")[0]
    files = AvaFiles(label_map=write("map.txt", MAP), labels=write("gt.csv", "v,1,0,0,1,1,1\nv,1,0,0,1,1,9\n"))
    assert any("gt.csv:2: class 9 is not in the label map" in text for text in _texts(check_set(files), "warning"))


def test_missing_frames_and_wrong_seconds(write, tmp_path):
    for number in (1, 2, 3):
        (tmp_path / "frames/v").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / f"frames/v/v_{number:06d}.png"), np.zeros((8, 8, 3), np.uint8))
    lines = "".join(f"v 0 {n} v/v_{n + 1:06d}.png\n" for n in range(4))
    files = AvaFiles(
        label_map=write("map.txt", MAP),
        labels=write("gt.csv", "v,1,0,0,1,1,1\nw,1,0,0,1,1,1\n"),
        frames=str(tmp_path / "frames"),
        frame_lists=(write("list.csv", "original_vido_id video_id frame_id path labels\n" + lines),),
        frame_fps=1.0,
        start_sec=900.0,
    )
    errors = _texts(check_set(files), "error")
    assert any("v_000004.png: listed but missing, as are 1 of 4 frames of v" in text for text in errors)
    assert any("no frames or video file for w" in text for text in errors)
    assert any("cover 900 to 904.00" in text for text in _texts(check_set(files), "warning"))


def test_the_real_set_is_explained(shared_data, capsys):
    nest = shared_data / "ava_nest"
    code = main(
        ["check-ava", "--labels", f"{nest}/ava_train.csv", "--other-labels", f"{nest}/ava_val.csv"]
        + ["--labelmap", f"{nest}/action_list_as_found.pbtxt", "--boxes", f"{nest}/train_boxes.csv", "--frames", f"{nest}/frames"]
        + ["--frame-lists", f"{nest}/train_frame_list.csv", "--start-sec", "0"]
    )
    out = capsys.readouterr().out
    assert code == 0
    assert "class 1 (Incubation) is on every box" in out and "class 5 (Preening) follows the video" in out
    assert "frames cover 0 to 20.07; so do 8 keyframes" in out


def test_ava_map_command(golden, tmp_path, capsys):
    folder = golden / "data/ava_eval/s4_missing_classes"
    flags = ["--groundtruth", f"{folder}/groundtruth.csv", "--labelmap", f"{folder}/label_map.pbtxt"]
    code = main(
        [
            "ava-map",
            *flags,
            "--detections",
            f"{folder}/detections.csv",
            "--rule",
            "pyslowfast",
            "--json",
            str(tmp_path / "r.json"),
        ]
    )
    out = capsys.readouterr().out
    assert code == 0 and "rule=pyslowfast" in out and "detections without area: 2" in out
    assert '"rule": "pyslowfast"' in (tmp_path / "r.json").read_text()
    (tmp_path / "empty.csv").write_text("")
    assert main(["ava-map", *flags, "--detections", str(tmp_path / "empty.csv")]) == 2
    assert "empty.csv: holds no boxes" in capsys.readouterr().err
