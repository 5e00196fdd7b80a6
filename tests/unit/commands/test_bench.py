"""`bench` measures both forms of the same network and refuses what it cannot time."""

import json

import pytest

from slowfast_paddle.__main__ import main


@pytest.mark.parametrize("kind", ["model", "step"])
def test_figures_of_one_preset(kind, capsys):
    code = main(["bench", kind, "--config", "quickstart", "--batch", "1", "--size", "32", "--repeat", "1", "--json"])
    (row,) = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert code == 0
    assert row["name"] == "quickstart" and row["kind"] == kind
    assert row["ratio"] == pytest.approx(row["plain_sec"] / row["fast_sec"])


@pytest.mark.parametrize("flag", ["--batch", "--repeat"])
def test_nothing_to_measure_is_refused(flag, capsys):
    assert main(["bench", "step", "--config", "quickstart", flag, "0"]) == 2
    assert f"{flag} 0" in capsys.readouterr().err


def test_presets_of_action_detection_are_left_out_of_all_and_refused_alone(capsys, monkeypatch):
    names = ["quickstart", "slow_4x16_r50_short"]
    monkeypatch.setattr("slowfast_paddle.commands.bench_network.preset_paths", lambda: names)
    assert main(["bench", "model", "--size", "32", "--repeat", "1", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [row["name"] for row in json.loads(lines[-1])] == names[:1]
    assert lines[-2].startswith(f"left out: {names[1]}: ")
    assert main(["bench", "model", "--config", names[1]]) == 2
