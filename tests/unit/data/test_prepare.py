"""Lists from class folders and from tables."""

import pytest

from slowfast_paddle.data.prepare import Entry, from_class_folders, from_table, write_lists
from slowfast_paddle.data.records import read_records
from slowfast_paddle.errors import DataError


def test_class_folders_hold_out_the_same_share_of_every_class(tmp_path):
    for name, count in (("wave", 10), ("bow", 5)):
        (tmp_path / name).mkdir()
        for i in range(count):
            (tmp_path / name / f"{i}.mp4").touch()
    (tmp_path / "notes").mkdir()
    counts = write_lists(from_class_folders(tmp_path, held_out=0.2, seed=3), tmp_path / "lists")
    assert counts == {"train.csv": 12, "val.csv": 3, "labels.txt": 2}
    records = read_records(tmp_path / "lists" / "val.csv")
    assert sorted(records.label(i) for i in range(3)) == [0, 1, 1]
    assert (tmp_path / "lists" / "labels.txt").read_text() == "bow\nwave\n"


def test_a_table_is_filtered_and_split(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("path,class,split,core\na.mp4,x,train,1\nb.mp4,y,train,1\nc.mp4,x,test,0\nd.mp4,y,test,1\n")
    entries = from_table(table, "path", "class", "split", {"core": "1"})
    assert write_lists(entries, tmp_path / "out") == {"train.csv": 2, "test.csv": 1, "labels.txt": 2}
    assert (tmp_path / "out" / "test.csv").read_text() == f"{tmp_path / 'd.mp4'},1\n"


def fill(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_folders_of_splits_are_no_classes(tmp_path):
    fill(tmp_path, "Train/bow/1.mp4", "Train/wave/2.MTS", "Train/wave/3.vob", "validation/wave/4.asf", "validation/bow/5.ogv")
    entries = from_class_folders(tmp_path, None, 0)
    assert write_lists(entries, tmp_path / "out") == {"train.csv": 3, "val.csv": 2, "labels.txt": 2}
    assert (tmp_path / "out/val.csv").read_text() == f"{tmp_path}/validation/bow/5.ogv,0\n{tmp_path}/validation/wave/4.asf,1\n"
    with pytest.raises(DataError, match="Train, validation already tells which videos are held out; leave out --held_out 0.3"):
        from_class_folders(tmp_path, 0.3, 0)


def test_hidden_files_are_passed_over_and_others_named(tmp_path, caplog):
    fill(tmp_path, ".ipynb_checkpoints/a.mp4", *(f"{name}/{i}.mp4" for name in ("bow", "wave") for i in range(2)))
    fill(tmp_path, "bow/._junk.mp4", "bow/.cache/x.mp4", "bow/notes.docx", "wave/song.mp3")
    (tmp_path / "bow").rename(tmp_path / ".elsewhere")
    (tmp_path / "bow").symlink_to(tmp_path / ".elsewhere")
    entries = from_class_folders(tmp_path, None, 0)
    assert {entry.label for entry in entries} == {"bow", "wave"} and len(entries) == 4
    assert "2 files do not end as videos do and were left out: .docx (1), .mp3 (1)" in caplog.text


@pytest.mark.parametrize("share", [2, 20, -3, 0, 1, float("nan")])
def test_the_share_held_out_is_a_share(tmp_path, share):
    fill(tmp_path, *(f"{name}/{i}.mp4" for name in ("bow", "wave") for i in range(2)))
    with pytest.raises(DataError, match="--held_out .* is no share of the videos; expected a number between 0 and 1"):
        from_class_folders(tmp_path, share, 0)


def test_a_table_without_split_is_drawn_from(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("path,label\n" + "".join(f"{i}.mp4,{'xy'[i % 2]}\n" for i in range(10)))
    entries = from_table(table, "path", "label", None, {}, held_out=0.4, seed=1)
    assert write_lists(entries, tmp_path / "out") == {"val.csv": 4, "train.csv": 6, "labels.txt": 2}
    assert sorted(entry.label for entry in entries if entry.split == "val") == ["x", "x", "y", "y"]
    with pytest.raises(DataError, match="no column 'split'"):
        from_table(table, "path", "label", "split", {})


def test_numbers_stay_the_numbers_they_are(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("path,label,split\na.mp4,0,train\nb.mp4,10,train\nc.mp4,2.0,train\n")
    assert write_lists(from_table(table, "path", "label", None, {}), tmp_path / "out") == {"train.csv": 3}
    records = read_records(tmp_path / "out/train.csv")
    assert [records.label(i) for i in range(3)] == [0, 10, 2]
    assert not (tmp_path / "out/labels.txt").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,label,split\na.mp4,x\n", r"t\.csv:2: 'split' is ''; expected the name of a list, as train or val"),
        ("path,label,split\na.mp4,x,train\nb.mp4,y,\n", r"t\.csv:3: 'split' is ''"),
        ("path,label,split\na.mp4,x,../evil\n", r"t\.csv:2: 'split' is '\.\./evil'; expected the name of a list"),
        ("path,label,split\na.mp4,走,train\n".encode("gbk"), r"t\.csv:2: this text is not UTF-8; save the file as UTF-8"),
        ("path,label,split\na.mp4,走,train\n".encode("utf-16"), r"t\.csv:1: this text is not UTF-8"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, content, message):
    table = tmp_path / "t.csv"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message):
        from_table(table, "path", "label", None, {})


def test_a_table_from_excel(tmp_path):
    table = tmp_path / "t.csv"
    table.write_bytes("path,label,split\r\na.mp4,走 ,train\r\nb.mp4,跑,train\r\n".encode("utf-8-sig"))
    write_lists(from_table(table, "path", "label", None, {}), tmp_path / "out")
    assert (tmp_path / "out/labels.txt").read_text(encoding="utf-8") == "走\n跑\n"


def test_a_class_that_is_no_text_leaves_nothing_behind(tmp_path):
    entries = [Entry(tmp_path / "a.mp4", "b\udcff", "train"), Entry(tmp_path / "caf\udce9.mp4", "x", "train")]
    with pytest.raises(DataError, match=r"class name 'b\\udcff' is not one line of UTF-8; rename the class"):
        write_lists(entries, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    write_lists(entries[1:], tmp_path / "out")
    assert (tmp_path / "out/train.csv").read_bytes().endswith(b"/caf\xe9.mp4,0\n")


def test_errors_say_what_is_there(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("path,class,split\na.mp4,,train\n")
    with pytest.raises(DataError, match="t.csv:1: no column 'label'; the table has path, class, split"):
        from_table(table, "path", "label", "split", {})
    with pytest.raises(DataError, match="t.csv:2: a row needs both"):
        from_table(table, "path", "class", "split", {})
    with pytest.raises(DataError, match="expected one folder of videos per class, found 0"):
        from_class_folders(tmp_path, 0.2, 0)
