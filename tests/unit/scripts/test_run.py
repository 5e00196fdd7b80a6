"""What the run_*.sh scripts start, from any folder, with a stand-in for Python; and what they say where Paddle is missing."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PYTHON = """#!/usr/bin/env bash
[ "$1" = -c ] && { echo 0; exit; }
echo "$*" > "$NOTES/started"
"""


def run(script, tmp_path, python, *arguments):
    (tmp_path / "python").write_text(python)
    (tmp_path / "python").chmod(0o755)
    environment = {**os.environ, "PYTHON": str(tmp_path / "python"), "NOTES": str(tmp_path), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        ["bash", str(ROOT / script), *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("kind", ["single", "multi"])
@pytest.mark.parametrize(("task", "script"), [("train", "train.py"), ("eval", "eval.py"), ("infer", "predict.py")])
def test_only_training_names_a_configuration(tmp_path, task, script, kind):
    ended = run(f"run_{task}_{kind}.sh", tmp_path, PYTHON, "--weights", "w")
    assert ended.returncode == 0, ended.stderr
    preset = "slowfast-single" if kind == "single" else "slowfast"
    given = f"--config {preset} --weights w" if task == "train" else "--weights w"
    assert (tmp_path / "started").read_text().rstrip().endswith(f"{ROOT / script} {given}")


@pytest.mark.parametrize("script", ["run_eval_single.sh", "run_train_multi.sh"])
def test_a_python_without_the_packages_is_one_line(tmp_path, script):
    ended = run(script, tmp_path, '#!/usr/bin/env bash\nexec python3 -S -I "$@"\n')  # without site-packages
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ") and "pip install" in ended.stderr and len(ended.stderr.splitlines()) == 1
