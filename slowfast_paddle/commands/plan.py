"""Say what a training run would take here: step and reader time, memory, hours, and the batch, accumulation and workers to set.

python -m slowfast_paddle plan --config slowfast
python -m slowfast_paddle plan --config slowfast_8x8_r50 --videos 240000       without reading any
python -m slowfast_paddle plan --multigrid --config my.yaml                    only the schedule of multigrid training

A few training steps and clips are measured in one process; the batch of the configuration is kept.
"""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slowfast_paddle.config.schema import Config
    from slowfast_paddle.optim.multigrid import Schedule


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--config", metavar="PRESET_OR_YAML", default="slowfast", help="(default: %(default)s)")
    parser.add_argument("--videos", type=int, metavar="N", help="plan for a list of so many videos and read none")
    parser.add_argument("--processes", type=int, metavar="N", help="of the job (default: one a GPU, else one)")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="SEC", help="for each measurement (default: %(default)s)")
    parser.add_argument("--use_gpu", default="auto", choices=("auto", "true", "false"))
    parser.add_argument("--multigrid", action="store_true", help="print the schedule of multigrid training and measure nothing")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("overrides", nargs="*", metavar="section.key=value", help="on top of --config")


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    from slowfast_paddle.app import detection, machine, multigrid
    from slowfast_paddle.config.load import load_config
    from slowfast_paddle.errors import ConfigError

    config = load_config(args.config, args.overrides)
    if args.multigrid and not config.train.multigrid.on:
        both = ["train.multigrid.long_cycle=true", "train.multigrid.short_cycle=true"]
        config = load_config(args.config, [*args.overrides, *both])
    schedule = multigrid.schedule_of(config)
    if args.multigrid:
        print(json.dumps(asdict(schedule)) if args.json else schedule_table(config, schedule))
        return 0
    if detection.wanted(config):
        raise ConfigError(f"{args.config}: plan measures classification; use the Kinetics preset of the same network")
    from slowfast_paddle.cli import Runtime

    report = _report(args, config, machine.start(Runtime(args.use_gpu)))
    if schedule and not args.json:
        print(schedule_table(config, schedule) + "\n")
    print(json.dumps(report) if args.json else table(report))
    return 0


def _report(args: argparse.Namespace, config: "Config", here) -> dict:
    """Measurements and proposal as plain values."""
    import paddle

    from slowfast_paddle.app import build, planning
    from slowfast_paddle.app.machine import Machine, fit_batch
    from slowfast_paddle.errors import ConfigError

    processes = args.processes or (paddle.device.cuda.device_count() if here.gpu else 1)
    given = any(override.startswith("train.batch_size=") for override in args.overrides)
    config = fit_batch(config, Machine(here.gpu, 0, processes), given)
    if args.videos is not None and args.videos < config.train.batch_size:
        raise ConfigError(f"--videos {args.videos}: fewer than train.batch_size {config.train.batch_size}")
    loader = build.clip_loader(config, train=True) if args.videos is None else None
    videos = args.videos if loader is None else len(loader.dataset)
    measured = planning.measure(config, here.gpu, loader, args.seconds)
    steps = planning.steps_of(config, videos)
    proposal = planning.propose(measured, config.train.batch_size, processes, steps, config.augment.repeats)
    return {
        "name": config.name,
        "device": "GPU" if here.gpu else "CPU",
        "videos": videos,
        "processes": processes,
        "batch_size": config.train.batch_size,
        "measured": asdict(measured),
        "proposal": asdict(proposal),
    }


def table(report: dict) -> str:
    """The report for people, ending with a line to paste."""
    measured, proposal = report["measured"], report["proposal"]
    reader = (
        "not measured" if proposal["reader_sec"] is None else f"{proposal['reader_sec']:.3f} s for {proposal['workers']} workers"
    )
    rows = {
        "videos, batch": f"{report['videos']}, {report['batch_size']} clips a step over {report['processes']} processes",
        "network": f"{proposal['network_sec']:.3f} s a step ({measured['clip_sec']:.3f} s a clip)",
        "reader": reader,
        "step": f"{proposal['step_sec']:.3f} s, the {proposal['limit']} limits",
        "memory": f"{proposal['memory_gb']:.2f} of {measured['memory_gb']:.1f} GB a process ({measured['clip_gb']:.3f} a clip)",
        "largest batch": f"{proposal['largest_batch']} clips in one forward",
        "whole run": f"{proposal['steps']} steps, {proposal['hours']:.1f} hours",
    }
    lines = [f"{report['name']} on {report['device']}, {measured['cores']} cores"]
    lines += [f"  {name:14s} {value}" for name, value in rows.items()]
    if not proposal["largest_batch"]:
        lines.append("  not even one clip fits: lower data.num_frames or data.crop_px, or take a smaller network")
    accumulate, workers = proposal["accumulate_steps"], proposal["workers"]
    lines.append(f"set: train.batch_size={report['batch_size']} train.accumulate_steps={accumulate} data.workers={workers}")
    return "\n".join(lines)


def schedule_table(config: "Config", schedule: "Schedule") -> str:
    """Epochs, shapes, batches and rates of multigrid training."""
    from slowfast_paddle.app.build import lr_policy

    policy, batch = lr_policy(config), config.train.batch_size
    lines = [f"multigrid: {schedule.epochs} epochs", f"{'epochs':>11s}  {'frames x stride':15s}  {'lr':>9s}  clips a step x crop"]
    for phase in schedule.phases:
        steps = ", ".join(f"{batch * shape.batch_factor} x {shape.crop_px}" for shape in phase.cycle)
        epochs = f"{phase.first_epoch}-{phase.end_epoch - 1}"
        stride = f"{phase.shape.num_frames} x {phase.shape.sampling_rate}"
        lines.append(f"{epochs:>11s}  {stride:15s}  {policy.at(phase.end_epoch - 0.5):9.3g}  {steps}")
    return "\n".join(lines)
