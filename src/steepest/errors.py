"""What can go wrong by a user's hand: one clear sentence each, with an exit code.

Everything raised on purpose for a user derives from `SteepestError`; the command line prints the
sentence and leaves with `code`. Any other exception is a fault of ours and exits with 1.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class SteepestError(Exception):
    """A sentence for the user; `code` is the exit status of the command line."""

    code = 1


class UsageError(SteepestError, ValueError):
    """A wrong argument, name, shape or study file."""

    code = 2


class RunsFailedError(SteepestError):
    """The work is finished, but some runs failed."""

    code = 3


class DataError(SteepestError):
    """Data is missing, damaged or not what it should be."""

    code = 4


class NothingMatchedError(SteepestError):
    """A question to the store or the runs folder has no answer."""

    code = 5


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest valid name and lists them all.

    >>> nearest("adm", ["adam", "sgd"])
    "did you mean 'adam'? Known: adam, sgd"
    """
    names = sorted(known)
    close = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}Known: {', '.join(names)}"


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a name that is not in a table.

    >>> str(unknown("optimizer", "adm", ["adam", "sgd"]))
    "unknown optimizer 'adm'; did you mean 'adam'? Known: adam, sgd"
    """
    return UsageError(f"unknown {kind} '{name}'; {nearest(name, known)}")
