"""PySlowFast's lists of frames: Charades with labels of frames, Something-Something with labels in json files."""

import json

import numpy as np
import pytest

from slowfast_paddle.data.kinetics import ClipDataset, Key, VideoViewsDataset
from slowfast_paddle.data.records import read_records
from slowfast_paddle.data.sampling import ClipShape
from slowfast_paddle.errors import DataError
from slowfast_paddle.views import cut_views
from tests.unit.data.conftest import read_number

HEADER = "original_vido_id video_id frame_id path labels\n"


def lines(video, number, labels):
    return "".join(f'{video} {number} {i} {video}/{video}-{i + 1:06d}.png "{label}"\n' for i, label in enumerate(labels))


@pytest.fixture
def charades(tmp_path, make_folder):
    """Two videos of 20 frames: one does 3 all the time and 1 from frame 10 to 14, the other nothing."""
    (tmp_path / "frames").mkdir()
    for name in ("AA", "BB"):
        make_folder(f"frames/{name}", 20, name + "-{:06d}.png")
    path = tmp_path / "train.csv"
    path.write_text(HEADER + lines("AA", 0, ["3"] * 10 + ["1,3"] * 5 + ["3"] * 5) + lines("BB", 1, [""] * 20))
    return read_records(path, multi_label=True, num_classes=5, prefix=str(tmp_path / "frames"))


def test_a_record_a_video_with_the_labels_of_all_its_frames(charades, tmp_path):
    assert [charades.path(i) for i in range(2)] == [str(tmp_path / "frames" / name) for name in ("AA", "BB")]
    assert sorted(charades.label(0)) == [1, 3] and charades.label(1) == ()
    assert charades.where(1).endswith("train.csv:22")
    turned = charades.select([1, 0])
    assert turned.label(0) == () and sorted(turned.label(1)) == [1, 3] and turned.frames.tolist() == [20, 20]


@pytest.mark.parametrize(
    ("clip", "labels"), [([0, 9], [3]), ([0, 10], [1, 3]), ([8, 19], [1, 3]), ([14, 15], [1, 3]), ([15], [3])]
)
def test_a_clip_has_the_labels_of_its_frames(charades, clip, labels):
    for records, index in ((charades, 0), (charades.select([1, 0]), 1)):
        assert sorted(records.label(index, np.array(clip))) == labels


def test_training_takes_the_clip_s_labels_and_testing_the_video_s(charades):
    settings = {"crop_px": 32, "short_side_px": (32, 32), "num_classes": 5}
    train = ClipDataset(charades, ClipShape(4, 1), train=True, **settings)
    found = set()
    for epoch in range(20):
        sample = train[Key(epoch, 0)]
        numbers = [read_number(frame) for frame in sample["clip"]]
        meets = numbers[0] < 15 and numbers[-1] >= 10
        assert sample["label"].tolist() == [0, meets, 0, 1, 0]
        found.add(meets)
    assert found == {True, False}
    repeated = ClipDataset(charades, ClipShape(4, 1), train=True, repeats=3, **settings)[Key(0, 1)]
    assert repeated["label"].shape == (3, 5) and not repeated["label"].any()
    assert ClipDataset(charades, ClipShape(4, 1), train=False, **settings)[Key(0, 0)]["label"].tolist() == [0, 1, 0, 1, 0]
    item = VideoViewsDataset(charades, ClipShape(4, 1), num_clips=1, num_crops=1, short_side_px=32, crop_px=32)[0]
    assert sorted(item["label"]) == [1, 3] and [read_number(frame) for frame in cut_views(item, 0, 1)[0]] == [0, 1, 2, 3]


def test_a_folder_with_other_frames_than_listed_is_an_error(charades, tmp_path):
    (tmp_path / "frames/AA/AA-000004.png").unlink()
    item = VideoViewsDataset(charades, ClipShape(4, 1))[0]
    assert item["error"].endswith(f"train.csv:2: lists 20 frames of {tmp_path}/frames/AA, which holds 19 images")


@pytest.fixture
def ssv2(tmp_path):
    """A Something-Something folder: frame list without labels, and the set's json files."""
    (tmp_path / "something-something-v2-labels.json").write_text(json.dumps({"Lifting something": "7", "Tearing something": "9"}))
    for part, entry in (("train", ("12", "Lifting [something]")), ("validation", ("34", "Tearing [something]"))):
        entries = [{"id": entry[0], "label": "lifting a cup", "template": entry[1], "placeholders": ["a cup"]}]
        (tmp_path / f"something-something-v2-{part}.json").write_text(json.dumps(entries))
    path = tmp_path / "val.csv"
    path.write_text(HEADER + lines("34", 0, ["", ""]) + lines("12", 1, [""]))
    return path


def test_something_something_takes_its_labels_from_the_json_files(ssv2):
    records = read_records(ssv2, num_classes=10)
    assert [(records.path(i), records.label(i)) for i in range(2)] == [("34", 9), ("12", 7)]
    assert read_records(ssv2, labelled=False).label(0) is None


def test_labels_of_something_something_that_are_missing_or_broken(ssv2):
    with pytest.raises(DataError, match=r"val\.csv:2: label 9 is out of range; the network has 8 classes"):
        read_records(ssv2, num_classes=8)
    (ssv2.parent / "something-something-v2-train.json").unlink()
    with pytest.raises(
        DataError, match=r"val\.csv:4: 12 has no label, also not in something-something-v2-\*\.json beside the list"
    ):
        read_records(ssv2)
    (ssv2.parent / "something-something-v2-validation.json").write_text('[{"id": "34"}]')
    with pytest.raises(
        DataError, match=r"-validation\.json: not a label file of Something-Something v2 \(KeyError: 'template'\)"
    ):
        read_records(ssv2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"l\.csv: the frame list is empty"),
        ("A 0 0 A/1.jpg\n", r"l\.csv:2: 4 fields; a frame list has five"),
        (
            'A 0 0 A/1.jpg "1"\nB 1 0 B/1.jpg "1"\nA 0 1 A/2.jpg "1"\n',
            r"l\.csv:4: more frames of A; the frames of a video must follow",
        ),
        ('A 0 0 A/1.jpg "1"\nA 0 1 B/2.jpg "1"\n', r"l\.csv:3: the frames of A lie in A and B; expected one folder a video"),
        ('A 0 0 A/1.jpg "1,x"\n', r"l\.csv:2: labels \"1,x\" are no class numbers"),
        ('A 0 0 A/1.jpg "1,2"\n', r"l\.csv:2: A has the labels \[1, 2\]; expected one, or set data\.multi_label"),
    ],
)
def test_complaints(tmp_path, text, message):
    path = tmp_path / "l.csv"
    path.write_text(HEADER + text)
    with pytest.raises(DataError, match=message):
        read_records(path)
