"""Several processes, and processes that are killed."""

import json
import signal
import subprocess
import time

import pytest

from slowfast_paddle.checkpoint import damage, find_latest


def _wait_for(condition, process: subprocess.Popen, seconds: float = 200) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, f"ended early with code {process.returncode}"
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def _start(work, script: str, *arguments: str) -> subprocess.Popen:
    """Starts a script in a session of its own, so that a signal can reach all of its processes."""
    return subprocess.Popen(
        work.command(script, *arguments), cwd=work.folder, env=work.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def test_killed_and_resumed_ends_with_the_same_weights(work, trained, same_weights):
    folder = work.folder / "killed"
    process = _start(work, "run_train_single.sh", "--save_dir", "killed")
    metrics = folder / "metrics.jsonl"
    _wait_for(lambda: metrics.exists() and '"step": 3,' in metrics.read_text(), process)
    process.send_signal(signal.SIGKILL)  # the script replaces itself with Python, so this is Python, amid epoch 1
    process.wait()
    assert not (folder / "slowfast_epoch2.pdparams").exists(), "killed too late for this test"
    resumed = work.run("run_train_single.sh", "--save_dir", "killed", "--resume", "True")
    assert resumed.code == 0, resumed.text
    assert same_weights("killed/slowfast_epoch2", "quickstart/checkpoints/slowfast_epoch2")


@pytest.mark.parametrize("script", ["eval", "infer"])
def test_two_processes_give_the_numbers_of_one(work, trained, script):
    arguments = ["--weights", "quickstart/checkpoints/slowfast_epoch2"]
    if script == "infer":
        (work.folder / "infer.csv").write_text("".join(f"quickstart/data/val/0000{i}.mp4\n" for i in (2, 0, 3)))
        arguments.append("data.infer_list=infer.csv")
    outputs = []
    for kind in ("single", "multi"):
        ended = work.run(f"run_{script}_{kind}.sh", *arguments, "--save_path", kind)
        assert ended.code == 0, ended.text
        outputs.append([line for line in ended.out.splitlines() if line.startswith("eval: ")])
    assert outputs[0] == outputs[1]
    if script == "infer":
        results = [json.loads((work.folder / kind / "result.json").read_text()) for kind in ("single", "multi")]
        assert results[0] == results[1]


def test_training_on_two_processes_without_gpu(work):
    ended = work.run("run_train_multi.sh", "--save_dir", "multi", "train.epochs=1")
    assert ended.code == 0, ended.text
    assert "No GPU here: 2 processes" in ended.out
    assert (work.folder / "multi/slowfast_epoch0.pdparams").exists()


def test_stopped_by_a_signal_after_a_checkpoint(work):
    process = _start(work, "run_train_multi.sh", "--save_dir", "stopped", "train.epochs=1000", "train.valid_every_epochs=0")
    metrics = work.folder / "stopped/metrics.jsonl"
    _wait_for(lambda: metrics.exists() and '"step": 3,' in metrics.read_text(), process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=120) == 143
    newest = find_latest(work.folder / "stopped")
    assert newest is not None
    assert damage(newest) == ""


def test_bad_input_of_several_processes(work):
    ended = work.run("run_eval_multi.sh", "--weights", "no_such_weights")
    assert ended.code == 2, ended.text
    assert "no_such_weights" in ended.text
    assert "Traceback" not in ended.text


def test_a_broken_video_of_several_processes(work, trained):
    (work.folder / "one_bad.csv").write_text("quickstart/data/val/00000.mp4,0\nabsent.mp4,1\nquickstart/data/val/00002.mp4,2\n")
    weights = "quickstart/checkpoints/slowfast_epoch2"
    ended = work.run("run_eval_multi.sh", "--weights", weights, "--list", "one_bad.csv", "--save_path", "bad")
    assert ended.code == 3, ended.text
    written = json.loads((work.folder / "bad/eval.json").read_text())
    assert [video["video_id"] for video in written["failed"]] == ["absent.mp4"]
    assert written["videos_decoded"] == 2
