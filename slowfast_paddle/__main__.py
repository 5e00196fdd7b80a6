"""`python -m slowfast_paddle <command>`: every module of slowfast_paddle/commands with a function `run` is one command.

Those with `main` instead are train.py, eval.py and predict.py, which read their command line themselves.
"""

import argparse
import ast
import sys
from importlib import import_module
from pathlib import Path

from slowfast_paddle import commands
from slowfast_paddle.cli import run_reporting_errors


def _commands() -> dict[str, str]:
    """Command name -> its module's docstring. Sources are parsed, not imported: help stays instant."""
    found = {}
    for path in sorted(Path(commands.__file__).parent.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name in ("run", "main") for node in tree.body):
            found[path.stem.replace("_", "-")] = ast.get_docstring(tree) or ""
    return found


def main(argv: list[str] | None = None) -> int:
    """Parses and runs one command; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="python -m slowfast_paddle", description=commands.__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, about in _commands().items():
        sub = subparsers.add_parser(
            name, help=about.partition("\n")[0], description=about, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name in argv[:1]:
            module = import_module(f"{commands.__name__}.{name.replace('-', '_')}")
            if hasattr(module, "main"):
                return module.main(argv[1:], f"{parser.prog} {name}")
            module.add_arguments(sub)
    args = parser.parse_args(argv)
    return run_reporting_errors(lambda: module.run(args))


if __name__ == "__main__":
    sys.exit(main())
