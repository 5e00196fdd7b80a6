"""Every command parses and runs what it parsed."""

import json

import pytest

from slowfast_paddle.__main__ import _commands, main


@pytest.mark.parametrize("command", sorted(_commands()))
def test_help_of_every_command(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0 and command in capsys.readouterr().out


def test_curves_takes_a_run(tmp_path, capsys):
    lines = [{"epoch": epoch, "step": epoch, "train/loss": 1.0 / (epoch + 1)} for epoch in range(3)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["curves", str(tmp_path)]) == 0
    assert (tmp_path / "curves.png").stat().st_size and "curves.png" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["train", "eval", "predict"])
def test_the_scripts_are_commands_and_find_their_presets_anywhere(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main([command, "train.epochs=77", "--print-config", "test.num_clips=9"])
    printed = capsys.readouterr().out
    assert end.value.code == 0 and "epochs: 77" in printed and "num_clips: 9" in printed


def test_plan_finds_its_preset_anywhere(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(["plan", "--multigrid"])
    assert "no such configuration" not in capsys.readouterr().err
