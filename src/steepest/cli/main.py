"""The entry: the table of commands, and what an error means for the exit status.

Law: nothing heavy is imported here. A command's module is imported when it is called.
"""

import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from steepest import __version__
from steepest.cli import flag
from steepest.errors import DataError, SteepestError, UsageError, nearest, unknown

if TYPE_CHECKING:
    from cyclopts import App, CycloptsError

COMMANDS: dict[str, tuple[str, str]] = {  # name -> ("module:function", one line of help)
    "compare": ("steepest.cli.compare:compare", "Compare arms fairly and say what may be said."),
    "run": ("steepest.cli.study:run", "Run the study in a TOML file, or what is missing of it."),
    "init": ("steepest.cli.study:init", "Write a commented study file to start from."),
    "status": ("steepest.cli.study:status", "List the studies of the store, or count one's runs."),
    "report": ("steepest.cli.study:report", "Write the page of a study from the store."),
    "results": ("steepest.cli.study:results", "Print a study's arms as table, csv, json, md, tex."),
    "show": ("steepest.cli.show:show", "Show one run: its measurements, classes and epochs."),
    "train": ("steepest.cli.train:train", "Train one run; report it and keep it in a folder."),
    "prune": ("steepest.cli.prune:prune", "Prune a run; compare with baselines at every cost."),
    "export": ("steepest.cli.export:export", "Export a run's network to ONNX, PyTorch or arrays."),
    "predict": ("steepest.cli.predict:predict", "Predict images, arrays or tables by a run."),
    "plot": ("steepest.cli.plot:plot", "Draw loss and accuracy of the latest runs as a figure."),
    "data": ("steepest.cli.data:data", "List data sets, fetch one, or tell where they lie."),
    "list": (
        "steepest.cli.listing:listing",
        "List optimizers, schedules, models, augmentations or data.",
    ),
    "check": ("steepest.cli.check:check", "Check a model's gradients by central differences."),
}
OWN_FLAGS = ("--help", "-h", "--version")
KNOWN = (*COMMANDS, "--help", "--version")
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
EPILOGUE = (
    "Every command has --help. Flags may be written --batch_size or --batch-size, options of a "
    "part by a dot: --optimizer.beta1 0.9. With --debug an unexpected error shows its traceback."
)


def app() -> "App":
    """Return the application with every command of the table, none of them imported."""
    from cyclopts import App

    found = App(
        name="steepest",
        help="A laboratory for how neural networks are trained.",
        help_epilogue=EPILOGUE,
        version=__version__,
        suppress_keyboard_interrupt=False,
    )
    for place, (name, (path, about)) in enumerate(COMMANDS.items()):
        found.command(path, name=name, help=about, sort_key=place)
    return found


def main() -> NoReturn:
    """Run the command line and leave with its exit status.

    BLAS gets one thread unless the environment says otherwise: bits depend on it, as in a study's
    workers, and small networks are many times slower on more.
    """
    for name in THREADS:
        os.environ.setdefault(name, "1")
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):  # not all encodings have the signs of verdicts
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.path.insert(0, str(Path.cwd()))  # models and rules of one's own lie where one works
    sys.exit(run(sys.argv[1:]))


def run(tokens: Sequence[str]) -> int:
    """Run one command and return its exit status; errors become one sentence on stderr."""
    debug = "--debug" in tokens or os.environ.get("STEEPEST_DEBUG") == "1"
    try:
        return _call([t for t in tokens if t != "--debug"])
    except SteepestError as error:
        return _tell(str(error), error.code)
    except KeyboardInterrupt:
        return _tell("interrupted", 130)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the last resort: one line instead of a traceback
        if debug:
            traceback.print_exc()
        return _tell(*_unforeseen(error, "" if debug else "; --debug shows where"))


def _unforeseen(error: Exception, hint: str) -> tuple[str, int]:
    """Return sentence and code for what no command foresaw: a file's fault, or one of ours."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot read or write '{error.filename}': {error.strerror}{hint}", DataError.code
    return f"unexpected {type(error).__name__}: {error}{hint}", 1


def _call(tokens: list[str]) -> int:
    from cyclopts import CycloptsError

    if tokens and tokens[0] not in (*COMMANDS, *OWN_FLAGS):
        raise unknown("flag" if tokens[0].startswith("-") else "command", tokens[0], KNOWN)
    try:
        status = app()(
            flag.undotted(tokens),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except CycloptsError as error:
        raise UsageError(_sentence(error)) from None
    return status if isinstance(status, int) else 0


def _sentence(error: "CycloptsError") -> str:
    """Return a parser's complaint in our words, with the nearest flag."""
    from cyclopts import UnknownOptionError, UnusedCliTokensError

    if isinstance(error, UnknownOptionError):
        given = error.token.keyword or error.token.value
        shown = [a.names for a in error.argument_collection if a.show]
        return f"unknown flag '{given}'; {nearest(given, [n for names in shown for n in names])}"
    if isinstance(error, UnusedCliTokensError):
        return f"unexpected argument '{(error.unused_tokens or ['?'])[0]}'; give flags by name"
    text = " ".join(str(error).split()).rstrip(".")
    return text[:1].lower() + text[1:]


def _tell(sentence: str, code: int) -> int:
    """Print the sentence in one line on stderr and return the code."""
    sys.stdout.flush()
    sys.stderr.write(f"steepest: {' '.join(sentence.split())}\n")
    return code


def _terminate(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
