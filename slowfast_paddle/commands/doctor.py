"""Examine this machine: versions, decoders, Paddle on CPU and GPU, processes, memory; prints a fix for every problem.

Really decodes a generated video with each backend, computes a convolution, and lets two processes add a number.
Exit code 2 when something does not work.
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--quick", action="store_true", help="leave out what starts Paddle (a minute on a slow machine)")
    parser.add_argument("--json", metavar="FILE", help="write the checks")


def run(args: argparse.Namespace) -> int:
    """Print every check as it ends."""
    from dataclasses import asdict
    from itertools import chain
    from pathlib import Path

    from slowfast_paddle import files
    from slowfast_paddle.doctor import computing, decoders, machine, software
    from slowfast_paddle.doctor.check import summary

    checks = []
    for check in chain(software.here(), machine.examine(), decoders.examine(), () if args.quick else computing.examine()):
        print(check, flush=True)
        checks.append(check)
    print(summary(checks))
    if args.json:
        files.write_json(Path(args.json), [asdict(check) for check in checks])
    return 2 if any(check.state == "problem" for check in checks) else 0
