"""A tiny detection network and its batches, shared by the tests of one and of several processes."""

import numpy as np
import paddle

from slowfast_paddle.layers.roi import RoIPool

CLASSES = 3


class TinyDetector(paddle.nn.Layer):
    """A convolution, RoI pooling and a classifier: the shape of the real ones."""

    def __init__(self):
        super().__init__()
        self.conv = paddle.nn.Conv3D(3, 4, (1, 4, 4), (1, 4, 4))
        self.pool = RoIPool(2, 4, True)
        self.classifier = paddle.nn.Linear(4, CLASSES)

    def forward(self, pathways, boxes, boxes_num):
        return self.classifier(self.pool(self.conv(pathways[0]), boxes, boxes_num))


def pack(clip):
    return (paddle.to_tensor(clip).astype("float32").transpose([0, 4, 1, 2, 3]) / 255.0,)


def make_batch(numbers, seed=0):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 8, (sum(numbers), 2))
    return {
        "clip": rng.integers(0, 256, (len(numbers), 2, 16, 16, 3), dtype=np.uint8),
        "boxes": np.concatenate([low, low + 6], axis=1).astype(np.float32),
        "boxes_num": np.array(numbers, dtype=np.int32),
        "label": rng.integers(0, 2, (sum(numbers), CLASSES)).astype(np.float32),
        "index": np.arange(len(numbers)),
    }


def keyframes(count=4):
    for index in range(count):
        batch = make_batch([index], seed=index)
        view = {"clip": batch["clip"][0], "boxes": batch["boxes"]}
        yield {"index": index, "image": f"v,{index:04d}", "boxes": batch["boxes"] / 16.0, "views": [view], "error": ""}
