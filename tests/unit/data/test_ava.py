"""AVA data sets: real frames, generated videos read directly, boxes that follow the picture."""

import pickle

import cv2
import numpy as np
import pytest

from slowfast_paddle.data import ava_csv
from slowfast_paddle.data.ava import AvaTestDataset, AvaTrainDataset, AvaTrainOptions, collate_boxes
from slowfast_paddle.data.ava_frames import frame_sequence
from slowfast_paddle.data.ava_keyframes import ClipGrid, KeyframeRules, collect_keyframes, to_targets
from slowfast_paddle.data.ava_labels import action_list, read_label_map
from slowfast_paddle.data.ava_source import FrameFolders, open_frame_folders, open_video_files
from slowfast_paddle.data.kinetics import Key
from slowfast_paddle.data.loader import Loader, one_video
from slowfast_paddle.data.sampler import EvalSampler, TrainSampler
from slowfast_paddle.data.source import ReadOptions
from slowfast_paddle.data.transforms import draw_short_side
from slowfast_paddle.errors import DataError

GRID = ClipGrid(4, 2)


def _labels(tmp_path, *rows):
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(rows) + "\n")
    return ava_csv.read_labels(path)


@pytest.fixture
def square(tmp_path):
    """60 frames at 10 1/s, 64 x 48 px: black, and a white box whose corners are exact fractions."""
    names = []
    for number in range(60):
        image = np.zeros((48, 64, 3), np.uint8)
        image[12:36, 16:48] = 255
        image[0, 0] = number
        names.append(str(tmp_path / f"v_{number + 1:06d}.png"))
        cv2.imwrite(names[-1], image)
    return FrameFolders({"v": frame_sequence(names)}, fps=10.0, start_sec=100.0)


def test_training_boxes_follow_the_picture(square, tmp_path):
    keyframes = collect_keyframes(["v"], [_labels(tmp_path, "v,103,0.25,0.25,0.75,0.75,5")], KeyframeRules())
    options = AvaTrainOptions((48, 60), 40, 0.5)
    dataset = AvaTrainDataset(square, keyframes, action_list({5: "stand"}), GRID, options)
    for epoch in range(20):
        sample = dataset[Key(epoch, 0)]
        assert sample["clip"].shape == (4, 40, 40, 3) and sample["clip"].dtype == np.uint8
        white = np.argwhere(sample["clip"][2, :, :, 0] > 127)
        (y1, x1), (y2, x2) = white.min(0), white.max(0)
        assert np.abs(sample["boxes"][0] - [x1, y1, x2, y2]).max() <= 2.0
        assert sample["label"].tolist() == [[1.0]] and sample["skipped"] == []
    again = dataset[Key(19, 0)]
    assert (again["clip"] == sample["clip"]).all() and (again["boxes"] == sample["boxes"]).all()


def test_a_box_outside_the_crop_is_dropped_and_an_image_may_be_empty(square, tmp_path):
    keyframes = collect_keyframes(["v"], [_labels(tmp_path, "v,103,0,0,0.02,0.02,5")], KeyframeRules())
    dataset = AvaTrainDataset(square, keyframes, action_list({5: "stand"}), GRID, AvaTrainOptions((60, 60), 16, 0.0))
    samples = [dataset[Key(epoch, 0)] for epoch in range(8)]
    batch = collate_boxes(samples)
    assert batch["boxes_num"].min() == 0 and batch["boxes"].shape == (batch["boxes_num"].sum(), 4)
    assert batch["clip"].shape == (8, 4, 16, 16, 3) and batch["label"].shape == (batch["boxes_num"].sum(), 1)


def test_test_views_at_several_scales_and_mirrored(square, tmp_path):
    keyframes = collect_keyframes(["v"], [_labels(tmp_path, "v,103,0.25,0.25,0.75,0.75,5")], KeyframeRules())
    item = AvaTestDataset(square, keyframes, GRID, (48, 96), flip=True)[0]
    assert [view["clip"].shape[1:3] for view in item["views"]] == [(48, 64)] * 2 + [(96, 128)] * 2
    assert item["views"][0]["boxes"].tolist() == [[16, 12, 48, 36]]
    assert item["views"][1]["boxes"].tolist() == [[15, 12, 47, 36]]
    assert item["boxes"].tolist() == [[0.25, 0.25, 0.75, 0.75]] and item["image"] == "v,0103"


def test_an_unreadable_keyframe_is_skipped_in_training_and_named_in_a_test(square, tmp_path):
    rows = _labels(tmp_path, "v,103,0.25,0.25,0.75,0.75,5", "v,105,0.25,0.25,0.75,0.75,5")
    keyframes = collect_keyframes(["v"], [rows], KeyframeRules())
    (tmp_path / "v_000051.png").unlink()
    options = AvaTrainOptions((48, 48), 48, 0.0)
    sample = AvaTrainDataset(square, keyframes, action_list({5: "stand"}), GRID, options)[Key(0, 1)]
    assert sample["index"] == 0 and "v,0105" in sample["skipped"][0] and "v_000051.png" in sample["skipped"][0]
    item = AvaTestDataset(square, keyframes, GRID)[1]
    assert item["views"] == [] and "v_000051.png" in item["error"]


def test_wrong_start_second_is_an_error_and_few_outside_a_warning(square, tmp_path, caplog):
    few = _labels(tmp_path, *[f"v,{second},0.25,0.25,0.75,0.75,5" for second in (101, 102, 103, 106)])
    AvaTestDataset(square, collect_keyframes(["v"], [few], KeyframeRules()), GRID)
    assert "1 of 4 keyframes lie outside their video, the first is v,0106" in caplog.text
    all_out = _labels(tmp_path, "v,902,0.25,0.25,0.75,0.75,5")
    with pytest.raises(DataError, match="cover seconds 100 to 106.00; set start_sec"):
        AvaTestDataset(square, collect_keyframes(["v"], [all_out], KeyframeRules()), GRID)


def test_keyframes_merge_boxes_and_count_what_is_left_out(tmp_path):
    truth = _labels(tmp_path, "v,2,-0.01,0,1.02,1,5", "v,2,-0.01,0,1.02,1,7", "v,9,0,0,1,1,5")
    path = tmp_path / "boxes.csv"
    path.write_text("v,2,0.1,0.1,0.5,0.5,,0.9\nv,2,0.2,0.1,0.5,0.5,,0.5\nv,2,-0.01,0,1.02,1,,0.99\n")
    found = collect_keyframes(["v"], [truth, ava_csv.read_boxes(path)], KeyframeRules(last_sec=5))
    (keyframe,) = found.items
    assert keyframe.boxes.tolist() == [[0, 0, 1, 1], [0.1, 0.1, 0.5, 0.5]] and keyframe.labels == ((5, 7), ())
    assert found.counts["boxes_below_threshold"] == 1 and found.counts["rows_outside_seconds_or_excluded"] == 1
    assert found.counts["boxes_clipped_to_frame"] == 1
    assert to_targets(keyframe, {5: 0, 7: 1}, 2).tolist() == [[1, 1], [0, 0]]
    with pytest.raises(DataError, match="class 7 is not in the label map"):
        to_targets(keyframe, {5: 0}, 1)
    with pytest.raises(DataError, match="labels.csv:1: no frames are listed for video 'v'"):
        collect_keyframes(["w"], [truth], KeyframeRules())
    with pytest.raises(DataError, match="no keyframe is left of 3 rows"):
        collect_keyframes(["v"], [truth], KeyframeRules(first_sec=50))


def test_real_frames(shared_data):
    nest = shared_data / "ava_nest"
    source = open_frame_folders(nest / "frames", [nest / "train_frame_list.csv"], fps=30.0, start_sec=0.0)
    truth = ava_csv.read_labels(nest / "ava_train.csv")
    keyframes = collect_keyframes(source.videos, [truth], KeyframeRules())
    assert keyframes.counts["keyframes"] == 88 and keyframes.counts["boxes_clipped_to_frame"] == 2 // 2
    actions = action_list(read_label_map(nest / "labelmap_as_found.txt"))
    dataset = AvaTrainDataset(source, keyframes, actions, ClipGrid(8, 8), AvaTrainOptions((72, 80), 64))
    batch = collate_boxes([dataset[Key(0, 0)], dataset[Key(0, 87)]])
    assert batch["boxes_num"].tolist() == [1, 1] and batch["label"].sum(axis=1).tolist() == [2.0, 2.0]


def test_reader_processes_give_the_same(square, tmp_path):
    rows = _labels(tmp_path, *[f"v,{second},0.25,0.25,0.75,0.75,5" for second in (101, 102, 103, 104)])
    keyframes = collect_keyframes(["v"], [rows], KeyframeRules())
    train = AvaTrainDataset(square, keyframes, action_list({5: "stand"}), GRID, AvaTrainOptions((48, 60), 40))
    test = AvaTestDataset(square, keyframes, GRID)
    for workers in (0, 2):
        with Loader(train, TrainSampler(4, 2), collate_boxes, num_workers=workers) as loader:
            batches = list(loader)
        with Loader(test, EvalSampler(4), one_video, num_workers=workers) as loader:
            items = list(loader)
        assert [item["image"] for item in items] == [keyframe.image for keyframe in keyframes.items]
        if workers == 0:
            expected = batches, items
    for batch, same in zip(batches, expected[0], strict=True):
        assert all((batch[name] == same[name]).all() for name in ("clip", "boxes", "label", "boxes_num", "index"))
    assert (items[3]["views"][0]["clip"] == expected[1][3]["views"][0]["clip"]).all()


def test_direct_video_equals_the_extracted_frames(golden, tmp_path):
    """Frame i of these clips shows i in its pixels."""
    folder = tmp_path / "videos"
    folder.mkdir()
    source_file = golden / "data/clips/c_h264_25.mkv"
    (folder / "v.mkv").write_bytes(source_file.read_bytes())
    videos = open_video_files(folder, start_sec=10.0, options=ReadOptions())
    grid = ClipGrid(4, 6)
    clip = videos.read("v", 12.0, grid, lambda frame: frame)
    shown = [_frame_code(frame) for frame in clip]
    assert shown == [int((2.0 + offset) * 25 + 1e-6) for offset in grid.seconds()]
    assert pickle.loads(pickle.dumps(videos)).end_sec("v") == videos.end_sec("v") > 12
    (folder / "v.mp4").write_bytes(b"")
    with pytest.raises(DataError, match="has the same name"):
        open_video_files(folder, 0.0, ReadOptions())


def _frame_code(frame):
    blocks = frame.reshape(2, 24, 5, 16, 3)[:, 6:18, :, 4:12].mean(axis=(1, 3, 4)).reshape(-1)
    return sum(1 << place for place, value in enumerate(blocks) if value > 128)


def test_classes_of_predicted_boxes_count(tmp_path):
    """PySlowFast's box files for training carry the classes of the ground truth they overlap; an empty or -1 class is none."""
    path = tmp_path / "boxes.csv"
    path.write_text("v,103,0,0,0.5,0.5,5,0.9\nv,103,0,0,0.5,0.5,7,0.9\nv,103,0.5,0,1,0.5,-1,0.9\nv,103,0.5,0.5,1,1,,0.9\n")
    truth = _labels(tmp_path, "v,103,0.1,0.1,0.3,0.3,7")
    (keyframe,) = collect_keyframes(["v"], [truth, ava_csv.read_boxes(path)], KeyframeRules()).items
    assert keyframe.labels == ((7,), (5, 7), (), ())


def test_small_short_sides_are_likelier_when_the_inverse_is_uniform():
    rng = np.random.default_rng(0)
    even, inverse = (np.mean([draw_short_side(100, 300, rng, way) for _ in range(4000)]) for way in (False, True))
    assert even == pytest.approx(200, abs=4) and inverse == pytest.approx(np.log(3) / (1 / 100 - 1 / 300), abs=4)
