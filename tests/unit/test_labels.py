"""Shipped class names, and the errors of a user's own list."""

import pytest

from slowfast_paddle.errors import DataError
from slowfast_paddle.labels import class_names, known_for, shipped

SIZES = {
    "kinetics400": 400,
    "kinetics600": 600,
    "kinetics700": 700,
    "ssv2": 174,
    "ucf101": 101,
    "hmdb51": 51,
    "jester": 27,
    "ava": 80,
}


def test_sizes():
    assert {name: len(class_names(name)) for name in shipped()} == SIZES


def test_ava_names_sixty_of_eighty():
    names = class_names("ava", 80)
    assert sum(name is not None for name in names) == 60
    assert names[0] == "bend/bow (at the waist)" and names[1] is None


def test_only_certain_counts_are_known():
    assert known_for(400) == "kinetics400" and known_for(80, detection=True) == "ava"
    assert known_for(80) is None and known_for(101) is None


@pytest.mark.parametrize(
    ("text", "classes", "message"),
    [
        ("a\n\nb\n", None, ":2: an empty line"),
        ("a\nb\n", 3, "2 class names for 3"),
        ("1: a\n1: b\n", None, ":2: class 1 comes twice"),
        ("a\nb\na\n", None, "class 2 is called 'a' like class 0"),
        ("走\n跑\n".encode("gbk"), None, "names.txt:1: this text is not UTF-8; save the file as UTF-8"),
        ("走\n跑\n".encode("utf-16"), None, "names.txt:1: this text is not UTF-8"),
    ],
)
def test_errors(tmp_path, text, classes, message):
    path = tmp_path / "names.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=message):
        class_names(path, classes)


def test_a_file_saved_by_excel(tmp_path):
    path = tmp_path / "names.txt"
    path.write_bytes("走\r\n跑\r\n".encode("utf-8-sig"))
    assert class_names(path, 2) == ["走", "跑"]


def test_unknown_list():
    with pytest.raises(DataError, match="neither a file nor a shipped list"):
        class_names("kinetics500")
