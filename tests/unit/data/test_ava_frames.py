"""Frame lists, frame folders and proposal pickles."""

import pickle

import cv2
import numpy as np
import pytest

from slowfast_paddle.data.ava_frames import frame_sequence, read_frame, read_frame_list, scan_frames, write_frame_list
from slowfast_paddle.data.ava_proposals import read_proposals
from slowfast_paddle.errors import CheckpointError, DataError

HEADER = "original_vido_id video_id frame_id path labels\n"


def test_real_frame_list(shared_data, tmp_path):
    source = shared_data / "ava_nest/train_frame_list.csv"
    videos = read_frame_list(source, shared_data / "ava_nest/frames")
    assert list(videos) == ["IMG_0110", "IMG_0114", "IMG_0120", "IMG_0130"]
    frames = videos["IMG_0114"]
    assert len(frames) == 602 and not frames.names
    assert frames.path(601).endswith("ava_nest/frames/IMG_0114/IMG_0114_000602.jpg")
    image = read_frame(frames.path(0))
    assert image.dtype == np.uint8 and min(image.shape[:2]) == 256
    assert scan_frames(shared_data / "ava_nest/frames", "IMG_0114") == frames
    write_frame_list(tmp_path / "list.csv", read_frame_list(source))
    assert (tmp_path / "list.csv").read_text() == source.read_text()


def test_names_without_a_pattern_are_kept():
    names = ("a/first.jpg", "a/second.jpg")
    assert [frame_sequence(names).path(i) for i in range(2)] == list(names)
    odd = frame_sequence(("{v}/1.jpg", "{v}/2.jpg"))
    assert not odd.names and odd.path(1) == "{v}/2.jpg"


@pytest.mark.parametrize(
    "text, message",
    [
        (HEADER, "lists no frames"),
        (HEADER + "v 0 0 v/1.jpg\nv 0 2 v/3.jpg\n", ":3: frame_id of v is '2'; expected 1"),
        (HEADER + "v 0 x v/1.jpg\n", ":2: frame_id of v is 'x'"),
        (HEADER + "v 0\n", ":2: 2 fields"),
    ],
)
def test_bad_lists_are_named(tmp_path, text, message):
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(DataError) as err:
        read_frame_list(path)
    assert message in str(err.value)


def test_missing_and_damaged_frames(tmp_path):
    with pytest.raises(DataError, match="no such frame folder"):
        scan_frames(tmp_path, "v")
    (tmp_path / "v").mkdir()
    with pytest.raises(DataError, match="no numbered images"):
        scan_frames(tmp_path, "v")
    for number in (1, 2, 4):
        cv2.imwrite(str(tmp_path / f"v/v_{number:06d}.jpg"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(DataError, match="v_000004.jpg: frame 3 is missing"):
        scan_frames(tmp_path, "v")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no image")
    with pytest.raises(DataError, match="not a readable image"):
        read_frame(str(tmp_path / "broken.jpg"))
    with pytest.raises(DataError, match="cannot be read"):
        read_frame(str(tmp_path / "none.jpg"))


def test_real_proposals(shared_data):
    table = read_proposals(shared_data / "ava_slice/mmaction2_ava_sample/ava_proposals_sample.pkl")
    assert table.images[:2] == ["0f39OWEqJ24,0902", "0f39OWEqJ24,0903"]
    assert table.scores[0] == 0.998163 and table.boxes[0].tolist() == [0.011, 0.157, 0.655, 0.983]


@pytest.mark.parametrize(
    "content, message",
    [
        ([1], "holds list"),
        ({"v": np.zeros((1, 5))}, "key 'v' is not a keyframe"),
        ({"v,1": np.zeros((1, 3))}, "holds float64"),
        ({"v,1": np.array([[0, 0, np.nan, 1, 1]])}, "not finite"),
        ({"v,1": np.array([[0.5, 0, 0.5, 1, 1]])}, "no area"),
    ],
)
def test_bad_proposals_are_named(tmp_path, content, message):
    path = tmp_path / "p.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match=message):
        read_proposals(path)


class _Harmful:
    def __reduce__(self):
        return (print, ("ran",))


def test_a_proposal_file_cannot_run_code(tmp_path, capsys):
    path = tmp_path / "p.pkl"
    path.write_bytes(pickle.dumps({"v,1": _Harmful()}))
    with pytest.raises(CheckpointError):
        read_proposals(path)
    assert capsys.readouterr().out == ""
