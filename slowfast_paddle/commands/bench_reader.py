"""Measure reading alone: the views of a test video against a reader that opens it for every view, and the training loader."""

import importlib.util
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from slowfast_paddle.data.decode import open_source
from slowfast_paddle.data.kinetics import ClipDataset, VideoViewsDataset
from slowfast_paddle.data.loader import Loader, collate_clips
from slowfast_paddle.data.records import Records, from_paths, read_records
from slowfast_paddle.data.sampler import TrainSampler
from slowfast_paddle.data.sampling import ClipShape, clips, random_clip
from slowfast_paddle.data.source import ReadOptions, read_clips
from slowfast_paddle.data.transforms import crop_offsets, place_crop, resize_bilinear, resized_size
from slowfast_paddle.errors import DataError
from slowfast_paddle.views import cut_views

SHAPE = ClipShape(32, 2)
CLIPS, CROPS, SIDE_PX = 10, 3, 256
FORWARD_VIEWS = 2  # as test.views_per_forward


def bench_views(args) -> dict[str, float]:
    """Seconds to produce the 30 views of `args.video`, best of `args.repeat`, decoded once and decoded per view.

    Both use the same decoder, thread count, resize and crop. For every view the baseline opens the file, decodes all of it and
    resizes the clip's frames, as the reference readers do; it is spared the colour conversion of frames it does not need.
    """
    options = ReadOptions(decoder=args.decoder, threads=args.threads)
    once = _best(lambda: _views_at_once(args.video, options), args.repeat)
    each = _best(lambda: _views_one_by_one(args.video, options), max(1, args.repeat // 3))
    print(f"{CLIPS * CROPS} views of {args.video}, {SHAPE.num_frames} frames at {SIDE_PX} px, {args.threads} thread(s)")
    print(f"decoded once       {once:8.3f} s")
    print(f"decoded per view   {each:8.3f} s")
    print(f"ratio              {each / once:8.1f}")
    return {"once_sec": once, "per_view_sec": each, "ratio": each / once}


def bench_loader(args) -> dict[int, float]:
    """Training clips per second over the videos of a list: plain loops of other readers, then each number in `args.workers`.

    The loops make the same clips in one process: random span, short side, crop.
    """
    records = read_records(args.list, prefix=args.prefix)
    for name, frames_of in (("OpenCV", _opencv_frames), ("decord", _decord_frames)):
        if name == "decord" and importlib.util.find_spec("decord") is None:
            continue
        print(f"a loop over {name}: {_loop_rate(records, frames_of, args.seconds):7.1f} clips/s")
    rates = {}
    for workers in args.workers:
        dataset = ClipDataset(records, SHAPE, train=True, options=ReadOptions(decoder=args.decoder))
        batch = min(args.batch_size, len(dataset))
        with Loader(dataset, TrainSampler(len(dataset), batch), collate_clips, num_workers=workers) as loader:
            rates[workers], memory = _clips_per_second(loader, batch, args.seconds)
        print(f"{workers} workers: {rates[workers]:7.1f} clips/s{memory}")
    best = max(rates.values())
    if args.step_sec:
        print(
            f"a network that takes {args.step_sec:g} s for {args.batch_size} clips needs {_workers_needed(rates, args):d} workers"
        )
    print(f"best {best:.1f} clips/s of {SHAPE.num_frames} frames at 224 px")
    return rates


def _loop_rate(records: Records, frames_of: Callable, seconds: float) -> float:
    """Clips per second of a loop that reads, resizes and crops one clip after the other."""
    rng = np.random.default_rng(0)
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        frames = frames_of(records.path(done % len(records)), rng)
        height, width = resized_size(*frames[0].shape[:2], int(rng.integers(256, 321)))
        y, x = place_crop(height, width, 224, tuple(rng.random(2)))
        np.stack([resize_bilinear(frame, height, width)[y : y + 224, x : x + 224] for frame in frames])
        done += 1
    return done / (time.perf_counter() - started)


def _opencv_frames(path: str, rng: np.random.Generator) -> list[np.ndarray]:
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    count, fps = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), capture.get(cv2.CAP_PROP_FPS)
    wanted = random_clip(count, fps, SHAPE, rng)
    frames = {}
    for place in range(wanted[-1] + 1):
        capture.grab()
        if place in wanted:
            frames[place] = cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)
    return [frames[place] for place in wanted.tolist()]


def _decord_frames(path: str, rng: np.random.Generator) -> list[np.ndarray]:
    import decord

    video = decord.VideoReader(path, num_threads=1)
    wanted = random_clip(len(video), video.get_avg_fps(), SHAPE, rng)
    return list(video.get_batch(wanted).asnumpy())


def _workers_needed(rates: dict[int, float], args) -> int:
    """Workers that keep up with the network, at the rate of the single worker measured (or of this process)."""
    single = rates.get(1) or rates.get(0) or max(rates.values()) / max(rates)
    return int(np.ceil(args.batch_size / args.step_sec / single))


def _clips_per_second(loader: Loader, batch: int, seconds: float) -> tuple[float, str]:
    """Rate after the first batch, which starts the workers, and what became of the memory in words."""
    read, started, epoch, resident = 0, None, 0, []
    while started is None or time.perf_counter() - started < seconds:
        loader.set_position(epoch)
        for _ in loader:
            if started is None:
                started = time.perf_counter()
                continue
            read += batch
            resident.append(_resident_mb())
            if time.perf_counter() - started >= seconds:
                break
        epoch += 1
    rate = read / (time.perf_counter() - started)
    if not any(resident):
        return rate, ""
    return rate, f", memory {resident[len(resident) // 2]:.0f} MB halfway and {resident[-1]:.0f} MB after {read} clips"


def _resident_mb() -> float:
    """Of this process and its readers; what they share counts for each. 0 where the system does not tell."""
    processes = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
    told = [Path(f"/proc/{process}/statm") for process in processes]
    if not told[0].is_file():
        return 0.0
    return sum(int(file.read_text().split()[1]) for file in told) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _best(work: Callable[[], int], repeat: int) -> float:
    seconds = []
    for _ in range(repeat):
        started = time.perf_counter()
        views = work()
        seconds.append(time.perf_counter() - started)
        assert views == CLIPS * CROPS
    return min(seconds)


def _views_at_once(video: str, options: ReadOptions) -> int:
    dataset = VideoViewsDataset(
        from_paths([video]), SHAPE, num_clips=CLIPS, num_crops=CROPS, short_side_px=SIDE_PX, crop_px=SIDE_PX, options=options
    )
    item = dataset[0]
    if item["error"]:
        raise DataError(item["error"])
    return sum(len(cut_views(item, first, first + FORWARD_VIEWS)) for first in range(0, CLIPS * CROPS, FORWARD_VIEWS))


def _views_one_by_one(video: str, options: ReadOptions) -> int:
    views = 0
    for clip in range(CLIPS):
        for crop in range(CROPS):

            def plan(count: int, fps: float, clip: int = clip) -> np.ndarray:
                return clips("pyslowfast", count, fps, SHAPE, CLIPS)[clip : clip + 1]

            def resize_and_crop(frame: np.ndarray, crop: int = crop) -> np.ndarray:
                height, width = resized_size(*frame.shape[:2], SIDE_PX)
                y, x = crop_offsets(height, width, SIDE_PX, CROPS)[crop]
                return resize_bilinear(frame, height, width)[y : y + SIDE_PX, x : x + SIDE_PX]

            read = read_clips(open_source(video, options), plan, resize_and_crop, options)
            views += len(read.frames[read.index])
    return views
