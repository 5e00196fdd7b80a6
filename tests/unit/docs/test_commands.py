"""Every command line of the pages is one the programs understand."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from slowfast_paddle import __main__ as package
from slowfast_paddle import cli

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
COMMAND = re.compile(
    r"(?:bash run_(?:train|eval|infer)_\w+\.sh|python (?:train|eval|predict)\.py|python -m slowfast_paddle)(?=[ `\n])[^`\n]*"
)


def command_lines(page: Path) -> list[str]:
    """In the order of the page; what is optional is taken, a comment is not."""
    text = re.sub(r" *\\\n *", " ", page.read_text(encoding="utf-8"))
    text = re.sub(r"`([^`\n]*)\n([^`\n]*)`", r"`\1 \2`", text)  # a command in the running text may be broken
    lines = (match[0].split(" # ")[0].strip() for match in COMMAND.finditer(text))
    return [re.sub(r"[\[\]](?!\s*$)|\]$", "", line) if " [" in line else line for line in lines]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder like the checkout, with the files the pages invent."""
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    (tmp_path / "my.yaml").write_text("optim: {policy: steps, steps: [0, 94, 154], relative_lrs: [1, 0.1, 0.01]}")
    (tmp_path / "SLOWFAST_8x8_R50.yaml").symlink_to(ROOT / "tests/pyslowfast_configs/slowfast_8x8_r50.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_understood(page, folder, monkeypatch):
    parsed = []
    monkeypatch.setattr(cli, "parse", lambda *given, parse=cli.parse: parsed.append(parse(*given)) or parsed[-1])
    monkeypatch.setattr(package, "run_reporting_errors", lambda work: 0)
    for line in command_lines(page):
        print(line)  # shown with a failure
        command, *words = shlex.split(re.sub(r"\bN\b", "0", line))[1:]
        if command == "-m" and words[1] in ("train", "eval", "predict"):
            command, words = words[1], words[2:]
        if command == "-m":
            if len(words) > 2:
                assert package.main(words[1:]) == 0
            elif "<" not in words[-1]:  # a name in the running text
                with pytest.raises(SystemExit) as ended:
                    package.main([*words[1:], "--help"])
                assert ended.value.code == 0
            continue
        if command.endswith(".sh"):
            *_, call = (ROOT / command).read_text().splitlines()
            command, *fixed, _ = shlex.split(call)[1:]
            words = [*fixed, *words]
        if "--weights" in words:
            file = folder / f"{words[words.index('--weights') + 1]}.pdparams"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        with pytest.raises(SystemExit) as ended:
            import_module(command.removesuffix(".py")).main([*words, "--print-config"])
        assert ended.value.code == 0
        taken = [value for key, value in vars(parsed[-1]).items() if key != "overrides" for value in np.atleast_1d(value)]
        assert not any(re.match(r"[a-z_.]+=", str(value)) for value in taken), "an override became the value of a flag"
