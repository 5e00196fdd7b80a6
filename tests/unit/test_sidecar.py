"""A sidecar that says something no checkpoint says is one line with the file and the key."""

import json

import numpy as np
import pytest

from slowfast_paddle import checkpoint
from slowfast_paddle.errors import CheckpointError


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ([], "not a checkpoint sidecar .*expected a JSON object"),
        ({"config": []}, r"config: .*found \[\]; expected the configuration as an object"),
        ({"config": "slowfast_4x16_r50"}, "config: .*found 'slowfast_4x16_r50'"),
        ({"class_names": 5}, "class_names: .*found 5; expected a list with one name .or null. for each class"),
        ({"class_names": "abc"}, "class_names: .*found 'abc'"),
        ({"class_names": {"a": 0}}, "class_names: .*found {'a': 0}"),
        ({"class_names": ["a", 3]}, "class_names.1: .*found 3; expected a list with one name"),
        ({"protocol": "pyslowfast"}, "protocol: .*found 'pyslowfast'; expected an object such as"),
        ({"protocol": {"name": []}}, r"protocol.name: .*found \[\]; expected an object such as"),
        ({"epoch": "last"}, "epoch: .*found 'last'; expected the number of the epoch"),
        ({"sha256": 7}, "sha256: .*found 7; expected the SHA-256"),
    ],
)
def test_a_wrong_value_is_named(tmp_path, facts, message):
    (tmp_path / "c.json").write_text(json.dumps(facts))
    with pytest.raises(CheckpointError, match=f"c.json: {message}"):
        checkpoint.load_sidecar(tmp_path / "c")


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"metrics": ' + b"[" * 100_000])
def test_what_is_no_json_is_named(tmp_path, raw):
    (tmp_path / "c.json").write_bytes(raw)
    with pytest.raises(CheckpointError, match=r"c.json: not a checkpoint sidecar .*expected a JSON object"):
        checkpoint.load_sidecar(tmp_path / "c")


def test_a_folder_is_named(tmp_path):
    (tmp_path / "c.json").mkdir()
    with pytest.raises(CheckpointError, match=r"c.json: cannot be read \(Is a directory\)"):
        checkpoint.load_sidecar(tmp_path / "c")


def test_everything_else_comes_back_as_it_was_written(tmp_path):
    facts = {
        "config": {"model": {"depth": [50, 50]}},
        "class_names": ["a", None],
        "protocol": {"name": None, "mean": [0.45]},
        "epoch": None,
        "metrics": {"loss": float("inf")},
        "mine": {"a": [1, "ü"]},
    }
    checkpoint.save(tmp_path / "c", {"w": np.zeros(2, "f4")}, facts)
    read = checkpoint.load_sidecar(tmp_path / "c")
    assert read == {"format": 1, **facts, "sha256": checkpoint.sha256_of(tmp_path / "c.pdparams")}
    assert checkpoint.load_sidecar(tmp_path / "c.pdparams" / "below") == {}
    (tmp_path / "c.json").write_text('{"metrics": {"loss": NaN}}')
    assert np.isnan(checkpoint.load_sidecar(tmp_path / "c")["metrics"]["loss"])


def test_a_key_of_earlier_versions_is_dropped(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"config": {"data": {"kind": "video", "num_frames": 8}, "name": "x"}}))
    assert checkpoint.load_sidecar(tmp_path / "a") == {"config": {"data": {"num_frames": 8}, "name": "x"}}
