"""The few errors a user can meet: what was wrong, where, and what to do; each with its exit code."""

from pathlib import Path

__all__ = [
    "CannotWriteError",
    "InputUnfitError",
    "InputUnreadableError",
    "MissingPartError",
    "NoResultError",
    "ProcguideError",
    "SomeFailedError",
    "UsageError",
]


class ProcguideError(Exception):
    """Base of every error meant for a person. ``exit_code`` is the command line's contract."""

    exit_code = 1


class UsageError(ProcguideError, ValueError):
    """A parameter is not one of those allowed; the message lists them."""

    exit_code = 2


class NoResultError(ProcguideError):
    """The work was done, but nothing acceptable came of it."""

    exit_code = 3


class InputUnreadableError(ProcguideError):
    """The input cannot be read, or is not an image. ``file`` is the one of several at fault, if known."""

    exit_code = 4
    file: Path | None = None


class InputUnfitError(ProcguideError):
    """The input can be read but is unfit: quality, coverage, an unanchored level."""

    exit_code = 5


class CannotWriteError(ProcguideError):
    """The output cannot be written."""

    exit_code = 6


class MissingPartError(ProcguideError):
    """An optional part is not installed; the message gives the install line."""

    exit_code = 7


class SomeFailedError(ProcguideError):
    """Of several things asked for, some came to nothing; the rest are done."""

    exit_code = 8
