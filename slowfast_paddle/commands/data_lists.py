"""Write list files from a folder per class, or from a csv table with columns for path, label and split."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the source, the columns of a table, and where the lists go."""
    parser.add_argument(
        "source",
        help="folder with one folder of videos per class, perhaps below train and val, or a .csv table with a header line",
    )
    parser.add_argument("out", help="folder of train.csv, val.csv (or the table's split names) and labels.txt")
    parser.add_argument(
        "--held_out", type=float, help="without a given split: share of each class that goes to val.csv (default: 0.2)"
    )
    parser.add_argument("--seed", type=int, default=0, help="without a given split: which videos are held out")
    parser.add_argument(
        "--path", default="path", metavar="COLUMN", help="table: column of the video's path, relative to the table"
    )
    parser.add_argument("--label", default="label", metavar="COLUMN", help="table: column of the class name or number")
    parser.add_argument("--split", metavar="COLUMN", help="table: column that names the list of a video (default: split, if any)")
    parser.add_argument("--where", action="append", default=[], metavar="COLUMN=VALUE", help="table: keep only such rows")


def prepare(args: argparse.Namespace) -> int:
    """Writes the lists and says how many videos each holds."""
    from pathlib import Path

    from slowfast_paddle.data.prepare import from_class_folders, from_table, write_lists
    from slowfast_paddle.errors import DataError

    source, out = Path(args.source), Path(args.out)
    if source.is_dir():
        entries = from_class_folders(source, args.held_out, args.seed)
    elif source.is_file():
        pairs = [text.partition("=") for text in args.where]
        kept = {column: value for column, _, value in pairs}
        entries = from_table(source, args.path, args.label, args.split, kept, args.held_out, args.seed)
    else:
        raise DataError(f"{source}: no such folder or table; expected FOLDER/<class>/<video> or a .csv file")
    counts = write_lists(entries, out)
    print(f"{out}: {', '.join(f'{name} {count} lines' for name, count in counts.items())}")
    if "labels.txt" not in counts:
        print("the labels are numbers and were kept; for names write a text file with one a line, in the order of the numbers")
    return 0
