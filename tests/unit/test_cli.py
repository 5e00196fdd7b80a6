"""What a script ends with: one line and a code for what a user can act on, a traceback for a bug; flags are text as typed."""

import errno
import os

import numpy as np
import pytest

from slowfast_paddle import checkpoint, cli
from slowfast_paddle.errors import DataError


@pytest.mark.parametrize(
    ("failure", "code", "line"),
    [
        (DataError("a.csv:3: no label"), 2, "error: a.csv:3: no label"),
        (KeyboardInterrupt(), 130, "stopped by Ctrl-C"),
        (MemoryError("Unable to allocate\n37.3 GiB"), 2, "error: out of memory (Unable to allocate 37.3 GiB); take smaller"),
        (RecursionError("maximum depth"), 2, "error: an input is nested too deeply (maximum depth); expected"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.csv"), 2, "error: the disk is full ([Errno 28] No space left"),
    ],
)
def test_what_a_user_can_act_on_is_one_line(failure, code, line, capsys):
    def work():
        raise failure

    assert cli.run_reporting_errors(work) == code
    told = capsys.readouterr().err
    assert told.startswith(line) and told.count("\n") == 1


@pytest.mark.parametrize("bug", [KeyError("x"), ValueError("x"), OSError(errno.EBADF, "x")])
def test_a_bug_keeps_its_traceback(bug):
    def work():
        raise bug

    with pytest.raises(type(bug)):
        cli.run_reporting_errors(work)


@pytest.mark.parametrize(
    "text", ["a # b", "2024-01-02", "2024-13-01", "0123", "off", "~", "a: b", "[x]", "@x", "12:30:00", '"q"', ""]
)
@pytest.mark.parametrize("given", [("--save_path={}",), ("test.save_path={}",)])
def test_text_is_taken_as_it_is_typed(text, given):
    args = cli.parse(cli.parser("", cli.TEST_KEYS), [word.format(text) for word in given])
    assert cli.resolve(args).test.save_path == text


@pytest.mark.parametrize(("text", "labels"), [("null", None), ("2024-01-02", "2024-01-02"), ("a # b", "a # b")])
def test_text_that_may_be_missing(text, labels):
    assert cli.resolve(cli.parse(cli.parser("", {}), [f"labels={text}"])).labels == labels


def test_weights_that_are_found_bring_their_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parser = cli.parser("", cli.TEST_KEYS)
    assert cli.weights_at_hand(cli.parse(parser, [])) is None
    facts = {"config": {"model": {"num_classes": 7}}}
    checkpoint.save(tmp_path / "checkpoints/slowfast_epoch3", {"w": np.zeros(1, "f4")}, facts, training_state={})
    args = cli.parse(parser, [])
    args.weights = cli.weights_at_hand(args)
    assert args.weights == "checkpoints/slowfast_epoch3" and cli.resolve(args).model.num_classes == 7
    assert cli.weights_at_hand(cli.parse(parser, ["--config", "quickstart"])) is None
