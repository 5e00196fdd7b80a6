"""Frame indices equal those of the reference implementations, record by record."""

import json

import numpy as np
import pytest

from slowfast_paddle.data.sampling import ClipShape, clips, spread

RULES = {
    "pyslowfast": "pyslowfast_full",
    "pyslowfast_offset": "pyslowfast_full_offset",
    "paddle": "paddle_original_other_ext",
    "paddle_mp4": "paddle_original_mp4",
    "mmaction2": "mmaction2_loop",
    "pytorchvideo": "ptv_constant_clips",
}


@pytest.fixture(scope="module")
def temporal(golden):
    return json.loads((golden / "data/temporal.json").read_text())


@pytest.mark.parametrize("rule", RULES)
def test_every_record_of_the_rule(temporal, rule):
    wrong = []
    for record in temporal["records"]:
        shape = ClipShape(record["num_frames"], record["sampling_rate"], record["target_fps"])
        rows = clips(rule, record["num_video_frames"], record["fps"], shape, record["num_views"])
        if rows[record["view_index"]].tolist() != record[RULES[rule]]["idx"]:
            wrong.append(record)
    assert not wrong, f"{len(wrong)} of {len(temporal['records'])} records differ, first: {wrong[0]}"


def test_window_length(temporal):
    for record in temporal["records"]:
        shape = ClipShape(record["num_frames"], record["sampling_rate"], record["target_fps"])
        assert shape.window_frames(record["fps"]) == record["clip_size"]


def test_float32_linspace_rule(temporal):
    for record in temporal["temporal_sampling"]:
        ours = spread(record["start"], record["end"], record["num_samples"], record["num_video_frames"])
        assert ours.tolist() == record["idx"], record


def test_a_float64_linspace_would_differ(temporal):
    """The golden file holds windows where float64 picks another frame: the float32 rule is needed."""
    assert any(not record["agree"] for record in temporal["temporal_sampling"])


def test_mmaction2_all_clips(temporal):
    """Records with target_fps, repeat_last, twice_sample or one-frame clips are other settings than the protocol's."""
    seen = 0
    for record in temporal["mmaction2_all_clips"]:
        other = record["target_fps"] or record["twice_sample"] or record["out_of_bound_opt"] != "loop" or record["clip_len"] == 1
        if other or "clips" not in record:
            continue
        shape = ClipShape(record["clip_len"], record["frame_interval"])
        ours = clips("mmaction2", record["total_frames"], record["avg_fps"], shape, record["num_clips"])
        assert np.array_equal(ours, record["clips"]), record
        seen += 1
    assert seen >= 3
