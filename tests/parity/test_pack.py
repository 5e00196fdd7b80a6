"""Slow frames equal those of the reference implementations."""

import json

import pytest

from slowfast_paddle.data.sampling import slow_indices
from slowfast_paddle.errors import DataError


def test_slow_frames(golden):
    records = json.loads((golden / "data/pack.json").read_text())["records"]
    for record in records:
        if record["T"] % record["alpha"]:  # the references floor the number of slow frames; here it is a user error
            with pytest.raises(DataError, match="multiple of model.alpha"):
                slow_indices(record["T"], record["alpha"])
            continue
        linspace = list(slow_indices(record["T"], record["alpha"], "linspace"))
        for project in ("pyslowfast", "pytorchvideo_trainer", "paddle_original", "paddlevideo", "mindspore"):
            assert linspace == record[project], (project, record)
        assert list(slow_indices(record["T"], record["alpha"], "nearest")) == record["mmaction2_nearest"], record


def test_mmaction2_backbone_with_equal_rates(golden):
    """Where MMAction2's resample rate equals its speed ratio the fast pathway keeps every frame, as here always."""
    for record in json.loads((golden / "data/pack.json").read_text())["mmaction2_backbone"]:
        if record["resample_rate"] == record["speed_ratio"]:
            assert list(slow_indices(record["T"], record["resample_rate"], "nearest")) == record["slow"]
            assert list(range(record["T"])) == record["fast"]
