"""Flags and exit codes shared by train.py, eval.py, predict.py and the sub-commands."""

import argparse
import errno
import io
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from slowfast_paddle import checkpoint, cpu, log
from slowfast_paddle.config.load import dump_config, load_config
from slowfast_paddle.config.schema import Config
from slowfast_paddle.errors import CheckpointError, SlowFastError

DEFAULT_CONFIG = "slowfast"  # a preset: found from every folder
DEFAULT_WEIGHTS = "checkpoints/slowfast_epoch195"

# The packages that a half installation lacks, by the name they are imported with; DependencyError names those of one feature.
_PACKAGES = {"paddle": "paddlepaddle", "cv2": "opencv-python-headless"}

# Flags of the original project that are another name for a configuration key.
_KEYS_OF_EVERY_SCRIPT = {"--log_interval": ("train.log_every_steps", int, "steps between two log lines")}
TRAIN_KEYS = {
    "--batch_size": ("train.batch_size", int, "clips a step over all processes"),
    "--epoch": ("train.epochs", int, "number of epochs, counted from 0"),
    "--save_dir": ("train.save_dir", str, "folder of checkpoints and curves"),
    "--valid_interval": ("train.valid_every_epochs", int, "epochs between two validations; 0 turns them off"),
    "--use_visualdl": ("train.visualdl", str, "true or false: write VisualDL curves"),
    "--seed": ("train.seed", int, "of weights, order and augmentation"),
    "--deterministic": ("train.deterministic", bool, "the same weights from every run"),
    "--test_last": ("train.test_last", bool, "multi-view test of the last checkpoint when training ends"),
    "--test_best": ("train.test_best", bool, "multi-view test of the best checkpoint when training ends"),
    "--vd_logdir": ("train.visualdl_dir", str, "folder of the VisualDL curves"),
    **_KEYS_OF_EVERY_SCRIPT,
}
TEST_KEYS = {
    "--batch_size": ("test.views_per_forward", int, "views in one forward"),
    "--save_path": ("test.save_path", str, "folder of the results"),
    "--protocol": ("test.protocol", str, "pyslowfast, pyslowfast_offset, mmaction2, pytorchvideo, paddle or paddlevideo"),
    **_KEYS_OF_EVERY_SCRIPT,
}


def parser(about: str, keys: dict[str, tuple[str, type, str]]) -> argparse.ArgumentParser:
    """A parser with the flags every script takes and those that stand for configuration keys."""
    p = argparse.ArgumentParser(description=about, allow_abbrev=False)
    p.add_argument(
        "--config",
        "--config_file",
        metavar="FILE",
        help=f"YAML file or preset name (default: what --weights says of itself, else {DEFAULT_CONFIG})",
    )
    p.add_argument(
        "--weights", metavar="FILE", help=f"with or without .pdparams (evaluation and prediction default to {DEFAULT_WEIGHTS})"
    )
    p.add_argument(
        "--use_gpu", type=_tri_state, default="auto", metavar="auto|true|false", help="auto: a GPU where Paddle sees one"
    )
    p.add_argument(
        "--use_data_parallel",
        type=_boolean,
        default=True,
        metavar="true|false",
        help="all processes of the launcher work together",
    )
    p.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="FILE.py",
        help="your file that registers architectures or heads",
    )
    p.add_argument("--print-config", action="store_true", help="print the resolved configuration and stop")
    p.add_argument("overrides", nargs="*", metavar="section.key=value", help="override any configuration key")
    for flag, (key, kind, about_flag) in keys.items():
        form = {"action": "store_const", "const": True} if kind is bool else {"type": kind, "metavar": kind.__name__.upper()}
        p.add_argument(flag, dest=key, default=None, help=f"{about_flag} ({key})", **form)
    p.set_defaults(keys=[key for key, _, _ in keys.values()])
    return p


def resolve(args: argparse.Namespace) -> Config:
    """The configuration of parsed arguments: file, then flags, then dotted overrides."""
    log.setup()  # what a foreign configuration has to say is said before the run knows its folder
    flags = [f"{key}={value}" for key in args.keys if (value := getattr(args, key)) is not None]
    config = load_config(args.config or _of_weights(args.weights) or DEFAULT_CONFIG, [*flags, *args.overrides])
    if args.print_config:
        print(dump_config(config), end="")
        raise SystemExit(0)
    return config


def _of_weights(weights: str | None) -> dict | None:
    """The configuration inside the sidecar of the weights, so that a checkpoint needs nothing else.

    Raises:
        CheckpointError: there are no such weights; another configuration's lists would be looked for first.
    """
    if weights is None:
        return None
    file = checkpoint.part(weights, checkpoint.WEIGHTS)
    if not file.is_file():
        raise CheckpointError(f"--weights {weights}: {file} does not exist; expected a .pdparams (the ending may be left out)")
    return checkpoint.load_sidecar(weights).get("config")


def weights_at_hand(args: argparse.Namespace) -> str | None:
    """The --weights to test: where neither they nor a --config are given, the newest of the default folder, with their own."""
    if args.weights is not None or args.config is not None:
        return args.weights
    newest = checkpoint.find_latest(Path(DEFAULT_WEIGHTS).parent) or Path(DEFAULT_WEIGHTS)
    return str(newest) if checkpoint.part(newest, checkpoint.WEIGHTS).is_file() else None


def batch_size_given(args: argparse.Namespace) -> bool:
    """Whether the command line, not the file, chose the training batch."""
    return getattr(args, "train.batch_size", None) is not None or any(o.startswith("train.batch_size=") for o in args.overrides)


def run_reporting_errors(work: Callable[[], int]) -> int:
    """Runs a script's work; user errors become one line on stderr and exit code 2, Ctrl-C one line and 130."""
    cpu.configure_process()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not fit the terminal's encoding
    _quiet_paddle()
    try:
        return work()
    except SlowFastError as err:
        print(f"error: {err}", file=sys.stderr)
        return err.exit_code
    except KeyboardInterrupt:
        print("stopped by Ctrl-C", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:  # `| head` closed the pipe: not an error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (MemoryError, RecursionError, OSError, ImportError) as err:
        lack = _lack(err)
        if not lack:
            raise
        print(f"error: {lack}", file=sys.stderr)
        return 2


def _lack(err: Exception) -> str:
    """What the machine lacks, in one line; "" for what is a bug."""
    told = " ".join(str(err).split())[:300]
    if isinstance(err, MemoryError):
        return f"out of memory{told and f' ({told})'}; take smaller inputs, test.views_per_forward or train.batch_size"
    if isinstance(err, RecursionError):
        return f"an input is nested too deeply ({told}); expected a file that people or this package wrote"
    if isinstance(err, OSError) and err.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({told}); free space or name another folder"
    if isinstance(err, ImportError) and err.name in _PACKAGES:
        return f"{told}; install it with: {sys.executable} -m pip install {_PACKAGES[err.name]}"
    return ""


def _quiet_paddle() -> None:
    """Silences what Paddle says on every start and no user can act on. Its errors stay."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    for text in ("No ccache found", "When training, we now always track global mean"):
        warnings.filterwarnings("ignore", message=text)


def parse(p: argparse.ArgumentParser, argv: list[str] | None) -> argparse.Namespace:
    """Flags and overrides may be mixed in any order; an override behind `--input VIDEO` is no video, unless such a file exists."""
    words = sys.argv[1:] if argv is None else argv
    overrides = [word for word in words if _is_override(word)]
    args = p.parse_intermixed_args([word for word in words if not _is_override(word)])
    args.overrides += overrides
    return args


def _is_override(word: str) -> bool:
    key, equals, _ = word.partition("=")
    known = key in Config.model_fields or re.fullmatch(r"[a-z_][a-z0-9_]*(\.[a-z0-9_]+)+", key)
    return bool(equals and known) and not os.path.exists(word)


def _boolean(text: str) -> bool:
    value = text.strip().lower()
    if value in ("true", "1", "yes", "on"):
        return True
    if value in ("false", "0", "no", "off"):
        return False
    raise argparse.ArgumentTypeError(f"expected true or false, got {text!r}")


def _tri_state(text: str) -> str:
    return "auto" if text.strip().lower() == "auto" else str(_boolean(text)).lower()


@dataclass(frozen=True)
class Runtime:
    """What the command line says about the machine rather than the network."""

    use_gpu: str = "auto"
    data_parallel: bool = True
    plugins: tuple[str, ...] = ()


def runtime(args: argparse.Namespace) -> Runtime:
    """The machine flags of parsed arguments."""
    return Runtime(args.use_gpu, args.use_data_parallel, tuple(args.plugin))


@dataclass(frozen=True)
class Resume:
    """Where training continues.

    Attributes:
        mode: "no", "required" (an error where nothing is found) or "auto" (start afresh there).
        path: a checkpoint, or None for the newest intact one of save_dir.
        epoch: continue after this epoch of save_dir, or None.
    """

    mode: str = "no"
    path: str | None = None
    epoch: int | None = None


def resume_choice(args: argparse.Namespace) -> Resume:
    """Reads --resume [true|false|PATH], --resume_epoch N and --auto_resume."""
    if args.resume_epoch is not None:
        return Resume("required", epoch=args.resume_epoch)
    try:
        wanted, path = _boolean(args.resume), None
    except argparse.ArgumentTypeError:
        wanted, path = True, args.resume
    if wanted:
        return Resume("required", path)
    return Resume("auto" if args.auto_resume else "no")
