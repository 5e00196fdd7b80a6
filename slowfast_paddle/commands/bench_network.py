"""Time networks on random clips, with the fast CPU convolutions and with plain ones."""

import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext

import paddle
import paddle.nn.functional as F

from slowfast_paddle.config.load import load_config, preset_paths
from slowfast_paddle.config.schema import Config
from slowfast_paddle.errors import ConfigError
from slowfast_paddle.layers.conv3d import plain_conv3d
from slowfast_paddle.models.registry import build_model

FORMS = {"fast": nullcontext, "plain": plain_conv3d}
# Steps before the clock starts; the allocator needs them to hold all the memory a step takes.
WARM_UP = 2


def bench_networks(args) -> list[dict]:
    """One row per configuration of `args`: median seconds of both forms and the median of their paired ratios."""
    for name, value in (("batch", args.batch), ("repeat", args.repeat)):
        if value < 1:
            raise ConfigError(f"--{name} {value}: expected 1 or more")
    rows = []
    print(f"{'preset':28s} {'clips':22s} {'fast sec':>9s} {'plain sec':>9s} {'plain/fast':>10s}")
    for name in args.config or preset_paths():
        config = load_config(name)
        if config.model.head.kind == "roi":
            reason = f"{name}: model.head.kind is roi, and bench times networks of clips alone; use its Kinetics preset"
            if args.config:
                raise ConfigError(reason)
            print(f"left out: {reason}")
            continue
        rows.append(_row(config, args))
        row = rows[-1]
        print(
            f"{row['name']:28s} {row['clips']:22s} {row['fast_sec']:9.3f} {row['plain_sec']:9.3f} {row['ratio']:10.2f}",
            flush=True,
        )
    return rows


def _row(config: Config, args) -> dict:
    size = args.size or config.data.crop_px
    network = build_model(config.model, config.data.num_frames, config.data.crop_px)
    clips = tuple(paddle.randn([args.batch, 3, pathway.frames, size, size]) for pathway in network.spec.pathways)
    labels = paddle.randint(0, config.model.num_classes, [args.batch])
    work = _training_step(network, clips, labels) if args.kind == "step" else _forward(network, clips)
    seconds = _alternate(work, args.repeat)
    return {
        "name": config.name,
        "kind": args.kind,
        "clips": f"{args.batch} x {config.data.num_frames} x {size} x {size}",
        "fast_sec": statistics.median(seconds["fast"]),
        "plain_sec": statistics.median(seconds["plain"]),
        "ratio": statistics.median(p / f for p, f in zip(seconds["plain"], seconds["fast"])),
    }


def _training_step(network, clips, labels) -> Callable[[], None]:
    """Forward, backward and an SGD update with Nesterov momentum."""
    optimizer = paddle.optimizer.Momentum(1e-3, 0.9, network.parameters(), use_nesterov=True, weight_decay=1e-4)
    network.train()

    def step() -> None:
        loss = F.cross_entropy(network(clips), labels)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        loss.item()  # waits for the device

    return step


def _forward(network, clips) -> Callable[[], None]:
    network.eval()

    def forward() -> None:
        with paddle.no_grad():
            network(clips).numpy()

    return forward


def _alternate(work: Callable[[], None], repeat: int) -> dict[str, list[float]]:
    """Seconds of each form, measured in turns."""
    seconds: dict[str, list[float]] = {form: [] for form in FORMS}
    for turn in range(WARM_UP + repeat):
        for form, context in FORMS.items():
            with context():
                start = time.perf_counter()
                work()
            if turn >= WARM_UP:
                seconds[form].append(time.perf_counter() - start)
    return seconds
