"""The cost table and its JSON."""

import json

import pytest

from slowfast_paddle.__main__ import main


def test_json_adds_up(capsys):
    assert main(["info", "--config", "slowfast_4x16_r50", "--size", "256", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["parameters"] == 34_480_216 == sum(row["parameters"] for row in report["parts"])
    assert report["multiply_adds"] / 1e9 == pytest.approx(36.1, rel=0.01)
    stem = report["parts"][1]
    assert (stem["part"], stem["pathway"], stem["output"]) == ("stem", "fast", [8, 32, 64, 64])


def test_table_takes_overrides(capsys):
    assert main(["info", "--config", "x3d_s", "--size", "160", "model.num_classes=10"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "x3d_s: one view of 13 frames at 160 px"
    assert lines[-3].split()[0] == "total"


@pytest.mark.parametrize(
    "flags, message",
    [(["--size", "8"], "--size 8: smaller than the network's stride; use at least 32 px"), (["--frames", "30"], "--frames 30")],
)
def test_impossible_views_are_refused(flags, message, capsys):
    assert main(["info", *flags]) == 2
    assert message in capsys.readouterr().err
