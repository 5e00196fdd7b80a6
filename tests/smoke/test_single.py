"""Train, evaluate and predict in one process through the scripts a user runs."""

import json
import re

LINE = re.compile(r"eval: top-1 (\d+\.\d\d) top-5 (\d+\.\d\d) \((\d+) videos, (\d+) views\)")


def test_training_leaves_checkpoints_curves_and_configuration(work, trained):
    folder = work.folder / "quickstart/checkpoints"
    for epoch in range(3):
        for ending in (".pdparams", ".pdopt", ".json"):
            assert (folder / f"slowfast_epoch{epoch}{ending}").stat().st_size > 0
    sidecar = json.loads((folder / "slowfast_epoch2.json").read_text())
    assert sidecar["epoch"] == 2
    assert sidecar["class_names"] == ["forward once", "forward twice", "backward once", "backward twice"]
    assert sidecar["config"]["model"]["width"] == 8
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "train/loss" in line] == [1, 2, 3, 4, 5, 6]
    assert {"train/top1", "train/top5", "train/lr", "train/clips_per_sec"} <= lines[0].keys()
    assert any("val/top1" in line for line in lines)
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert list((folder / "vdl").iterdir())
    assert (folder / "config.yaml").is_file()
    assert "Traceback" not in trained.text


def test_evaluation_ends_with_its_line_and_writes_the_same(work, trained):
    ended = work.run("run_eval_single.sh", "--weights", "quickstart/checkpoints/slowfast_epoch2")
    assert ended.code == 0, ended.text
    top1, top5, videos, views = LINE.fullmatch(ended.out.splitlines()[-1]).groups()
    assert (videos, views, top5) == ("4", "30", "100.00"), "four classes: the top 5 holds all of them"
    written = json.loads((work.folder / "quickstart/results/eval.json").read_text())
    assert f"{written['top1']:.2f}" == top1


def test_prediction_writes_the_original_form(work, trained):
    video = "quickstart/data/val/00001.mp4"
    ended = work.run("run_infer_single.sh", "--weights", "quickstart/checkpoints/slowfast_epoch2.pdparams", "--input", video)
    assert ended.code == 0, ended.text
    (entry,) = json.loads((work.folder / "quickstart/results/result.json").read_text())
    assert entry["video_id"] == video
    assert entry["views"] == 30
    assert entry["top1_indices"] == entry["top5_indices"][0]
    assert entry["top1_values"] == entry["top5_values"][0]
    assert sorted(entry["top5_indices"]) == [0, 1, 2, 3], "four classes give four values"
    assert abs(sum(entry["top5_values"]) - 1) < 1e-4
    assert entry["top"][0]["name"] in ("forward once", "forward twice", "backward once", "backward twice")


def test_bad_input_is_one_line_and_code_2(work, trained):
    cases = {
        "did you mean": ("run_train_single.sh", "optim.bse_lr=0.1"),
        "missing.csv": ("run_train_single.sh", "data.train_list=missing.csv"),
        "no_such_weights": ("run_eval_single.sh", "--weights", "no_such_weights"),
        "alpha": ("run_train_single.sh", "data.num_frames=18"),
    }
    for expected, command in cases.items():
        if command[0] == "run_train_single.sh":
            command += ("--save_dir", "never_made")
        ended = work.run(*command)
        assert ended.code == 2, ended.text
        assert expected in ended.err
        assert "Traceback" not in ended.text
        assert len([line for line in ended.err.splitlines() if line.startswith("error: ")]) == 1
    again = work.run("run_train_single.sh")
    assert again.code == 2, "a second run into the same folder would mix two runs"
    assert "--resume" in again.err


def test_a_broken_video_fails_alone(work, trained):
    broken = work.folder / "broken.mp4"
    broken.write_bytes(b"not a video")
    listed = work.folder / "some.csv"
    listed.write_text("quickstart/data/val/00000.mp4,0\nbroken.mp4,1\n")
    ended = work.run("run_eval_single.sh", "--weights", "quickstart/checkpoints/slowfast_epoch2", "--list", "some.csv")
    assert ended.code == 3, ended.text
    (failed,) = json.loads((work.folder / "quickstart/results/eval.json").read_text())["failed"]
    assert failed["video_id"] == "broken.mp4"
    assert "(1 videos, 30 views" in ended.out.splitlines()[-1]
