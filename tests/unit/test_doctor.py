"""The doctor names what is wrong and how to repair it; on this machine it finds everything that the tests need."""

import json
import sys

import pytest

from slowfast_paddle.__main__ import main
from slowfast_paddle.doctor import computing, decoders, machine, software
from slowfast_paddle.doctor.probe import MARK
from slowfast_paddle.errors import DecodeError

GOOD = dict.fromkeys(software.REQUIRED, "9.9") | {"paddlepaddle": "3.3.1", "numpy": "2.1.0"}


def states(checks):
    return {check.name: (check.state, check.fix) for check in checks}


@pytest.mark.parametrize(
    ("change", "python", "name", "fix"),
    [
        ({}, (3, 9), "python", "3.10"),
        ({"tqdm": None}, (3, 11), "packages", "pip install tqdm"),
        ({"paddlepaddle": None}, (3, 11), "paddle", "pip install paddlepaddle"),
        ({"paddlepaddle-gpu": "2.6.2"}, (3, 11), "two paddles", "pip uninstall"),
        ({"paddlepaddle": "2.4.0"}, (3, 11), "paddle", ">=2.6.2"),
        ({"paddlepaddle": "2.6.2"}, (3, 11), "paddle and numpy", "numpy<2"),
        ({"paddlepaddle": "2.6.2", "numpy": "1.26.4", "opencv-python": "5.0.0"}, (3, 11), "paddle and opencv", "<4.12"),
        ({"paddlepaddle": "2.6.2", "numpy": "1.26.4"}, (3, 13), "paddle and python", "3.12"),
        ({"opencv-python": "4.9", "opencv-python-headless": "4.9"}, (3, 11), "opencv", "pip uninstall -y"),
    ],
)
def test_versions(change, python, name, fix):
    versions = {key: value for key, value in (GOOD | change).items() if value is not None}
    state, advice = states(software.examine(versions, python))[name]
    assert state != "ok" and fix in advice


def test_versions_that_fit():
    assert {state for state, _ in states(software.examine(GOOD, (3, 12))).values()} == {"ok"}


def test_decoders_really_decode():
    assert {state for state, _ in states(decoders.examine()).values()} == {"ok"}

    def broken(path, backend):
        if backend == "pyav":
            raise DecodeError("no codec")
        return decoders.decode(path, backend)[:, :, ::-1]

    found = {check.name: check for check in decoders.examine(broken)}
    assert found["decoder pyav"].found == "fails: no codec" and "off by" in found["decoder opencv"].found
    assert found["decoders"].state == "problem"


def test_small_shared_memory():
    assert machine.shared_memory(64 << 20).state == "warning" and machine.shared_memory(1 << 30).state == "ok"


def test_what_devices_answer():
    right = {"error": "", "off": 1e-6, "sec": 0.001}
    facts = {"paddle": "3.3.1", "cuda": "", "gpus": [], "cpu": right}
    assert states(computing.judge(facts, has_nvidia=False))["GPU"] == ("ok", "")
    assert states(computing.judge(facts, has_nvidia=True))["GPU"][0] == "warning"
    facts |= {
        "cuda": "11.8",
        "gpus": ["A"],
        "gpu": right | {"off": float("nan")},
        "float16": right,
        "bfloat16": {"error": "no kernel"},
    }
    found = states(computing.judge(facts, has_nvidia=True))
    assert found["conv3d on GPU"][0] == "problem" and found["mixed precision float16"] == ("ok", "")
    assert found["mixed precision bfloat16"] == ("warning", "do not set train.amp to bfloat16")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (f"print('{MARK}' + '{{\"a\": 1}}')", ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "AVX"),
        ("raise ImportError('libGL is missing')", "ends with code 1: ImportError: libGL is missing"),
        ("import time; time.sleep(60)", "no answer within 2 s"),
    ],
)
def test_probes_that_fail(code, told, monkeypatch):
    monkeypatch.setattr(computing, "TIMEOUT_SEC", 2.0)
    facts, error = computing._facts([sys.executable, "-c", code])
    assert (facts == {"a": 1}) if not told else (facts is None and told in error)


def test_this_machine(tmp_path, capsys):
    assert main(["doctor", "--json", str(tmp_path / "d.json")]) == 0
    checks = {check["name"]: check["state"] for check in json.loads((tmp_path / "d.json").read_text())}
    assert checks["conv3d on CPU"] == "ok" and checks["two processes over gloo"] == "ok"
    assert "0 problems" in capsys.readouterr().out
