"""Flags and overrides in any order; packages that are missing."""

import subprocess
import sys
from pathlib import Path

import pytest

import eval as eval_script
import predict as predict_script
import train as train_script
from slowfast_paddle import cli

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def parsed(monkeypatch):
    """Parses a command line with a script's own parser, and runs nothing."""
    seen = []
    monkeypatch.setattr(cli, "run_reporting_errors", lambda work: 0)
    monkeypatch.setattr(cli, "parse", lambda *given, parse=cli.parse: seen.append(parse(*given)) or seen[-1])

    def parse(script, *words):
        assert script.main(list(words)) == 0
        return seen[-1]

    return parse


def test_an_override_is_no_value_of_the_flag_before_it(parsed):
    args = parsed(predict_script, "--input", "a.mp4", "test.precision=bfloat16", "b.mp4", "labels=ssv2", "--weights", "w")
    assert args.input == ["a.mp4", "b.mp4"] and args.overrides == ["test.precision=bfloat16", "labels=ssv2"]
    args = parsed(eval_script, "test.crop_px=32", "--topk", "1", "5", "test.views=dense")
    assert args.topk == [1, 5] and args.overrides == ["test.crop_px=32", "test.views=dense"]
    args = parsed(train_script, "--resume", "train.epochs=5")
    assert args.resume == "true" and args.overrides == ["train.epochs=5"]
    args = parsed(train_script, "SOLVER.BASE_LR", "0.1", "train.epochs=5", "--resume", "runs/a=b")
    assert args.resume == "runs/a=b" and args.overrides == ["SOLVER.BASE_LR", "0.1", "train.epochs=5"]


def test_a_video_may_be_named_like_an_override(parsed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "take.one=final.mp4").touch()
    args = parsed(predict_script, "--input", "take.one=final.mp4", "http://host/v.mp4?a.b=c")
    assert args.input == ["take.one=final.mp4", "http://host/v.mp4?a.b=c"] and args.overrides == []


@pytest.mark.parametrize(("module", "package"), [("paddle", "paddlepaddle"), ("cv2", "opencv-python-headless")])
@pytest.mark.parametrize("script", ["train", "predict"])
def test_a_missing_package_is_one_line(script, module, package):
    code = f"import sys; sys.modules[{module!r}] = None; import {script}; sys.exit({script}.main([]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.rstrip().endswith(f"-m pip install {package}")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("module", ["paddle", "cv2", "av"])
def test_the_doctor_looks_on_where_a_package_is_missing(module):
    code = f"import sys; sys.modules[{module!r}] = None; from slowfast_paddle.__main__ import main; main(['doctor', '--quick'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert not done.stderr and "problems" in done.stdout.splitlines()[-1]
    assert module == "paddle" or "pip install" in done.stdout
