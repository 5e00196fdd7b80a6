"""The CSV tables of an evaluation."""

import csv

import numpy as np

from slowfast_paddle.metrics.scores import Scores
from slowfast_paddle.metrics.scores_file import StoredScores, stored_scores
from slowfast_paddle.metrics.tables import write_confusion, write_per_class

SCORES = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.5, 0.4, 0.1]])


def rows(path):
    with open(path, newline="") as file:
        return list(csv.reader(file))


def test_single_labels(tmp_path):
    stored = StoredScores(tuple("abcd"), SCORES, np.array([0, 0, 1, 1]), ("run, fast", "sit", "jump"))
    write_per_class(tmp_path / "out/per_class.csv", stored)
    assert rows(tmp_path / "out/per_class.csv")[1:] == [
        ["0", "run, fast", "2", "3", "1.000000", "0.666667"],
        ["1", "sit", "2", "1", "0.500000", "1.000000"],
        ["2", "jump", "0", "0", "", ""],
    ]
    write_confusion(tmp_path / "c.csv", stored)
    assert rows(tmp_path / "c.csv") == [
        ["true \\ predicted", "run, fast", "sit", "jump"],
        ["run, fast", "2", "0", "0"],
        ["sit", "1", "1", "0"],
        ["jump", "0", "0", "0"],
    ]


def test_several_labels(tmp_path):
    labels = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 0]])
    write_per_class(tmp_path / "p.csv", StoredScores(tuple("abcd"), SCORES, labels))
    found = rows(tmp_path / "p.csv")
    assert found[0] == ["index", "class", "videos", "average_precision"]
    assert found[1] == ["0", "0", "2", "1.000000"] and found[3] == ["2", "2", "0", ""]


def test_a_video_listed_twice_gets_two_rows():
    count = np.ones(4, np.int32)
    scores = Scores(SCORES.astype(np.float32), np.array([0, 0, 1, 1]), count, count, count, ["", "", "", ""])
    assert stored_scores(scores, ["a.mp4", "b.mp4", "a.mp4", "a.mp4"]).videos == ("a.mp4", "b.mp4", "a.mp4 (2)", "a.mp4 (3)")
