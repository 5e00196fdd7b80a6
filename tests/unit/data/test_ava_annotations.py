"""Boxes of annotation tools: to the AVA layout and back without loss."""

import json

import pytest

from slowfast_paddle.__main__ import main
from slowfast_paddle.data.ava_annotations import Annotation, Clock, read_ava, read_plain, write_ava, write_plain
from slowfast_paddle.data.ava_cvat import read_cvat, write_cvat
from slowfast_paddle.data.ava_json import read_coco, read_via, write_coco, write_via
from slowfast_paddle.errors import DataError

CLOCK, SIZE = Clock(fps=25.0, start_sec=10.0, first_frame=1), (640, 480)
SOME = [
    Annotation("v", 10.0, (0.1, 0.2, 0.5, 0.6), "run", 0),
    Annotation("v", 10.0, (0.1, 0.2, 0.5, 0.6), "wave", 0),
    Annotation("v", 11.0, (0.25, 0.25, 0.75, 1.0), "sit", 1),
]


def _rounded(annotations):
    return sorted((a.video, a.second, tuple(round(v, 4) for v in a.box), a.action, a.person) for a in annotations)


@pytest.mark.parametrize(
    "write, read",
    [
        (lambda p: write_cvat(p, SOME, CLOCK, SIZE), lambda p: read_cvat(p, CLOCK, "v")),
        (lambda p: write_coco(p, SOME, CLOCK, SIZE), lambda p: read_coco(p, CLOCK)),
        (lambda p: write_via(p, SOME, CLOCK, SIZE), lambda p: read_via(p, CLOCK, SIZE)),
        (lambda p: write_plain(p, SOME), lambda p: read_plain(p, CLOCK)),
    ],
)
def test_there_and_back(tmp_path, write, read):
    write(tmp_path / "file")
    assert _rounded(read(tmp_path / "file")) == _rounded(SOME)


def test_ava_there_and_back(tmp_path):
    assert write_ava(tmp_path, SOME) == {"run": 1, "sit": 1, "wave": 1}
    assert (tmp_path / "labels.csv").read_text().splitlines()[0] == "v,0010,0.100,0.200,0.500,0.600,1,0"
    assert _rounded(read_ava(tmp_path / "labels.csv", tmp_path / "label_map.pbtxt")) == _rounded(SOME)
    with pytest.raises(DataError, match="nothing to convert"):
        write_ava(tmp_path, [])


CVAT_VIDEO = """<annotations><meta><job><original_size><width>640</width><height>480</height></original_size>
<source>walk.mp4</source></job></meta>
<track id="4" label="run"><box frame="26" outside="0" xtl="64" ytl="48" xbr="320" ybr="240">
<attribute name="waves">true</attribute></box>
<box frame="27" outside="1" xtl="1" ytl="1" xbr="2" ybr="2"/></track></annotations>"""
CVAT_IMAGES = """<annotations><image id="0" name="clips/v_000026.jpg" width="640" height="480">
<box label="run" xtl="64" ytl="48" xbr="320" ybr="240"/></image></annotations>"""


def test_cvat_as_exported(tmp_path):
    (tmp_path / "a.xml").write_text(CVAT_VIDEO)
    (item,) = read_cvat(tmp_path / "a.xml", CLOCK)
    assert (item.video, item.second, item.action, item.person) == ("walk", 11.0, "waves", 4) and item.box == (0.1, 0.1, 0.5, 0.5)
    (tmp_path / "a.xml").write_text(CVAT_IMAGES)
    (item,) = read_cvat(tmp_path / "a.xml", CLOCK)
    assert (item.video, item.second, item.action) == ("v", 11.0, "run")


@pytest.mark.parametrize(
    "text, message",
    [
        ("not xml", "not an xml file"),
        ("<osm/>", "its root is <osm>"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><annotations/>", "declares entities"),
        (CVAT_VIDEO.replace('xbr="320"', 'xbr="30"'), "track 4 frame 26: box 64, 48, 30, 240 has no area"),
        (CVAT_VIDEO.replace('xbr="320"', 'xbr="3200"'), "does not fit a frame of 640 x 480 px"),
        (CVAT_IMAGES.replace("clips/v_000026.jpg", "picture.jpg"), "does not say its video and frame"),
    ],
)
def test_bad_cvat_is_named(tmp_path, text, message):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(DataError) as err:
        read_cvat(tmp_path / "a.xml", CLOCK)
    assert message in str(err.value)


@pytest.mark.parametrize(
    "text, message",
    [
        ("video,second,x1,y1\n", ":1: the header lacks x2, y2, action"),
        ("video,second,x1,y1,x2,y2,action\nv,1,0,0,one,1,run\n", ":2: a number is missing or malformed"),
        ("video,second,x1,y1,x2,y2,action\nv,1,0,0,1,1,\n", ":2: the video or the action is empty"),
        ("video,frame,x1,y1,x2,y2,action\nv,1,10,10,50,50,run\n", ":2: box 10, 10, 50, 50 does not fit"),
    ],
)
def test_bad_csv_is_named(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError) as err:
        read_plain(tmp_path / "a.csv", CLOCK)
    assert message in str(err.value)


def test_plain_csv_in_pixels_by_frame(tmp_path):
    (tmp_path / "a.csv").write_text("video,frame,x1,y1,x2,y2,action\nv,26,64,48,320,240,run\n")
    (item,) = read_plain(tmp_path / "a.csv", CLOCK, SIZE)
    assert item.second == 11.0 and item.box == (0.1, 0.1, 0.5, 0.5)


@pytest.mark.parametrize("content, message", [("[]", "holds a list"), ("{}", "not COCO-style"), ("{", "not a json file")])
def test_bad_json_is_named(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataError, match=message):
        read_coco(tmp_path / "a.json", CLOCK)


def test_coco_names_the_annotation(tmp_path):
    write_coco(tmp_path / "a.json", SOME, CLOCK, SIZE)
    content = json.loads((tmp_path / "a.json").read_text())
    content["annotations"][1]["category_id"] = 99
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="annotation 2: a field is missing or malformed"):
        read_coco(tmp_path / "a.json", CLOCK)
    with pytest.raises(DataError, match="does not store the size"):
        read_via(tmp_path / "a.json", CLOCK)


def test_the_command(tmp_path, capsys):
    write_plain(tmp_path / "a.csv", SOME)
    assert main(["data", "boxes", str(tmp_path / "a.csv"), str(tmp_path / "ava"), "--from", "csv"]) == 0
    assert "3 rows, 2 boxes, 1 videos" in capsys.readouterr().out
    labels = [str(tmp_path / "ava/labels.csv"), str(tmp_path / "b.json"), "--from", "ava", "--to", "coco"]
    assert main(["data", "boxes", *labels]) == 2
    assert "--labelmap" in capsys.readouterr().err
    assert (
        main(["data", "boxes", *labels, "--labelmap", f"{tmp_path}/ava/label_map.pbtxt", "--width", "640", "--height", "480"])
        == 0
    )
    assert _rounded(read_coco(tmp_path / "b.json", CLOCK)) == _rounded(SOME)
