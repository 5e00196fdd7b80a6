"""Stored scores survive a round trip bit for bit, and damaged or hostile files are refused in one line."""

import json
import os
import pickle

import numpy as np
import pytest

from slowfast_paddle.errors import DataError, SlowFastError
from slowfast_paddle.metrics.fuse import fuse
from slowfast_paddle.metrics.scores_file import SUFFIXES, StoredScores, load_scores, save_scores


def table(dtype=np.float32, multi=False, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.random((5, 3)).astype(dtype)
    labels = rng.integers(0, 2, (5, 3), dtype=np.uint8) if multi else np.array([0, 1, 2, 1, 0])
    videos = tuple(f"a b/ü{i}\udcff.mp4" for i in range(5))
    return StoredScores(videos, scores, labels, ("x", "y", "z"), {"protocol": "pyslowfast", "views": 30})


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("multi", [False, True])
def test_round_trip_is_exact(tmp_path, suffix, dtype, multi):
    stored = table(dtype, multi)
    path = tmp_path / f"s{suffix}"
    save_scores(path, stored)
    again = load_scores(path)
    assert again.videos == stored.videos and again.class_names == stored.class_names and again.stamp == stored.stamp
    assert np.array_equal(again.scores, stored.scores) and np.array_equal(again.labels, stored.labels)
    assert again.multi_label is multi
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_unlabelled_scores(tmp_path, suffix):
    stored = StoredScores(("v",), np.ones((1, 2), np.float32))
    save_scores(tmp_path / f"s{suffix}", stored)
    again = load_scores(tmp_path / f"s{suffix}")
    assert again.labels is None and again.names() == ("0", "1")


class Boom:
    def __reduce__(self):
        return os.system, ("touch hostile",)


def test_a_hostile_pickle_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.pkl").write_bytes(pickle.dumps({"format": 1, "videos": Boom()}))
    with pytest.raises(SlowFastError):
        load_scores(tmp_path / "s.pkl")
    np.savez(tmp_path / "s.npz", header=np.array([Boom()], dtype=object))
    with pytest.raises(DataError, match="s.npz"):
        load_scores(tmp_path / "s.npz")
    assert not (tmp_path / "hostile").exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"format": 1}', b"\x00\x01"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_files_are_named(tmp_path, suffix, content):
    path = tmp_path / f"s{suffix}"
    path.write_bytes(content)
    with pytest.raises(SlowFastError, match=f"s{suffix}"):
        load_scores(path)


def test_parts_that_disagree(tmp_path):
    with pytest.raises(DataError, match="twice"):
        StoredScores(("v", "v"), np.ones((2, 2)))
    with pytest.raises(DataError, match="finite"):
        StoredScores(("v", "w"), np.array([[1.0, 2.0], [np.nan, 1.0]]))
    with pytest.raises(DataError, match="expected 0..1"):
        StoredScores(("v",), np.ones((1, 2)), np.array([2]))
    with pytest.raises(DataError, match="class names"):
        StoredScores(("v",), np.ones((1, 2)), None, ("only",))
    with pytest.raises(DataError, match="no such score file"):
        load_scores(tmp_path / "none.npz")
    with pytest.raises(DataError, match="suffix"):
        save_scores(tmp_path / "s.txt", table())
    path = tmp_path / "s.json"
    path.write_text(json.dumps({"format": 1, "videos": ["v"], "scores": [["a"]]}))
    with pytest.raises(DataError, match="wrong type"):
        load_scores(path)


def test_fusing_matches_by_name_and_weights():
    first, second = table(seed=0), table(seed=1)
    turned = StoredScores(second.videos[::-1], second.scores[::-1], second.labels[::-1], second.class_names)
    fused = fuse([first, turned], [3, 1])
    expected = 0.75 * first.scores.astype(np.float64) + 0.25 * second.scores.astype(np.float64)
    np.testing.assert_allclose(fused.scores, expected, rtol=0, atol=1e-15)
    assert np.array_equal(fused.labels, first.labels) and len(fused.stamp["fused"]) == 2


def test_fusing_refuses_what_does_not_match():
    first = table()
    other = StoredScores(first.videos[:4], first.scores[:4], first.labels[:4], first.class_names)
    with pytest.raises(DataError, match="different videos"):
        fuse([first, other], names=["a.npz", "b.npz"])
    with pytest.raises(DataError, match="class orders"):
        fuse([first, StoredScores(first.videos, first.scores, first.labels, ("y", "x", "z"))])
    with pytest.raises(DataError, match="disagree on the labels"):
        fuse([first, StoredScores(first.videos, first.scores, 2 - first.labels, first.class_names)])
    with pytest.raises(DataError, match="--weights"):
        fuse([first, first], [0.0, 0.0])
