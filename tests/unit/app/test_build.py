"""What the builders read from a configuration."""

import pytest

from slowfast_paddle.app import build
from slowfast_paddle.config.load import load_config
from slowfast_paddle.errors import ConfigError, DataError


def test_names_of_another_class_count_are_left_out():
    assert build.names_of(load_config("slowfast"))[0] == "abseiling"
    assert build.names_of(load_config("slowfast", ["model.num_classes=12"])) is None


def test_a_file_of_names_must_fit(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("a\nb\n")
    assert build.names_of(load_config(None, [f"labels={path}", "model.num_classes=2"])) == ["a", "b"]
    with pytest.raises(DataError, match="2 class names for 3 classes"):
        build.names_of(load_config(None, [f"labels={path}", "model.num_classes=3"]))


def test_an_unknown_split_is_refused():
    with pytest.raises(ConfigError, match="split 'tets': unknown; expected train, val or test"):
        build.build_loader("slowfast", "tets")


def test_freezing_follows_the_network_upwards():
    assert build._frozen_patterns(0) == []
    assert build._frozen_patterns(2) == [r"stems\..*", r"(laterals\.0|stages\.0)\..*"]
