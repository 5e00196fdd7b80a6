"""The generated AVA set: readable, repeatable, and without a class that one frame shows."""

import numpy as np

from slowfast_paddle.data.ava_check import check_set
from slowfast_paddle.data.ava_keyframes import ClipGrid, KeyframeRules
from slowfast_paddle.data.ava_set import AvaFiles, keyframes_to_score, keyframes_to_train, open_clips
from slowfast_paddle.data.ava_synthetic import CLASS_NAMES, box_of, draw_shapes, generate


def test_a_generated_set_passes_its_own_check(tmp_path):
    generate(tmp_path, split="val", videos=2, scenes=3, seed=5)
    files = AvaFiles(
        label_map=str(tmp_path / "label_map.pbtxt"),
        labels=str(tmp_path / "val.csv"),
        boxes=(str(tmp_path / "val_boxes.csv"),),
        videos=str(tmp_path / "val"),
        start_sec=0.0,
    )
    assert [finding.text for finding in check_set(files) if finding.level == "error"] == []
    source = open_clips(files)
    truth = keyframes_to_train(AvaFiles(**{**files.__dict__, "boxes": ()}), source, KeyframeRules())
    found = keyframes_to_score(files, source, KeyframeRules(score_threshold=0.8))
    assert found.counts["boxes_below_threshold"] == 6 and found.counts["keyframes"] == truth.counts["keyframes"] == 6
    assert [len(keyframe.boxes) for keyframe in found.items] == [len(keyframe.boxes) for keyframe in truth.items]
    clip = source.read("val_000", 1.0, ClipGrid(16, 2), lambda frame: frame)
    assert clip.shape == (16, 120, 160, 3) and len({frame.tobytes() for frame in clip}) == 16

    again = tmp_path / "again"
    generate(again, split="val", videos=2, scenes=3, seed=5)
    assert (again / "val.csv").read_text() == (tmp_path / "val.csv").read_text()
    generate(again, split="val", videos=2, scenes=3, seed=6)
    assert (again / "val.csv").read_text() != (tmp_path / "val.csv").read_text()


def test_boxes_do_not_show_the_class():
    """Sizes, places and class are independent; every class occurs, alone and together."""
    rng = np.random.default_rng(0)
    shapes = [shape for _ in range(300) for shape in draw_shapes(rng)]
    boxes = np.array([box_of(shape, 1.0) for shape in shapes])
    assert (boxes[:, 2:] > boxes[:, :2]).all() and boxes.min() >= 0 and boxes.max() <= 1
    sizes = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    for label in CLASS_NAMES:
        has = np.array([label in shape.labels for shape in shapes])
        assert 0.2 < has.mean() < 0.6
        assert abs(sizes[has].mean() - sizes[~has].mean()) < 0.15 * sizes.std()
    assert any(shape.labels == [1, 2, 3] for shape in shapes) and any(shape.labels == [4] for shape in shapes)
