"""Files that are whole or absent, and weights that fit or are refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddle import nn

from slowfast_paddle import checkpoint
from slowfast_paddle.errors import CheckpointError


def arrays(value=0.0):
    return {"weight": np.full((3, 2), value, dtype=np.float32), "bias": np.zeros(2, dtype=np.float32)}


@pytest.mark.parametrize("ending", ["", ".pdparams"])
def test_round_trip_with_or_without_ending(tmp_path, ending):
    path = checkpoint.save(tmp_path / "v1.2_epoch3", arrays(), {"epoch": 3, "class_names": ["a"]}, {"step": 7})
    assert path.name == "v1.2_epoch3.pdparams"
    again = f"{tmp_path / 'v1.2_epoch3'}{ending}"
    np.testing.assert_array_equal(checkpoint.load_state(again)["weight"], arrays()["weight"])
    assert checkpoint.load_training_state(again) == {"step": 7}
    facts = checkpoint.load_sidecar(again)
    assert (facts["format"], facts["epoch"], facts["class_names"]) == (1, 3, ["a"])
    assert checkpoint.damage(again) == ""
    assert not list(tmp_path.glob(".*"))


def test_paddle_reads_ours_and_we_read_paddles(tmp_path):
    layer = nn.Linear(3, 2)
    checkpoint.save(tmp_path / "ours", {name: value.numpy() for name, value in layer.state_dict().items()}, {})
    other = nn.Linear(3, 2)
    other.set_state_dict(paddle.load(str(tmp_path / "ours.pdparams")))
    np.testing.assert_array_equal(other.weight.numpy(), layer.weight.numpy())
    paddle.save(layer.state_dict(), str(tmp_path / "theirs.pdparams"))
    third = nn.Linear(3, 2)
    checkpoint.load_weights(third, checkpoint.load_state(tmp_path / "theirs"))
    np.testing.assert_array_equal(third.weight.numpy(), layer.weight.numpy())


def test_weights_that_do_not_fit_change_nothing():
    layer = nn.Linear(3, 2)
    before = layer.weight.numpy().copy()
    wrong = {"weight": np.ones((4, 2), dtype=np.float32), "extra": np.ones(1)}
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load_weights(layer, wrong, "w.pdparams")
    message = str(caught.value)
    assert "1 missing (bias)" in message
    assert "1 unexpected (extra)" in message
    assert "weight [4, 2] instead of [3, 2]" in message
    np.testing.assert_array_equal(layer.weight.numpy(), before)


@pytest.mark.parametrize(
    ("name", "dtype", "value", "message"),
    [
        ("weight", "f4", np.nan, r"c.pdparams: weight holds nan \(1 of 6 values\); expected finite float32 numbers"),
        ("weight", "f2", -np.inf, "weight holds -inf"),
        ("weight", ">f8", 1e300, r"weight holds 1e\+300"),
        ("bn._variance", "f4", -1e-9, "bn._variance holds -1e-09 .*variances of 0 or more"),
    ],
)
def test_values_that_no_network_has_are_refused_by_tensor(tmp_path, name, dtype, value, message):
    content = {"weight": np.zeros((3, 2), dtype), "bn._variance": np.zeros(4, dtype), "none": np.zeros((0, 3), dtype)}
    checkpoint.save(tmp_path / "c", content, {})
    assert list(checkpoint.load_state(tmp_path / "c")) == list(content)
    content[name].flat[1] = value
    checkpoint.save(tmp_path / "c", content, {})
    with pytest.raises(CheckpointError, match=message):
        checkpoint.load_state(tmp_path / "c")


def test_weights_that_differ_from_their_sidecar_are_refused(tmp_path):
    path = checkpoint.save(tmp_path / "c", arrays(1.0), {})
    data = path.read_bytes()
    at = data.index(np.float32(1.0).tobytes())
    path.write_bytes(data[:at] + b"\1" + data[at + 1 :])
    with pytest.raises(CheckpointError, match=r'c.pdparams: damaged .*copy both again.* remove "sha256" from .*c.json'):
        checkpoint.load_state(path)
    for facts in ({}, {"sha256": None}):
        (tmp_path / "c.json").write_text(json.dumps(facts))
        assert checkpoint.load_state(path)["weight"][0, 0] > 1.0
    (tmp_path / "c.json").unlink()
    assert checkpoint.load_state(path)["weight"][0, 0] > 1.0


@pytest.mark.parametrize("dtype", ["?", "i8", "u2"])
def test_weights_of_another_kind_of_number_change_nothing(dtype):
    layer = nn.Linear(3, 2)
    before = layer.weight.numpy().copy()
    with pytest.raises(CheckpointError, match=r"w.pdparams: .*1 of another type \(weight \w+ instead of float32\)"):
        checkpoint.load_weights(layer, {"weight": np.ones((3, 2), dtype), "bias": np.ones(2, "f2")}, "w.pdparams")
    np.testing.assert_array_equal(layer.weight.numpy(), before)


@pytest.mark.parametrize("dtype", ["i8", "?"])
def test_a_network_with_integers_takes_them(tmp_path, dtype):
    layer = nn.Layer()
    layer.register_buffer("index", paddle.to_tensor(np.zeros(3, dtype)))
    checkpoint.save(tmp_path / "c", {"index": np.array([1, 0, 1], dtype)}, {})
    checkpoint.load_weights(layer, checkpoint.load_state(tmp_path / "c"))
    np.testing.assert_array_equal(layer.index.numpy(), np.array([1, 0, 1], dtype))


def test_the_newest_intact_checkpoint_is_found(tmp_path, caplog):
    for epoch, step in ((0, None), (1, None), (2, 5), (10, None)):
        name = f"slowfast_epoch{epoch}" + (f"_step{step}" if step else "")
        checkpoint.save(tmp_path / name, arrays(), {"epoch": epoch, "step": step}, {"epoch": epoch})
    assert checkpoint.find_latest(tmp_path).name == "slowfast_epoch10"
    data = (tmp_path / "slowfast_epoch10.pdparams").read_bytes()
    (tmp_path / "slowfast_epoch10.pdparams").write_bytes(data[:-10])
    assert checkpoint.find_latest(tmp_path).name == "slowfast_epoch2_step5"
    (tmp_path / "slowfast_epoch2_step5.json").write_text("{")
    (tmp_path / "slowfast_epoch1.pdopt").unlink()
    assert checkpoint.find_latest(tmp_path).name == "slowfast_epoch0"
    assert "damaged" in checkpoint.damage(tmp_path / "slowfast_epoch10")
    assert checkpoint.find_latest(tmp_path / "nothing") is None


def test_missing_and_strange_files_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no such weight file"):
        checkpoint.load_state(tmp_path / "none")
    with pytest.raises(CheckpointError, match="no such file; resuming needs it"):
        checkpoint.load_training_state(tmp_path / "none")
    assert checkpoint.load_sidecar(tmp_path / "none") == {}
    for strange in ([1, 2], np.array(["a", "b"]), np.array([1j])):
        checkpoint.save(tmp_path / "strange", {"weight": strange}, {})
        with pytest.raises(CheckpointError, match="weight is no array of real numbers"):
            checkpoint.load_state(tmp_path / "strange")
    for name in (7, b"weight"):
        checkpoint.save(tmp_path / "strange", {name: np.zeros(2, "f4")}, {})
        with pytest.raises(CheckpointError, match=f"{name} is no name"):
            checkpoint.load_state(tmp_path / "strange")


def test_an_interrupted_write_leaves_the_earlier_checkpoint(tmp_path, monkeypatch):
    checkpoint.save(tmp_path / "c", arrays(1.0), {"epoch": 0, "step": None}, {})

    def full(file):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match="No space left on device.*earlier checkpoints are untouched"):
        checkpoint.save(tmp_path / "c", arrays(2.0), {"epoch": 0, "step": None}, {})
    monkeypatch.undo()
    assert checkpoint.damage(tmp_path / "c") == ""
    assert checkpoint.load_state(tmp_path / "c")["weight"][0, 0] == 1.0
    assert not list(tmp_path.glob(".*"))


def test_what_a_killed_save_left_goes_with_the_next_one(tmp_path):
    save = (
        "import os, sys, time\nfrom pathlib import Path\nfrom slowfast_paddle.files import write_scratch\n"
        "def write(file):\n"
        "    file.write(b'half'); print('writing', flush=True); time.sleep(60)\n"
        "write_scratch(Path(sys.argv[1]), write)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", save, tmp_path / name], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
        for name in ("c.pdparams", "c.pdparams", "other.pdparams")
    ]
    try:
        for writer in writers:
            assert writer.stdout.readline() == b"writing\n"
        alive, *killed = writers
        for writer in killed:
            writer.kill()
            writer.wait()
        (tmp_path / f".c.pdparams.elsewhere.{killed[0].pid}.tmp").touch()  # the number is another process's there
        checkpoint.save(tmp_path / "c", arrays(), {})
        machine = os.uname().nodename
        assert {path.name for path in tmp_path.glob(".*")} == {
            f".c.pdparams.{machine}.{alive.pid}.tmp",
            f".c.pdparams.elsewhere.{killed[0].pid}.tmp",
            f".other.pdparams.{machine}.{killed[1].pid}.tmp",
        }
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
            writer.stdout.close()


def test_a_full_disk_keeps_the_previous_checkpoint(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    try:
        checkpoint.save(disk / "slowfast_epoch0", arrays(1.0), {"epoch": 0, "step": None}, {})
        with pytest.raises(CheckpointError, match="slowfast_epoch1.pdparams: cannot be written"):
            checkpoint.save(disk / "slowfast_epoch1", {"w": np.zeros(200_000, dtype=np.float32)}, {"epoch": 1, "step": None}, {})
        assert checkpoint.find_latest(disk).name == "slowfast_epoch0"
        assert sorted(path.suffix for path in disk.iterdir()) == [".json", ".pdopt", ".pdparams"]
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written"):
        checkpoint.save(tmp_path / "file" / "c", arrays(), {})


def test_a_read_only_folder_is_one_clear_line(tmp_path):
    if os.geteuid() == 0:
        folder = Path("/proc/slowfast")  # root ignores permissions; nobody may write here
    else:
        folder = tmp_path / "locked"
        folder.mkdir(mode=0o555)
    with pytest.raises(CheckpointError, match="cannot be written"):
        checkpoint.save(folder / "c", arrays(), {})


def test_removal_takes_the_whole_checkpoint(tmp_path):
    checkpoint.save(tmp_path / "c", arrays(), {"note": json.dumps({})}, {})
    checkpoint.remove(tmp_path / "c")
    assert not list(tmp_path.iterdir())
