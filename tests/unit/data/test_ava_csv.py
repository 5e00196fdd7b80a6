"""AVA box files: every spelling that is read, every mistake that is named."""

import numpy as np
import pytest

from slowfast_paddle.data import ava_csv
from slowfast_paddle.errors import DataError
from slowfast_paddle.metrics.ava_map import Boxes, evaluate_ava


def _file(tmp_path, text):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    return path


def test_real_rows_round_trip_and_score_one_against_themselves(shared_data, tmp_path):
    source = shared_data / "ava_slice/ava_val_v2.2_slice.csv"
    table = ava_csv.read_labels(source)
    assert len(table) == 206
    copy = tmp_path / "copy.csv"
    ava_csv.write_labels(copy, table.videos, table.seconds, table.boxes, table.labels, table.persons)
    assert copy.read_text().split() == source.read_text().split()

    detections = tmp_path / "detections.csv"
    ava_csv.write_detections(detections, table.videos, table.seconds, table.boxes, table.labels, np.ones(len(table)))
    again = ava_csv.read_detections(detections)
    assert evaluate_ava(table, again, range(1, 81)).mean_ap == 1.0
    every_box = Boxes(table.images, table.boxes, table.labels, np.linspace(0, 1, len(table)))
    assert evaluate_ava(table, every_box, range(1, 81), rule="pyslowfast").mean_ap == 1.0


def test_the_same_second_in_every_spelling(tmp_path):
    table = ava_csv.read_labels(_file(tmp_path, "v,0902,0,0,1,1,3\nv,902,0,0,1,1,4\nv,902.0,0,0,1,1,5\nv,2.5,0,0,1,1,5\n\n"))
    assert table.images == ["v,0902"] * 3 + ["v,2.5"]
    assert table.persons is None
    assert table.lines.tolist() == [1, 2, 3, 4]


def test_written_numbers_are_read_back_exactly(tmp_path):
    rng = np.random.default_rng(0)
    low = rng.random((50, 2))
    boxes = np.concatenate([low, low + rng.random((50, 2)) + 0.001], axis=1)
    scores = rng.random(50).astype(np.float32)
    path = tmp_path / "detections.csv"
    ava_csv.write_detections(path, ["a"] * 50, range(50), boxes, range(50), scores)
    again = ava_csv.read_detections(path)
    assert (again.boxes == boxes).all() and (again.scores == scores).all()


def test_person_boxes_need_no_class(tmp_path):
    table = ava_csv.read_boxes(_file(tmp_path, "v,1,0.1,0.2,0.3,0.4,,0.95\nv,1,0.1,0.2,0.3,0.4,7,0.85\n"))
    assert table.labels.tolist() == [ava_csv.NO_LABEL, 7]
    assert table.scores.tolist() == [0.95, 0.85]


@pytest.mark.parametrize(
    "row, message",
    [
        ("v,2,0.1,0.2,0.3", "5 columns; expected video,second,x1,y1,x2,y2,class[,person]"),
        ("v,2,0.1,0.2,0.3,0.4,1,0", "8 columns"),
        ("v,two,0.1,0.2,0.3,0.4,1", "second (column 2) is 'two'"),
        (",2,0.1,0.2,0.3,0.4,1", "the video (column 1) is empty"),
        ("v,2,0.1,abc,0.3,0.4,1", "y1 (column 4) is 'abc'"),
        ("v,2,0.1,nan,0.3,0.4,1", "y1 (column 4) is 'nan'"),
        ("v,2,0.3,0.2,0.1,0.4,1", "has no area"),
        ("v,2,100,200,300,400,1", "is in pixels"),
        ("v,2,0.1,0.2,0.3,0.4,run", "class (column 7) is 'run'"),
        ("v,2,0.1,0.2,0.3,0.4,", "the class (column 7) is empty"),
    ],
)
def test_a_bad_ground_truth_row_is_named(tmp_path, row, message):
    path = _file(tmp_path, f"v,1,0.1,0.2,0.3,0.4,1\n\n{row}\n")
    with pytest.raises(DataError) as err:
        ava_csv.read_labels(path)
    assert str(err.value).startswith(f"{path}:3: ") and message in str(err.value)


@pytest.mark.parametrize("score", ["nan", "inf", "high", ""])
def test_a_bad_score_is_named(tmp_path, score):
    with pytest.raises(DataError, match=r"rows.csv:1: score \(column 8\)"):
        ava_csv.read_detections(_file(tmp_path, f"v,1,0.1,0.2,0.3,0.4,1,{score}\n"))


def test_person_column_of_the_file_as_found(shared_data):
    with pytest.raises(DataError, match=r"as_found.csv:16: person \(column 8\) is '3_'"):
        ava_csv.read_labels(shared_data / "ava_slice/ava_val_v2.2_slice_as_found.csv")


def test_a_missing_or_binary_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        ava_csv.read_labels(tmp_path / "none.csv")
    (tmp_path / "image.csv").write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match="not a text csv file"):
        ava_csv.read_labels(tmp_path / "image.csv")


def test_excluded(tmp_path):
    assert ava_csv.read_excluded(_file(tmp_path, "v,0902\nw,3\n")) == {"v,0902", "w,0003"}
    with pytest.raises(DataError, match="rows.csv:1: 3 columns"):
        ava_csv.read_excluded(_file(tmp_path, "v,0902,1\n"))
