"""Decoded frames and frame numbers against files whose content is known."""

import csv
import functools
import json

import numpy as np
import pytest

from slowfast_paddle.data.decode import PyAVSource, open_source
from slowfast_paddle.data.opencv import OpenCVSource
from slowfast_paddle.data.sampling import ClipShape, clips, random_clip
from slowfast_paddle.data.source import ReadOptions, read_clips
from slowfast_paddle.data.transforms import resize_bilinear_uint8, resized_size
from slowfast_paddle.errors import DecodeError

DECODERS = ("pyav", "opencv")
REAL = {
    "mmaction2/demo/demo.mp4": "mmaction2__demo.mp4",
    "mmaction2/tests/data/test.mp4": "mmaction2__test.mp4",
    "PaddleVideo/data/example.avi": "paddlevideo__example.avi",
}
SYNTHETIC = (
    "a_h264_2997_longgop_bframes.mp4",
    "b_h264_vfr.mp4",
    "c_h264_25.mkv",
    "d_mpeg4_2398.avi",
    "e_h264_60_start_offset.mp4",
    "f_truncated_faststart.mp4",
)


def same(frame):
    return frame


def thumbnail(frame):
    return resize_bilinear_uint8(frame, *resized_size(*frame.shape[:2], 32))


def frame_code(frame):
    """Number written into the picture: 10 blocks of 16x24 pixels, bit k at row k // 5, column k % 5, white is 1."""
    blocks = frame.reshape(2, 24, 5, 16, 3)[:, 6:18, :, 4:12].mean(axis=(1, 3, 4)).reshape(10)
    return int(((blocks > 128) << np.arange(10)).sum())


def reference_clips(record, count, fps):
    """Plan of one golden record."""
    rule = "pyslowfast_offset" if record["use_offset"] else "pyslowfast"
    return clips(rule, count, fps, ClipShape(record["num_frames"], record["sampling_rate"]), record["num_views"])


@pytest.fixture(scope="module")
def decode_golden(golden):
    return json.loads((golden / "data/decode.json").read_text())["clips"]


@pytest.fixture(scope="module")
def clips_golden(golden):
    return json.loads((golden / "data/clips/clips.json").read_text())


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("name", REAL)
def test_real_frames(decode_golden, shared_data, name, decoder):
    expected = decode_golden[name]
    options = ReadOptions(decoder=decoder)
    source = open_source(shared_data / "robust_clips" / REAL[name], options)
    assert source.timeline.fps == pytest.approx(expected["average_fps_float"], rel=1e-9)
    wanted = np.array([[frame["index"] for frame in expected["frames"]]])
    read = read_clips(source, lambda count, fps: wanted, same, options)
    assert read.decoded == read.expected == expected["true_decoded_count"]
    for frame, reference in zip(read.frames[read.index[0]], expected["frames"]):
        half_height, half_width = frame.shape[0] // 2, frame.shape[1] // 2
        quadrants = [frame[:half_height], frame[half_height:]]
        means = [part[:, side].mean((0, 1)) for part in quadrants for side in (slice(half_width), slice(half_width, None))]
        # 1.5 levels: FFmpeg builds convert colours slightly differently
        assert np.abs(frame.mean((0, 1)) - reference["mean_rgb"]).max() <= 1.5
        assert np.abs(np.concatenate(means) - reference["quadrant_mean_rgb_tl_tr_bl_br"]).max() <= 1.5


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("name", SYNTHETIC)
def test_clip_indices_and_the_frames_themselves(clips_golden, golden, name, decoder):
    """The frames that come out carry the numbers PySlowFast would have picked, also when the header promises more frames."""
    options = ReadOptions(decoder=decoder)
    for record in clips_golden[name]["pyslowfast_full_decode_idx"]:
        plan = functools.partial(reference_clips, record)
        read = read_clips(open_source(golden / "data/clips" / name, options), plan, same, options)
        assert read.decoded == clips_golden[name]["true_decoded_count"]
        assert read.expected == max(clips_golden[name]["frames_header"], read.decoded)
        view = record["view_index"]
        assert read.source_index[view].tolist() == record["idx"]
        assert [frame_code(frame) for frame in read.frames[read.index[view]]] == record["idx"]


@pytest.mark.parametrize("name", SYNTHETIC[:5])
@pytest.mark.parametrize("seed", range(3))
def test_a_training_clip_read_by_seeking_is_the_same(golden, name, seed):
    options = ReadOptions()

    def plan(count, fps):
        return random_clip(count, fps, ClipShape(8, 4), np.random.default_rng(seed))[None]

    read = read_clips(open_source(golden / "data/clips" / name, options), plan, same, options, whole=False)
    assert [frame_code(frame) for frame in read.frames[read.index[0]]] == read.source_index[0].tolist()


@pytest.mark.parametrize("decoder", DECODERS)
def test_timestamps_follow_the_clock(clips_golden, golden, decoder):
    """Eight frames evenly spread in time over the variable-rate file: each is the one shown at its moment."""
    name = "b_h264_vfr.mp4"
    times = (np.array(clips_golden[name]["pts"]) - clips_golden[name]["pts"][0]) / 90_000
    options = ReadOptions(decoder=decoder, frame_index="timestamps")
    read = read_clips(
        open_source(golden / "data/clips" / name, options),
        lambda count, fps: clips("pyslowfast", count, fps, ClipShape(8, 16), 1),
        same,
        options,
    )
    moments = clips("pyslowfast", 10**6, read.fps, ClipShape(8, 16), 1)[0] / read.fps
    shown = [int((times <= moment + 1e-6).sum()) - 1 for moment in moments]
    assert [frame_code(frame) for frame in read.frames[read.index[0]]] == shown
    by_number = clips("pyslowfast", 140, read.fps, ClipShape(8, 16), 1)[0].tolist()
    assert shown != by_number


def test_timestamps_equal_reference_at_a_constant_rate(golden):
    for name in ("a_h264_2997_longgop_bframes.mp4", "e_h264_60_start_offset.mp4"):
        found = []
        for frame_index in ("reference", "timestamps"):
            options = ReadOptions(frame_index=frame_index)
            source = open_source(golden / "data/clips" / name, options)
            read = read_clips(source, lambda count, fps: clips("pyslowfast", count, fps, ClipShape(8, 8), 3), same, options)
            found.append(read.source_index.tolist())
        assert found[0] == found[1]


def test_rotation_flags_are_obeyed(shared_data):
    """Both decoders must show the same picture."""
    folder = shared_data / "robust_clips"
    for name, shape in (
        ("decord__video_0.mov", (320, 568)),
        ("decord__video_90.mov", (568, 320)),
        ("decord__video_180.mov", (320, 568)),
    ):
        pictures = []
        for source in (PyAVSource(str(folder / name), ReadOptions()), OpenCVSource(str(folder / name), ReadOptions())):
            pictures.append(source.read(np.array([0]), same, True).frames[0])
            assert pictures[-1].shape[:2] == shape
        assert np.abs(pictures[0].astype(int) - pictures[1]).mean() < 2


def manifest(shared_data):
    with open(shared_data / "robust_clips/manifest.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_every_robust_clip(shared_data):
    """All files: the frames the manifest counts come out, or one line says why not."""
    rows = manifest(shared_data)
    assert len(rows) == 64
    for row in rows:
        path = shared_data / "robust_clips" / row["path"]
        decodable = int(row["decoded"] or 0)
        options = ReadOptions()

        def views(path=path, options=options):
            return read_clips(
                open_source(path, options),
                lambda count, fps: clips("pyslowfast", count, fps, ClipShape(8, 8), 2),
                thumbnail,
                options,
            )

        if decodable:
            read = views()
            assert read.decoded == decodable, row
            assert read.expected >= decodable
            assert read.index.shape == (2, 8)
        else:
            with pytest.raises(DecodeError) as error:
                views()
            assert row["path"] in str(error.value) and "\n" not in str(error.value)


def test_a_video_that_stops_early_can_be_refused(shared_data):
    path = shared_data / "robust_clips/decord__corrupted.mp4"
    options = ReadOptions(min_decoded=0.9)
    with pytest.raises(DecodeError, match=r"only 28 of 50 frames decoded .*data.min_decoded asks for 90%"):
        read_clips(open_source(path, options), lambda count, fps: np.zeros((1, 4), int), thumbnail, options)


def test_one_pixel_video(shared_data):
    options = ReadOptions()
    source = open_source(shared_data / "robust_clips/moviepy__bitmap.mp4", options)
    read = read_clips(source, lambda count, fps: clips("pyslowfast", count, fps, ClipShape(4, 2), 2), thumbnail, options)
    assert read.frames.shape[1:] == (32, 32, 3)
