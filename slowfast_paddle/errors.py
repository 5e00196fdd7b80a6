"""Errors a user can cause and fix. The scripts print the message as one line and exit with `exit_code`.

A message says what is wrong, where (file:line), what was expected and how to fix it. `assert` stays for
internal invariants; anything else that escapes is a bug and keeps its traceback.
"""


class SlowFastError(Exception):
    """Base of every user-facing error."""

    exit_code = 2


class ConfigError(SlowFastError):
    """A configuration file, override or combination of values that cannot work."""


class DataError(SlowFastError):
    """A list file, annotation or data folder that is missing, malformed or out of range."""


class DecodeError(DataError):
    """A video that cannot be opened or holds no decodable frame."""


class CheckpointError(SlowFastError):
    """A weight file that is missing, damaged, hostile or does not fit the network."""


class ConvertError(CheckpointError):
    """Foreign weights that have no exact home in this package."""


class ExportError(SlowFastError):
    """A network that could not be compiled or whose compiled output disagrees."""


class DependencyError(SlowFastError):
    """An optional package is missing; the message names the install command."""


class TrainingError(SlowFastError):
    """Training cannot go on: a non-finite loss, a dead worker, a full disk."""
