"""The loader: same batches whatever the workers, resumable anywhere, and alive after the worst a file can do."""

import faulthandler
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from slowfast_paddle.data import kinetics
from slowfast_paddle.data.kinetics import ClipDataset, Key, VideoViewsDataset
from slowfast_paddle.data.loader import Loader, collate_clips, one_video
from slowfast_paddle.data.records import from_paths
from slowfast_paddle.data.sampler import EvalSampler, TrainSampler, balanced_order
from slowfast_paddle.data.sampling import ClipShape
from slowfast_paddle.errors import DataError

SHAPE = ClipShape(4, 2)


def clip_dataset(paths, **changes):
    settings = {"train": True, "crop_px": 32, "short_side_px": (32, 40), "seed": 1}
    return ClipDataset(from_paths(map(str, paths)), SHAPE, **(settings | changes))


@pytest.fixture
def videos(make_video):
    return [make_video(f"v{i}.avi", 30 + i) for i in range(7)]


def digest(batches):
    return [(batch["clip"].tobytes(), batch["index"].tolist()) for batch in batches]


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(videos, workers):
    data = clip_dataset(videos)
    here = Loader(data, TrainSampler(7, 2, seed=3), collate_clips)
    with Loader(data, TrainSampler(7, 2, seed=3), collate_clips, num_workers=workers) as there:
        for epoch in (0, 1):
            here.set_position(epoch)
            there.set_position(epoch)
            expected = digest(here)
            assert len(expected) == len(here) == 3
            assert digest(there) == expected


@pytest.mark.parametrize("workers", [0, 1])
def test_an_epoch_resumes_at_any_step(videos, workers):
    with Loader(clip_dataset(videos), TrainSampler(7, 2, seed=3), collate_clips, num_workers=workers) as loader:
        loader.set_position(4)
        whole = digest(loader)
        next(iter(loader))  # an epoch given up in the middle leaves nothing behind
        loader.set_position(4, 2)
        assert digest(loader) == whole[2:]


@pytest.mark.parametrize("workers", [0, 2])
def test_reading_ahead_changes_nothing(videos, workers):
    data = VideoViewsDataset(from_paths(map(str, videos)), SHAPE, num_clips=2, num_crops=1, short_side_px=32, crop_px=32)
    with Loader(data, EvalSampler(7), one_video, num_workers=workers) as loader:
        loader.read_ahead()
        if workers:  # the first videos arrive without anyone asking for a batch
            readers = loader._pool._readers
            assert [reader.connection.poll(30) for reader in readers] == [True] * workers
        assert [item["index"] for item in loader] == list(range(7))
        assert [item["index"] for item in loader] == list(range(7))


def test_hundreds_of_waiting_samples_block_nobody(videos):
    """Tasks and results of large batches used to fill the pipe between both processes."""
    data = clip_dataset(videos * 100, crop_px=16, short_side_px=(16, 16))
    with Loader(data, TrainSampler(700, 233), collate_clips, num_workers=1) as loader:
        loader.read_ahead()
        time.sleep(1)
        faulthandler.dump_traceback_later(120, exit=True)
        assert [len(batch["index"]) for batch in loader] == [233, 233, 233]
        faulthandler.cancel_dump_traceback_later()


def test_ranks_share_the_global_batch():
    alone = list(TrainSampler(20, 6, seed=2).batches(5))
    shared = [list(TrainSampler(20, 2, seed=2, rank=rank, world_size=3).batches(5)) for rank in range(3)]
    assert [sum(parts, []) for parts in zip(*shared)] == alone
    assert len({key.index for batch in alone for key in batch}) == 18
    assert alone != list(TrainSampler(20, 6, seed=2).batches(6))


def test_too_few_videos_for_a_batch():
    with pytest.raises(DataError, match="5 training videos do not fill one global batch of 8"):
        TrainSampler(5, 4, world_size=2)


@pytest.mark.parametrize(("size", "world", "batch"), [(7, 3, 1), (7, 2, 2), (2, 3, 1), (0, 1, 1)])
def test_evaluation_sees_everything_once(size, world, batch):
    seen = []
    for rank in range(world):
        sampler = EvalSampler(size, batch, rank=rank, world_size=world)
        batches = list(sampler.batches())
        assert len(batches) == len(sampler)
        seen += [key.index for keys in batches for key in keys]
    assert sorted(seen) == list(range(size))


def test_items_are_whole_videos(videos):
    data = VideoViewsDataset(from_paths(map(str, videos)), SHAPE, num_clips=2, num_crops=1, short_side_px=32, crop_px=32)
    with Loader(data, EvalSampler(7), one_video, num_workers=2) as loader:
        items = list(loader)
    assert [item["index"] for item in items] == list(range(7))
    assert all(np.array_equal(item["frames"], data[item["index"]]["frames"]) for item in items)


def test_a_bad_training_video_is_named_once(videos, tmp_path):
    paths = [*videos, tmp_path / "none.mp4"]
    with Loader(clip_dataset(paths), TrainSampler(8, 4), collate_clips, num_workers=2) as loader:
        messages = []
        for epoch in range(3):
            loader.set_position(epoch)
            messages += [message for batch in loader for message in batch["skipped"]]
    assert len(messages) == 1 and "none.mp4: no such file" in messages[0]


def test_too_many_bad_training_videos_end_the_run(videos, tmp_path):
    paths = [*videos[:4], *(tmp_path / f"none{i}.mp4" for i in range(4))]
    with (
        Loader(clip_dataset(paths), TrainSampler(8, 4), collate_clips, max_skipped=0.25) as loader,
        pytest.raises(
            DataError, match="of 8 training videos are unreadable, more than data.max_skipped 25% allows; the last: .*none"
        ),
    ):
        list(loader)


def test_bad_validation_videos_are_left_out_of_the_batch(videos, tmp_path):
    paths = [videos[0], tmp_path / "none.mp4", videos[1]]
    batches = list(Loader(clip_dataset(paths, train=False), EvalSampler(3, 2), collate_clips))
    assert [batch["index"].tolist() for batch in batches] == [[0], [2]]
    assert batches[0]["failed"] == [(1, -1, f"input:2: {tmp_path / 'none.mp4'}: no such file")]


@pytest.fixture
def hanging(tmp_path, monkeypatch):
    """A file that hangs the decoder: opening a pipe nobody writes to never returns, no Python code runs in that process any more."""
    path, real = tmp_path / "hang.mp4", kinetics.open_source
    os.mkfifo(path)
    monkeypatch.setattr(
        kinetics, "open_source", lambda video, *args: os.open(path, os.O_RDONLY) if video == str(path) else real(video, *args)
    )
    return path


def test_a_file_that_hangs_the_decoder_is_skipped_by_name(videos, hanging):
    started = time.monotonic()
    with Loader(clip_dataset([*videos, hanging]), TrainSampler(8, 4), collate_clips, num_workers=2, timeout_sec=1.0) as loader:
        batches = list(loader)
    assert len(batches) == 2 and all(len(batch["clip"]) == 4 for batch in batches)
    messages = [message for batch in batches for message in batch["skipped"]]
    assert len(messages) == 1 and "hang.mp4: reading took longer than 1 s, the decoder hangs" in messages[0]
    assert time.monotonic() - started < 30


def test_a_hanging_test_video_fails_alone(videos, hanging):
    data = VideoViewsDataset(from_paths([str(videos[0]), str(hanging), str(videos[1])]), SHAPE, short_side_px=32, crop_px=32)
    with Loader(data, EvalSampler(3), one_video, num_workers=1, timeout_sec=1.0) as loader:
        errors = [item["error"] for item in loader]
    assert errors[0] == errors[2] == "" and "hang.mp4: reading took longer than 1 s" in errors[1]


class DiesOnce:
    """A dataset whose reader is killed the first time it reaches index 3, and always at index 5 and above 7."""

    def __init__(self, marker, size=8):
        self.marker = marker
        self.size = size
        self.unreadable = {}

    def __len__(self):
        return self.size

    def name(self, index):
        return f"video{index}.mp4"

    def __getitem__(self, key):
        if key.index in self.unreadable:
            return {"index": key.index, "error": self.unreadable[key.index]}
        if key.index == 5 or key.index > 7 or (key.index == 3 and not self.marker.exists()):
            if key.index == 3:
                self.marker.touch()
            faulthandler.disable()  # pytest would print the expected crash
            os.kill(os.getpid(), signal.SIGKILL if key.index == 3 else signal.SIGSEGV)
        return {"index": key.index, "error": "", "frames": np.full((100, 100, 10), key.index, np.uint8)}


def test_a_dead_reader_is_replaced_and_its_file_named(tmp_path, caplog):
    with Loader(DiesOnce(tmp_path / "died"), EvalSampler(8), one_video, num_workers=2) as loader:
        items = list(loader)
    assert [item["index"] for item in items] == list(range(8))
    assert all((item["frames"] == item["index"]).all() for item in items if not item["error"])
    assert [item["index"] for item in items if item["error"]] == [5]
    assert "video5.mp4: the reader process died while reading it (signal SIGSEGV)" in items[5]["error"]
    assert (
        "video3.mp4: the reader process died while reading it (killed; out of memory? lower data.workers); trying once more"
        in caplog.text
    )


def test_any_number_of_deadly_files_fail_alone(tmp_path):
    with Loader(DiesOnce(tmp_path / "died", size=20), EvalSampler(20), one_video, num_workers=1) as loader:
        items = list(loader)
    assert [item["index"] for item in items if item["error"]] == [5, *range(8, 20)]


class Buggy(DiesOnce):
    def __getitem__(self, key):
        raise ZeroDivisionError("a bug")


def test_readers_that_keep_dying_end_the_run(tmp_path, capfd):
    with (
        Loader(Buggy(tmp_path / "died"), EvalSampler(8), one_video, num_workers=1) as loader,
        pytest.raises(DataError, match=r"reader processes died 21 times in a row, .*exit code 1, its traceback is above"),
    ):
        list(loader)
    assert "ZeroDivisionError: a bug" in capfd.readouterr().err


def test_readers_end_with_the_training_process(videos):
    """A killed parent leaves no readers behind."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        loader = Loader(clip_dataset(videos), TrainSampler(7, 1), collate_clips, num_workers=2)
        next(iter(loader))
        os.write(writing, " ".join(str(reader.process.pid) for reader in loader._pool._readers).encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    readers = [int(pid) for pid in os.read(reading, 100).split()]
    assert len(readers) == 2
    deadline = time.monotonic() + 10
    statuses = [Path(f"/proc/{pid}/status") for pid in readers]
    while any(status.exists() and "zombie" not in status.read_text() for status in statuses):
        assert time.monotonic() < deadline, "readers outlived their parent"
        time.sleep(0.05)


def test_key_is_a_plain_pair():
    assert Key(3, 7)[:2] == (3, 7)


def test_balanced_order_draws_every_class_equally():
    labels = np.array([0] * 90 + [1] * 7 + [2] * 3)
    order = balanced_order(labels, np.random.default_rng(0))
    counts = np.bincount(labels[order])
    assert len(order) == 100 and counts.max() - counts.min() <= 1
    assert set(order[labels[order] == 1]) == set(range(90, 97)), "rare samples all come before one comes again"
