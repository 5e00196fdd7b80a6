"""The report is one file, loads nothing, escapes every name and copes with little data."""

import base64
import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from slowfast_paddle.errors import DataError
from slowfast_paddle.viz.report import (
    ClassRow,
    Confusion,
    Headline,
    Reliability,
    ReportContent,
    VideoCard,
    flatten,
    render_report,
    strip_image,
    write_report,
)

EVIL = '<script>alert("x")</script>\udcff'


def content(classes=3):
    names = [EVIL, *(f"class {i}" for i in range(1, classes))]
    frames = np.full((4, 24, 32, 3), 90, np.uint8)
    card = VideoCard(EVIL, names[1], ((names[0], 0.7), (names[1], 0.3)), False, "entropy 0.5", frames)
    bins = Reliability(np.array([0.0, 0.7]), np.array([0.0, 0.5]), np.array([0, 4]))
    return ReportContent(
        title=EVIL, subtitle="30 views", headlines=[Headline("Top-1", "50.00", "%", "hint")], class_measure="accuracy",
        classes=[ClassRow(n, 2, None if i else 0.5, EVIL) for i, n in enumerate(names)], class_names=names,
        confusion=np.eye(classes, dtype=int), pairs=[Confusion(names[0], names[1], 1, 2)], reliability=bins,
        worst=[card], uncertain=[replace(card, strip=None)], failed=[(EVIL, "no frame")], settings={"a": {"b": EVIL}},
    )  # fmt: skip


@pytest.mark.parametrize("classes", [2, 3, 60])
def test_self_contained_and_escaped(classes):
    page = render_report(content(classes))
    assert "<script" not in page and "&lt;script&gt;" in page
    assert not re.search(r'(src|href)="(?!data:)', page) and "@import" not in page and "url(" not in page
    assert page.count("<svg") == (2 if classes <= 40 else 1)


def test_little_data():
    page = render_report(
        replace(content(), classes=[], confusion=None, pairs=[], reliability=None, worst=[], uncertain=[], failed=[])
    )
    assert "<svg" not in page and "Failed" not in page and "Worst" not in page


def test_strip_keeps_colours():
    frames = np.zeros((3, 20, 20, 3), np.uint8)
    frames[..., 0] = 200
    data = base64.b64decode(strip_image(frames, height=40).split(",")[1])
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (40, 3 * 40 + 2 * 3, 3)
    assert image[20, 20, 2] > 180 and image[20, 20, 0] < 30


def test_flatten():
    rows = flatten({"a": 1, "b": {"c": [1, 2]}, "d": [{"e": None}]})
    assert rows == [("a", "1"), ("b.c", "1, 2"), ("d.0.e", "not set")]


def test_unwritable(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_report(tmp_path / "file" / "report.html", content())
