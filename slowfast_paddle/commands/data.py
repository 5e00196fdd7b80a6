"""Prepare and examine data: list files, AVA frames, boxes of annotation tools, generated sets."""

import argparse
from importlib import import_module

# Sub-command -> module of this package; each has add_arguments and prepare.
PARTS = {
    "lists": "data_lists",
    "check": "data_check",
    "synthetic": "data_synthetic",
    "ava": "data_ava",
    "boxes": "data_boxes",
    "ava-synthetic": "data_ava_synthetic",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands."""
    subparsers = parser.add_subparsers(dest="part", required=True, metavar="what")
    for name, module_name in PARTS.items():
        module = import_module(f"slowfast_paddle.commands.{module_name}")
        about = (module.__doc__ or "").strip()
        part = subparsers.add_parser(
            name, help=about.partition("\n")[0], description=about, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(part)
        part.set_defaults(prepare=module.prepare)


def run(args: argparse.Namespace) -> int:
    """Run the chosen sub-command."""
    return args.prepare(args)
