"""Lists from class folders and from tables."""

import pytest

from slowfast_paddle.data.prepare import from_class_folders, from_table, write_lists
from slowfast_paddle.data.records import read_records
from slowfast_paddle.errors import DataError


def test_class_folders_hold_out_the_same_share_of_every_class(tmp_path):
    for name, count in (("wave", 10), ("bow", 5)):
        (tmp_path / name).mkdir()
        for i in range(count):
            (tmp_path / name / f"{i}.mp4").touch()
    (tmp_path / "notes").mkdir()
    counts = write_lists(from_class_folders(tmp_path, held_out=0.2, seed=3), tmp_path / "lists")
    assert counts == {"train": 12, "val": 3}
    records = read_records(tmp_path / "lists" / "val.csv")
    assert sorted(records.label(i) for i in range(3)) == [0, 1, 1]
    assert (tmp_path / "lists" / "labels.txt").read_text() == "bow\nwave\n"


def test_a_table_is_filtered_and_split(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("path,class,split,core\na.mp4,x,train,1\nb.mp4,y,train,1\nc.mp4,x,test,0\nd.mp4,y,test,1\n")
    entries = from_table(table, "path", "class", "split", {"core": "1"})
    assert write_lists(entries, tmp_path / "out") == {"train": 2, "test": 1}
    assert (tmp_path / "out" / "test.csv").read_text() == f"{tmp_path / 'd.mp4'},1\n"


def test_errors_say_what_is_there(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("path,class,split\na.mp4,,train\n")
    with pytest.raises(DataError, match="t.csv:1: no column 'label'; the table has path, class, split"):
        from_table(table, "path", "label", "split", {})
    with pytest.raises(DataError, match="t.csv:2: a row needs both"):
        from_table(table, "path", "class", "split", {})
    with pytest.raises(DataError, match="expected one folder of videos per class, found 0"):
        from_class_folders(tmp_path, 0.2, 0)
