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
