"""Examine list files before training: open every video, count its frames, find unreadable, short, repeated and leaking ones.

Name the training list first; no later list may share a video with it. Videos are decoded to their end, in parallel.
Exit code 2 when something is wrong. For AVA-style sets there is check-ava.
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "lists", nargs="*", metavar="LIST", help="list files, and section.key=value (default: the two lists of --config)"
    )
    parser.add_argument("--config", metavar="FILE", help="how lists are read, class names, length of a clip")
    parser.add_argument("--processes", type=int, help="reader processes (default: one for each processor)")
    parser.add_argument("--json", metavar="FILE", help="write the facts of every video and all findings")


def prepare(args: argparse.Namespace) -> int:
    """Print findings, errors last."""
    import os

    from slowfast_paddle.config.load import load_config
    from slowfast_paddle.data.findings import told
    from slowfast_paddle.data.video_check import examine, findings_of
    from slowfast_paddle.errors import DataError
    from slowfast_paddle.labels import class_names
    from slowfast_paddle.log import progress

    lists = [text for text in args.lists if "=" not in text]
    if not lists and not args.config:
        raise DataError("nothing to check; name list files (the training list first) or --config FILE")
    config = load_config(args.config, [text for text in args.lists if "=" in text])
    data = config.data
    found = {}
    for path in dict.fromkeys(lists or [data.train_list, data.val_list]):
        records, options = _records(config, path, bool(args.config))
        videos = examine(records, options, os.cpu_count() or 1 if args.processes is None else args.processes)
        found[path] = list(progress(videos, len(records), path, "video"))
    names = class_names(config.labels, config.model.num_classes) if args.config and config.labels else []
    clip_sec = 0.0 if data.frame_sampling == "segments" else data.num_frames * data.sampling_rate / data.target_fps
    findings = list(findings_of(found, clip_sec, dict(enumerate(names))))
    lines, code = told(findings)
    print("\n".join(lines))
    if args.json:
        _write(args.json, found, findings)
    return code


def _records(config, path: str, classes_known: bool):
    """A list, and how its videos are read."""
    from slowfast_paddle.data.records import read_records
    from slowfast_paddle.data.source import ReadOptions

    data = config.data
    records = read_records(
        path,
        multi_label=data.multi_label,
        num_classes=config.model.num_classes if classes_known else None,
        separator=data.separator,
        prefix=data.prefix,
    )
    options = ReadOptions(
        decoder=data.decoder, timeout_sec=data.decode_timeout_sec, frame_template=data.frame_template, frame_fps=data.frame_fps
    )
    return records, options


def _write(path: str, found: dict, findings: list) -> None:
    from dataclasses import asdict
    from pathlib import Path

    from slowfast_paddle import files

    lists = {
        source: [asdict(video) | {"seconds": round(video.seconds, 3)} for video in videos] for source, videos in found.items()
    }
    files.write_json(Path(path), {"lists": lists, "findings": [asdict(finding) for finding in findings]})
