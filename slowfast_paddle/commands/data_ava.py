"""Cut AVA videos, extract their frames and write the lists; stop and start again at will.

Takes seconds 900 to 1801 of every video, as frames at 30 1/s in OUT/frames/VIDEO/VIDEO_000001.jpg, and writes
OUT/frame_lists/train.csv and val.csv for the videos named in --train and --val (any AVA csv), or all.csv without them.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--videos", required=True, metavar="DIR", help="folder of videos")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument("--train", metavar="CSV", help="AVA labels; its videos make the training list")
    parser.add_argument("--val", metavar="CSV", help="AVA labels; its videos make the validation list")
    parser.add_argument("--start", type=float, default=900.0, help="first second, of the video file")
    parser.add_argument("--end", type=float, default=1801.0, help="second after the last")
    parser.add_argument("--fps", type=float, default=30.0, help="frames a second")
    parser.add_argument("--short-side", type=int, help="shrink larger frames to this, px (published numbers use full size)")


def prepare(args: argparse.Namespace) -> int:
    """Extract what is missing, then write the lists."""
    from slowfast_paddle import log
    from slowfast_paddle.data.ava_csv import read_labels
    from slowfast_paddle.data.ava_extract import extract, find_videos, write_list

    splits = {
        name: list(dict.fromkeys(read_labels(path).videos)) for name, path in (("train", args.train), ("val", args.val)) if path
    }
    wanted = list(dict.fromkeys(name for names in splits.values() for name in names))
    videos = find_videos(args.videos, wanted)
    frames, lists = Path(args.out) / "frames", Path(args.out) / "frame_lists"
    lists.mkdir(parents=True, exist_ok=True)
    total = 0
    for name, path in log.progress(videos.items(), len(videos), "extracting", "video"):
        total += extract(path, name, frames, args.start, args.end, args.fps, args.short_side)
    for name, names in (splits or {"all": list(videos)}).items():
        write_list(lists / f"{name}.csv", frames, names)
        print(f"{lists / name}.csv: {len(names)} videos")
    print(f"{total} frames of {len(videos)} videos in {frames}; the first shows second {args.start:g}")
    return 0
