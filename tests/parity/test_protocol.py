"""A protocol's name wires the whole way: which frames and pixels reach each pathway equals the project's own numbers."""

import json

import numpy as np
import paddle
import pytest

from slowfast_paddle.data.kinetics import VideoViewsDataset
from slowfast_paddle.data.protocol import get_protocol
from slowfast_paddle.data.records import from_paths
from slowfast_paddle.data.sampling import ClipShape, slow_indices
from slowfast_paddle.models.pack import PackPathways
from slowfast_paddle.views import cut_view

TIME = {
    "pyslowfast": "pyslowfast_full",
    "pyslowfast_offset": "pyslowfast_full_offset",
    "paddle": "paddle_original_other_ext",
    "paddlevideo": "paddle_original_other_ext",
    "mmaction2": "mmaction2_loop",
    "pytorchvideo": "ptv_constant_clips",
}
SLOW = {
    "pyslowfast": "pyslowfast",
    "pyslowfast_offset": "pyslowfast",
    "paddle": "paddle_original",
    "paddlevideo": "paddle_original",
    "mmaction2": "mmaction2_nearest",
    "pytorchvideo": "pytorchvideo_trainer",
}
SIDE = 8


def numbered(count: int) -> np.ndarray:
    """Frames [count, 8, 12, 3] that show their number in red and green and the column in blue."""
    frames = np.zeros((count, SIDE, 12, 3), np.uint8)
    frames[..., 0] = (np.arange(count) // 256)[:, None, None]
    frames[..., 1] = (np.arange(count) % 256)[:, None, None]
    frames[..., 2] = np.arange(12)
    return frames


def shown(pathway) -> list[int]:
    """Frame numbers in a pathway [1, 3, T, H, W]."""
    high, low = np.rint(pathway.numpy()[0, :2, :, 0, 0] * 255).astype(int)
    return (high * 256 + low).tolist()


@pytest.mark.parametrize("name", TIME)
def test_frames_of_every_pathway(golden, name):
    records = json.loads((golden / "data/temporal.json").read_text())["records"]
    packs = json.loads((golden / "data/pack.json").read_text())["records"]
    slow_of = {(pack["T"], pack["alpha"]): pack[SLOW[name]] for pack in packs}
    protocol, compared = get_protocol(name), 0
    for record in records[::7]:
        shape = ClipShape(record["num_frames"], record["sampling_rate"], record["target_fps"])
        video = [numbered(record["num_video_frames"])]
        settings = {"num_clips": record["num_views"], "num_crops": 3, "short_side_px": SIDE, "crop_px": SIDE}
        item = VideoViewsDataset(from_paths(["memory"]), shape, protocol=name, videos=video, fps=record["fps"], **settings)[0]
        expected = np.array(record[TIME[name]]["idx"])
        for crop, left in enumerate((0, 2, 4)):
            view = cut_view(item, record["view_index"] * 3 + crop)
            numbers = view[:, 0, 0, 0].astype(int) * 256 + view[:, 0, 0, 1]
            assert numbers.tolist() == expected.tolist(), record
            assert view[0, 0, 0, 2] == left and view[0, 0, -1, 2] == left + SIDE - 1
        for alpha in (4, 8):
            reference = slow_of.get((record["num_frames"], alpha))
            if reference is None:
                continue
            frames = record["num_frames"]
            pack = PackPathways([0.0] * 3, [1.0] * 3, [slow_indices(frames, alpha, protocol.slow_rule), range(frames)])
            slow, fast = pack(paddle.to_tensor(view[None]))
            assert shown(slow) == expected[np.array(reference)].tolist() and shown(fast) == expected.tolist()
            compared += 1
    assert compared > 20
