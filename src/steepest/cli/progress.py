"""Progress of a study on the terminal: a bar, or a line a tenth of the way."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from steepest.study.runner import Step


def watch(steps: "Iterator[Step]") -> int:
    """Show progress until the work is done; return how many runs failed."""
    failures = 0
    try:
        with _bar() as update:
            for step in steps:
                update(step)
                if step.kind == "failed":
                    failures += 1
                    sys.stderr.write(f"failed: {step.text}\n")
    except (KeyboardInterrupt, SystemExit):
        sys.stderr.write("Stopped. What is finished is kept: the same command goes on from here.\n")
        raise
    return failures


@contextmanager
def _bar() -> Iterator["Callable[[Step], Any]"]:
    """Give the function that shows progress: a bar on a terminal, a line a tenth elsewhere."""
    if not sys.stderr.isatty():
        told: set[int] = set()

        def line(step: "Step") -> None:
            tenth = 10 * step.done // max(step.total, 1)
            if step.kind in ("done", "failed") and tenth not in told:
                told.add(tenth)
                sys.stderr.write(f"{step.done} of {step.total} runs\n")

        yield line
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("runs"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda s: progress.update(task, completed=s.done, total=s.total, description=s.text)
