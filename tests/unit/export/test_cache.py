"""What is damaged in the cache of programs is built again; what is left over goes."""

import os
import shutil
from pathlib import Path

import pytest

from slowfast_paddle.export.cache import MANIFEST, cached_folder, default_cache_dir, is_intact
from slowfast_paddle.export.compile import CompiledNetwork
from slowfast_paddle.export.engines import engines
from tests.unit.export.test_compile import clips, folders, network  # noqa: F401


def build(folder: Path) -> None:
    (folder / "program").write_text("good")


def plain_file(folder):
    shutil.rmtree(folder)
    folder.write_text("")


def dangling(folder):
    shutil.rmtree(folder)
    folder.symlink_to("nowhere")


def deep(folder):
    (folder / MANIFEST).write_text("[" * 100_000)


def changed(folder):
    (folder / "program").write_text("bad")


@pytest.mark.parametrize("damage", [plain_file, dangling, deep, changed])
def test_a_damaged_entry_is_built_again(tmp_path, damage):
    damage(cached_folder(tmp_path, "key", build))
    folder = cached_folder(tmp_path, "key", build)
    assert is_intact(folder) and (folder / "program").read_text() == "good"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_what_a_killed_process_left_goes_and_what_one_builds_stays(tmp_path):
    for name, age in (("building-old", 2 * 3600), ("building-new", 60)):
        (tmp_path / name).mkdir()
        then = os.stat(tmp_path).st_mtime - age
        os.utime(tmp_path / name, (then, then))
    cached_folder(tmp_path, "key", build)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["building-new", "key"]


def test_without_a_home_programs_are_not_kept(monkeypatch):
    for name in ("SLOWFAST_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(OSError):
        cached_folder(default_cache_dir(), "key", build)


def test_a_record_that_is_no_text_counts_for_nothing(network, tmp_path):  # noqa: F811
    CompiledNetwork(network, tmp_path)(clips(1))
    (folder,) = tmp_path.iterdir()
    next(folder.glob("verified-*")).write_bytes(b"\xff\xfe")
    again = CompiledNetwork(network, tmp_path)
    again.prepare(clips(1))
    assert not again.compiled() and again(clips(1)).shape[0] == 1 and again.compiled()


@pytest.mark.skipif(len(engines("float32")) < 2, reason="one engine alone")
def test_a_damaged_program_of_the_fast_engine_does_not_leave_the_slow_one(network, tmp_path, monkeypatch):  # noqa: F811
    CompiledNetwork(network, tmp_path)(clips(1))
    (fast,) = tmp_path.iterdir()
    slow = tmp_path / fast.name.replace("openvino", "onednn")
    shutil.copytree(fast, slow)
    (fast / MANIFEST).write_text("{}")
    again = CompiledNetwork(network, tmp_path)
    again.prepare(clips(1))
    assert not again.compiled()
    again(clips(1))
    assert is_intact(fast) and folders(tmp_path) == ["onednn", "openvino"]
