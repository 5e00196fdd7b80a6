"""`python -m slowfast_paddle <command>`: every module of slowfast_paddle/commands is one command."""

import argparse
import pkgutil
import sys
from importlib import import_module
from types import ModuleType

from slowfast_paddle import commands
from slowfast_paddle.cli import run_reporting_errors


def _modules() -> dict[str, ModuleType]:
    """Command name -> module; a module without `run` is a helper of its neighbours."""
    modules = (import_module(f"{commands.__name__}.{info.name}") for info in pkgutil.iter_modules(commands.__path__))
    return {m.__name__.rpartition(".")[2].replace("_", "-"): m for m in modules if hasattr(m, "run")}


def main(argv: list[str] | None = None) -> int:
    """Parses and runs one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m slowfast_paddle", description=commands.__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, module in _modules().items():
        about = (module.__doc__ or "").strip()
        sub = subparsers.add_parser(
            name, help=about.partition("\n")[0], description=about, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
    args = parser.parse_args(argv)
    return run_reporting_errors(lambda: args.run(args))


if __name__ == "__main__":
    sys.exit(main())
