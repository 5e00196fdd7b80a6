"""List files: every accepted form, every complaint."""

import os
import time
from pathlib import Path

import pytest

from slowfast_paddle.data.records import from_paths, read_records
from slowfast_paddle.errors import DataError


def write(tmp_path, text, name="train.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def entries(records):
    return [(records.path(i), records.label(i)) for i in range(len(records))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.mp4 3\nb.mp4 0\n", [("a.mp4", 3), ("b.mp4", 0)]),
        ("a.mp4,3\nb.mp4,0", [("a.mp4", 3), ("b.mp4", 0)]),
        ("a.mp4\t3\r\n\r\n  b.mp4   0\r\n", [("a.mp4", 3), ("b.mp4", 0)]),
        ("my dir/a b.mp4,3\n", [("my dir/a b.mp4", 3)]),
        ("my dir/a, b.mp4 3\n", [("my dir/a, b.mp4", 3)]),
        ('"a, b.mp4",3\n', [("a, b.mp4", 3)]),
        ("\ufeffa.mp4 3\n", [("a.mp4", 3)]),
        ("ünï/視頻.mp4 3\n", [("ünï/視頻.mp4", 3)]),
        ('"a b.mp4","3"\n', [("a b.mp4", 3)]),
        ('"a.mp4" "3"\n', [("a.mp4", 3)]),
        ("a.mp4,3.0\nb.mp4,0.\n", [("a.mp4", 3), ("b.mp4", 0)]),  # as pandas writes a column of floats
    ],
)
def test_forms(tmp_path, text, expected):
    assert entries(read_records(write(tmp_path, text))) == expected


def test_a_path_that_is_no_utf8_survives(tmp_path):
    named = os.fsencode(tmp_path) + b"/caf\xe9.mp4"
    Path(os.fsdecode(named)).touch()
    records = read_records(write(tmp_path, named + b" 1\n"))
    assert records.path(0).encode("utf-8", "surrogateescape") == named


@pytest.mark.parametrize("text", ["好.mp4 1\n坏.mp4 0\n", "好.mp4\n"])
@pytest.mark.parametrize(("encoding", "where"), [("gbk", r"train\.csv:1"), ("utf-16", r"train\.csv")])
def test_a_list_in_another_encoding_is_refused(tmp_path, text, encoding, where):
    with pytest.raises(DataError, match=where + ": this text is not UTF-8; save the file as UTF-8"):
        read_records(write(tmp_path, text.encode(encoding)), labelled=" " in text)


@pytest.mark.parametrize(("text", "separator"), [("a.mp4 1,5,7\nb.mp4 2\n", "auto"), ("a.mp4,1,5,7\nb.mp4,2\n", "auto")])
def test_several_labels(tmp_path, text, separator):
    records = read_records(write(tmp_path, text), multi_label=True, separator=separator, num_classes=8)
    assert entries(records) == [("a.mp4", (1, 5, 7)), ("b.mp4", (2,))]


def test_paths_only_may_hold_blanks_and_commas(tmp_path):
    records = read_records(write(tmp_path, "a b, 3.mp4\nc.mp4\n"), labelled=False)
    assert entries(records) == [("a b, 3.mp4", None), ("c.mp4", None)]


@pytest.mark.parametrize(
    "text",
    [
        "a b.mp4,0\nc.mp4,12\n",
        "a b.mp4 0\nc.mp4 12\n",
        '"a b.mp4","0"\nc.mp4,1\n',
        "a b.mp4,1,5\nc.mp4,2\n",
        "a b.mp4 1,5\nc.mp4 2\n",
    ],
)
def test_labels_are_skipped_where_paths_are_asked_for(tmp_path, text):
    records = read_records(write(tmp_path, text), labelled=False, num_classes=1)
    assert entries(records) == [("a b.mp4", None), ("c.mp4", None)]


def test_a_path_that_ends_in_a_number_is_no_labelled_line(tmp_path):
    for name in ("clip 1", "clip,2"):
        (tmp_path / name).mkdir()
    text = "clip 1\nclip,2\n"
    assert entries(read_records(write(tmp_path, text), labelled=False, prefix=str(tmp_path))) == [
        (str(tmp_path / "clip 1"), None),
        (str(tmp_path / "clip,2"), None),
    ]


def test_prefix(tmp_path):
    records = read_records(write(tmp_path, "a.mp4 1\n/abs/b.mp4 2\n"), prefix="/videos/")
    assert [records.path(i) for i in range(2)] == ["/videos/a.mp4", "/abs/b.mp4"]


def test_lines_are_remembered(tmp_path):
    records = read_records(write(tmp_path, "a.mp4 1\n\nb.mp4 2\n"))
    assert records.where(1) == f"{records.source}:3"
    assert records.select([1]).where(0) == records.where(1)
    assert entries(records.select([1])) == [("b.mp4", 2)]


def test_paths_given_directly():
    assert entries(from_paths(["x y.mp4"])) == [("x y.mp4", None)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the list is empty; expected `path label` a line"),
        ("\n \n", "the list is empty"),
        ("a.mp4\n", r"train.csv:1: no label in 'a.mp4'; expected `path label`"),
        ("a.mp4 1\nb.mp4 two\n", r"train.csv:2: label 'two' is not a class number; expected `path label`"),
        ("a.mp4,1\nb.mp4 2\n", r"train.csv:2: no label in 'b.mp4 2'; expected `path,label`"),
        ("a.mp4 -1\n", r"train.csv:1: label -1 is negative"),
        ("a.mp4 1\nb.mp4 4\n", r"train.csv:2: label 4 is out of range; the network has 4 classes, 0 to 3 \(model.num_classes\)"),
        (",1\n", r"train.csv:1: no path in ',1'"),
        (
            "/x/my videos/a.mp4,falling\n",
            r"train.csv:1: label 'falling' is not a class number; expected `path,label` .* data lists`",
        ),
        ("a.mp4,walking the dog\n", r"train.csv:1: label 'walking the dog' is not a class number; expected `path,label`"),
        ("a.mp4;3\n", r"train.csv:1: ';' separates path and label in 'a.mp4;3'; expected `path,label`"),
        ("/my videos/a.mp4，3\n", r"train.csv:1: '，' separates path and label"),
        ("/x/my videos/a.mp4\n", r"train.csv:1: no label in '/x/my videos/a.mp4'"),
        ("path,label\na.mp4,1\n", r"train.csv:1: 'path,label' looks like a header; remove this line"),
        ("video_id class\n", r"train.csv:1: 'video_id class' looks like a header"),
        ("a.mp4,1.5\n", r"train.csv:1: no label in 'a.mp4,1.5'"),
    ],
)
def test_complaints(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as error:
        read_records(write(tmp_path, text), num_classes=4)
    assert "\n" not in str(error.value)


def test_missing_list(tmp_path):
    with pytest.raises(DataError, match="no such file; expected a text file with `path label` a line"):
        read_records(tmp_path / "none.csv")
    with pytest.raises(DataError, match="cannot be read .*; expected a text file"):
        read_records(tmp_path)


def test_a_quarter_million_lines_load_quickly_in_little_memory(tmp_path):
    path = write(
        tmp_path, "".join(f"kinetics/train/some_class_name/video_{i:07d}_000010_000020.mp4 {i % 400}\n" for i in range(250_000))
    )
    started = time.process_time()
    records = read_records(path, num_classes=400)
    assert time.process_time() - started < 2.0  # 0.5 s alone on a machine; room for a busy one
    assert len(records) == 250_000 and records.label(249_999) == 249_999 % 400
    held = len(records.text) + sum(a.nbytes for a in (records.starts, records.lines, records.labels, records.label_starts))
    assert held < 30e6
