"""Clips for training and validation, views for testing: what is drawn, what is not, and what happens to bad files."""

import numpy as np
import pytest

from slowfast_paddle.data.kinetics import ClipDataset, Key, VideoViewsDataset
from slowfast_paddle.data.protocol import PROTOCOLS, get_protocol
from slowfast_paddle.data.records import from_paths, read_records
from slowfast_paddle.data.sampling import ClipShape, clips
from slowfast_paddle.data.source import ReadOptions
from slowfast_paddle.errors import DataError
from slowfast_paddle.views import cut_view, cut_views, num_views
from tests.unit.data.conftest import numbered_frame, read_number

SHAPE = ClipShape(8, 2)


@pytest.fixture
def listed(make_video, tmp_path):
    """Four good videos and a broken one at index 2."""
    paths = [make_video(f"v{i}.avi", 40 + i) for i in range(4)]
    broken = tmp_path / "broken.avi"
    broken.write_bytes(b"no video at all")
    paths.insert(2, broken)
    path = tmp_path / "train.csv"
    path.write_text("".join(f"{p} {i % 3}\n" for i, p in enumerate(paths)))
    return path


def dataset(listed, **changes):
    settings = {"train": True, "crop_px": 32, "short_side_px": (32, 40), "seed": 5}
    return ClipDataset(read_records(listed), SHAPE, **(settings | changes))


def test_a_training_sample(listed):
    sample = dataset(listed)[Key(0, 0)]
    assert sample["clip"].shape == (8, 32, 32, 3) and sample["clip"].dtype == np.uint8
    assert sample["label"] == 0 and sample["index"] == 0 and sample["skipped"] == []
    numbers = [read_number(frame) for frame in sample["clip"]]
    assert np.all(np.diff(numbers) >= 2) and numbers[-1] - numbers[0] == 15


def test_samples_depend_on_seed_epoch_and_index_alone(listed):
    one, other = dataset(listed), dataset(listed)
    other[Key(3, 4)]  # what was read before does not matter
    assert np.array_equal(one[Key(1, 0)]["clip"], other[Key(1, 0)]["clip"])
    different = [dataset(listed)[Key(epoch, 0)]["clip"].tobytes() for epoch in range(6)]
    assert len(set(different)) == 6
    assert dataset(listed, seed=6)[Key(0, 0)]["clip"].tobytes() != different[0]


def test_flip_and_crop_are_drawn(listed):
    def left_is_red(sample):
        return sample["clip"][0, 0, 0, 0] > 0

    drawn = [left_is_red(dataset(listed, flip=0.5)[Key(epoch, 0)]) for epoch in range(20)]
    assert 0 < sum(drawn) < 20


def test_an_unreadable_training_video_is_replaced_and_named(listed):
    data = dataset(listed)
    sample = data[Key(0, 2)]
    assert sample["index"] != 2 and len(sample["skipped"]) >= 1
    assert f"train.csv:3: {listed.parent / 'broken.avi'}" in sample["skipped"][0]
    assert sample["label"] == data.records.label(int(sample["index"]))
    again = dataset(listed)[Key(0, 2)]
    assert again["index"] == sample["index"] and np.array_equal(again["clip"], sample["clip"])
    assert data[Key(0, 2)]["skipped"] == sample["skipped"]  # remembered, not opened again


def test_nothing_but_unreadable_videos_ends_with_one_line(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("none1.mp4 0\nnone2.mp4 1\n")
    with pytest.raises(
        DataError, match=r"20 videos in a row are unreadable, the last: .*train\.csv:\d: none\d.mp4: no such file"
    ):
        ClipDataset(read_records(path), SHAPE, train=True)[Key(0, 0)]


def test_validation_is_centred_and_ignores_the_epoch(listed):
    data = dataset(listed, train=False)
    sample = data[Key(0, 0)]
    assert [read_number(frame) for frame in sample["clip"]] == [12, 14, 16, 18, 20, 22, 24, 27]
    assert np.array_equal(sample["clip"], data[Key(9, 0)]["clip"])
    bad = data[Key(0, 2)]
    assert bad["index"] == 2 and "broken.avi" in bad["error"] and "clip" not in bad


def test_several_labels_become_a_vector(make_video, tmp_path):
    path = tmp_path / "train.csv"
    path.write_text(f"{make_video()} 1,3\n")
    data = ClipDataset(
        read_records(path, multi_label=True), SHAPE, train=False, crop_px=32, short_side_px=(32, 32), num_classes=5
    )
    assert data[Key(0, 0)]["label"].tolist() == [0, 1, 0, 1, 0]


def test_views_of_a_video(make_video):
    data = VideoViewsDataset(from_paths([str(make_video())]), SHAPE, num_clips=4, num_crops=3, short_side_px=32, crop_px=32)
    item = data[0]
    assert num_views(item) == 12 and item["error"] == "" and item["label"] is None
    assert item["decoded"] == item["expected"] == 40 and item["fps"] == 30
    views = cut_views(item, 0, 12)
    assert views.shape == (12, 8, 32, 32, 3)
    numbers = [[read_number(frame) for frame in view] for view in views]
    expected = clips("pyslowfast", 40, 30.0, SHAPE, 4)
    assert numbers == [row.tolist() for row in expected for _ in range(3)]
    left, middle, right = views[:3]
    assert (left[..., 0] > 0).any() or expected[0][0] == 0
    assert item["offset_yx"][:3].tolist() == [[0, 0], [0, 11], [0, 21]]
    assert not np.array_equal(left, right) and not np.array_equal(left, middle)
    assert np.array_equal(cut_view(item, 4), views[4])
    item["flip"][4] = True
    assert np.array_equal(cut_view(item, 4), views[4][:, :, ::-1])


def test_every_needed_frame_is_stored_once(make_video):
    data = VideoViewsDataset(from_paths([str(make_video())]), SHAPE, num_clips=10, num_crops=3, short_side_px=32, crop_px=32)
    item = data[0]
    assert len(item["frames"]) == len(np.unique(clips("pyslowfast", 40, 30.0, SHAPE, 10)))


def test_a_failed_test_video_is_an_error_item(listed):
    data = VideoViewsDataset(read_records(listed), SHAPE)
    item = data[2]
    assert "broken.avi" in item["error"] and num_views(item) == 0 and item["label"] == 2


def test_frame_folder_and_array_give_the_views_of_the_video(make_folder):
    folder = make_folder(count=40)
    frames = np.stack([numbered_frame(number) for number in range(40)])
    settings = {"num_clips": 2, "num_crops": 1, "short_side_px": 48, "crop_px": 48, "fps": 30.0}
    from_folder = VideoViewsDataset(from_paths([str(folder)]), SHAPE, **settings)[0]
    from_array = VideoViewsDataset(from_paths(["memory"]), SHAPE, videos=[frames], **settings)[0]
    assert from_folder["decoded"] == from_array["decoded"] == 40
    difference = cut_views(from_folder, 0, 2).astype(int) - cut_views(from_array, 0, 2)
    assert np.abs(difference).mean() < 3  # JPEG


@pytest.mark.parametrize(("template", "first"), [("img_{:05d}.jpg", 1), ("frame{:06d}.png", 0), ("{:d}.jpg", 7)])
def test_frame_folder_templates(make_folder, template, first):
    options = ReadOptions(frame_template=template if template != "{:d}.jpg" else "img_%05d.jpg")
    folder = make_folder(template=template, first=first, count=30)
    data = VideoViewsDataset(
        from_paths([str(folder)]), SHAPE, num_clips=1, num_crops=1, short_side_px=48, crop_px=48, options=options
    )
    numbers = [read_number(frame) for frame in cut_views(data[0], 0, 1)[0]]
    assert numbers == pytest.approx(list(clips("pyslowfast", 30, 30.0, SHAPE, 1)[0]), abs=1)


def test_a_folder_without_images_says_so(tmp_path):
    item = VideoViewsDataset(from_paths([str(tmp_path)]), SHAPE)[0]
    assert "no numbered images in this folder; expected img_{:05d}.jpg" in item["error"]


def test_short_and_one_frame_videos_repeat_their_last_frame(make_video):
    data = VideoViewsDataset(
        from_paths([str(make_video(count=3))]), SHAPE, num_clips=2, num_crops=1, short_side_px=32, crop_px=32
    )
    assert [read_number(frame) for frame in cut_views(data[0], 0, 1)[0]] == [0, 2, 2, 2, 2, 2, 2, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crop_px": 300}, "crop 300 px exceeds the short side 256 px"),
        ({"num_crops": 2}, "2 crops asked for; expected 1 .* or 3"),
        ({"num_clips": 0}, "0 clips asked for"),
        ({"protocol": "mmaction"}, "protocol 'mmaction' is unknown; expected one of pyslowfast, pyslowfast_offset, mmaction2"),
    ],
)
def test_settings_that_cannot_work(changes, message):
    with pytest.raises(DataError, match=message):
        VideoViewsDataset(from_paths(["a.mp4"]), SHAPE, **changes)


@pytest.mark.parametrize(("protocol", "rule"), [("paddle", "paddle_mp4"), ("paddlevideo", "paddle")])
def test_only_the_original_project_reads_mp4_files_in_another_way(protocol, rule):
    assert get_protocol(protocol).clip_rule_of("a.mp4") == rule
    assert get_protocol(protocol).clip_rule_of("a.avi") == "paddle"


@pytest.mark.parametrize("protocol", list(PROTOCOLS))
def test_every_protocol_makes_views(make_video, protocol):
    settings = {"num_clips": 3, "num_crops": 3, "short_side_px": 32, "crop_px": 32, "protocol": protocol}
    item = VideoViewsDataset(from_paths([str(make_video())]), SHAPE, **settings)[0]
    assert cut_views(item, 0, 9).shape == (9, 8, 32, 32, 3)
