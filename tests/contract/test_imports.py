"""Who may import whom, read from the sources; and `--help` never imports paddle."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "slowfast_paddle"

# Part of the package -> parts it may import. Everyone may import `errors`, `files`, `locks` and `views`; a part may always import itself.
ALLOWED = {
    "errors": set(),
    "files": set(),
    "locks": set(),
    "views": set(),
    "cpu": set(),
    "config": set(),
    "log": {"distributed"},
    "distributed": set(),
    "pickle_reader": set(),
    "unpickle": {"pickle_reader"},
    "optim": set(),
    "metrics": {"unpickle"},
    "viz": {"metrics"},
    "data": {"unpickle"},
    "layers": {"distributed"},
    "models": {"layers", "config"},
    "labels": set(),
    "sidecar": set(),
    "checkpoint": {"distributed", "sidecar", "unpickle"},
    "engine": {"metrics", "optim", "distributed", "checkpoint", "log"},
    "convert": {"models", "checkpoint", "config", "unpickle", "labels", "log"},
    "export": {"models", "layers", "checkpoint", "config", "cpu"},
    "cli": {"checkpoint", "config", "cpu", "log"},
    "doctor": {"cpu", "data", "distributed"},
}
ALL_ALLOWED = {"app", "commands", "__init__", "__main__"}  # the composition root, and what stands above it


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imported_parts(path: Path) -> set[tuple[str, int]]:
    """Parts of the package a file imports anywhere, with the line."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("slowfast_paddle"):
            parts = node.module.split(".")
            names = [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
            found |= {(name, node.lineno) for name in names}
        elif isinstance(node, ast.Import):
            found |= {(a.name.split(".")[1], node.lineno) for a in node.names if a.name.startswith("slowfast_paddle.")}
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_part_imports_only_what_it_may(path):
    part = part_of(path)
    if part in ALL_ALLOWED:
        return
    assert part in ALLOWED, f"{path}: a new part of the package needs its row in ALLOWED"
    allowed = ALLOWED[part] | {part, "errors", "files", "locks", "views"}
    wrong = [f"line {line}: {name}" for name, line in sorted(imported_parts(path)) if name not in allowed]
    assert not wrong, f"{path.relative_to(PACKAGE)} imports {wrong}; {part} may import {sorted(allowed)}"


@pytest.mark.parametrize(
    "command", [["train.py"], ["eval.py"], ["predict.py"], ["-m", "slowfast_paddle"], ["-m", "slowfast_paddle", "train"]]
)
def test_help_never_imports_paddle(command):
    code = (
        "import sys, runpy\n"
        f"argv = {command!r}\n"
        "sys.argv = [argv[0], *argv[2:], '--help']\n"
        "try:\n"
        "    runpy.run_module(argv[1], run_name='__main__') if argv[0] == '-m' else runpy.run_path(argv[0], run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0, end.code\n"
        "assert 'paddle' not in sys.modules, 'paddle was imported'\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, check=True, stdout=subprocess.DEVNULL)
