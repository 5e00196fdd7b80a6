"""What each rank of tests/unit/engine/test_distributed.py does; results go to the given folder, one file a rank."""

import sys
from pathlib import Path

import numpy as np
import paddle

from slowfast_paddle import distributed, log
from slowfast_paddle.config.model import ModelConfig, NormConfig
from slowfast_paddle.engine.evaluator import answer_of, evaluate, score_video
from slowfast_paddle.engine.options import TrainOptions
from slowfast_paddle.engine.precise_bn import update_bn_statistics
from slowfast_paddle.engine.validation import validate
from slowfast_paddle.layers.sync_bn import SyncBatchNorm3D
from slowfast_paddle.models.registry import build_model
from tests.unit.engine.support import CLASSES, FakeLoader, PoisonedTask, TinyNet, make_trainer, pack, state_of
from tests.unit.engine.test_evaluator import item

VIDEOS = 7


class OneStep(FakeLoader):
    """A global batch of eight clips, one step an epoch."""

    def __init__(self):
        super().__init__(steps=1, batch=8)


def train(folder, bn):
    """Weights after two epochs of one step each."""
    trainer = make_trainer(folder / f"{bn}{distributed.world_size()}", OneStep(), TrainOptions(epochs=2), dropout=0.0)
    if bn == "frozen":
        trainer.network.bn._use_global_stats = True
    else:
        trainer.network.bn.__class__ = SyncBatchNorm3D  # same parameters, same state
    trainer.fit()
    return {f"{bn}.{name}": value for name, value in state_of(trainer.network).items()}


def gradients():
    """Of the weights of a SlowFast, averaged over the ranks' shares of eight clips."""
    paddle.seed(0)
    norm = NormConfig(kind="frozen")
    network = build_model(ModelConfig(depth=14, width=8, alpha=4, num_classes=CLASSES, dropout=0.0, norm=norm), 8, 32)
    network.train()
    for name, scale in network.state_dict().items():
        if name.endswith("bn.weight"):  # the last of a block begins as zero, which hides what lies before it
            scale.set_value(paddle.ones_like(scale))
    noise, share = np.random.default_rng(0), 8 // distributed.world_size()
    own = slice(distributed.rank() * share, (distributed.rank() + 1) * share)
    pathways = [noise.normal(size=(8, 3, p.frames, 32, 32)).astype(np.float32)[own] for p in network.spec.pathways]
    parallel = paddle.DataParallel(network) if distributed.world_size() > 1 else network
    logits = parallel(tuple(map(paddle.to_tensor, pathways)))
    paddle.nn.functional.cross_entropy(logits, paddle.to_tensor(np.arange(8)[own] % CLASSES)).backward()
    return {f"gradient.{name}": p.grad.numpy() for name, p in network.named_parameters() if p.grad is not None}


def exact_statistics():
    """Precise BN over all batches, whichever rank ran them."""
    paddle.seed(0)
    network = TinyNet(0.0)
    network.train()
    update_bn_statistics(network, FakeLoader(), lambda batch: network(pack(batch["clip"])))
    return {"precise.mean": network.bn._mean.numpy(), "precise.variance": network.bn._variance.numpy()}


def scores():
    """Multi-view scores and validation of seven videos, which no number of ranks but one and seven divides."""
    paddle.seed(0)
    network = TinyNet()
    network.eval()
    mine = range(distributed.rank(), VIDEOS, distributed.world_size())
    items = [item(i, label=i % CLASSES, error="broken" if i == 3 else "") for i in mine]
    result = evaluate(lambda item: answer_of(item, score_video(network, pack, item, CLASSES, 2, "prob")), items, VIDEOS, CLASSES)
    clips = np.random.default_rng(0).integers(0, 256, (VIDEOS, 2, 4, 4, 3), dtype=np.uint8)
    batches = [{"clip": clips[[i]], "label": np.array([i % CLASSES]), "index": np.array([i])} for i in mine]
    metrics = validate(network, PoisonedTask(pack, CLASSES), batches)
    return {"scores": result.scores, "labels": result.labels, **{f"valid.{k}": np.array(v) for k, v in metrics.items()}}


def main():
    log.setup()
    distributed.init(use_gpu=False)
    folder = Path(sys.argv[1])
    assert distributed.broadcast_object(distributed.rank()) == 0
    assert distributed.mean(distributed.rank()) == (distributed.world_size() - 1) / 2
    distributed.barrier()
    values = {**train(folder, "frozen"), **train(folder, "synced"), **gradients(), **exact_statistics(), **scores()}
    np.savez(folder / f"ranks{distributed.world_size()}_rank{distributed.rank()}.npz", **values)


if __name__ == "__main__":
    main()
