"""What each rank of test_detection_parallel.py does: train while one rank has no boxes, then detect and score."""

import json
import sys
from pathlib import Path

import numpy as np
import paddle

from slowfast_paddle import distributed, log
from slowfast_paddle.engine.detection import DetectionScoring, DetectionTask, detect
from slowfast_paddle.engine.step import Stepper
from slowfast_paddle.metrics.ava_map import Boxes
from tests.unit.engine.detection_support import CLASSES, TinyDetector, keyframes, make_batch, pack

LABELS = np.array([7, 8, 9])


def main() -> None:
    log.setup()
    distributed.init(use_gpu=False)
    paddle.seed(0)
    network, task = TinyDetector(), DetectionTask(pack, CLASSES)
    rank, world = distributed.rank(), distributed.world_size()
    items = [item for item in keyframes(7) if item["index"] % world == rank]
    before = detect(network, task, items)
    truth = before.rows(LABELS)
    truth = Boxes(truth.images, truth.boxes, truth.labels).keep(np.arange(len(truth)) % 4 == 0)
    value = DetectionScoring(truth, LABELS, tuple(LABELS.tolist())).score(before).mean_ap

    optimizer = paddle.optimizer.SGD(0.1, parameters=network.parameters())
    stepper = Stepper(network, task, optimizer)
    network.train()
    for step in range(3):
        numbers = [0, 0] if (step + rank) % 2 else [3, step]
        stepper.run(make_batch(numbers, seed=step), 0.1, np.random.default_rng(0), lambda: False)
    weights = {name: value.numpy().tolist() for name, value in network.state_dict().items()}
    result = {"map": value, "images": before.images, "rows": len(truth), "weights": weights}
    Path(sys.argv[1], f"ranks{world}_rank{rank}.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
