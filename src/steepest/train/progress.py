"""Progress on a terminal: a bar while it is one, a line an epoch where it is not."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from steepest.train.history import logs
from steepest.train.loop import Epoch


def describe(epoch: Epoch) -> str:
    """Return an epoch's metrics in one line."""
    found = logs(epoch.row())
    parts = [f"loss {found['loss']:.4f}"]
    if found.get("accuracy") == found.get("accuracy"):  # not NaN: a classification
        parts.append(f"accuracy {found['accuracy']:.2%}")
    if "val_loss" in found:
        parts.append(f"val_loss {found['val_loss']:.4f}")
    if found.get("val_accuracy", float("nan")) == found.get("val_accuracy"):
        parts.append(f"val_accuracy {found['val_accuracy']:.2%}")
    return "  ".join(parts)


@contextmanager
def progress(verbose: int, epochs: int) -> Iterator[Callable[[Epoch], Any]]:
    """Yield the function that shows an epoch: nothing at 0, a bar at 1, lines at 2.

    A bar becomes lines where the output is no terminal.
    """
    if verbose == 0:
        yield lambda _: None
        return
    if verbose > 1 or not sys.stderr.isatty():
        yield lambda e: print(f"epoch {e.epoch}/{epochs}  {describe(e)}", file=sys.stderr)  # noqa: T201 - this room prints
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("epoch {task.completed:.0f}/{task.total:.0f}"),
        BarColumn(bar_width=16),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=epochs)
        yield lambda e: bar.update(task, completed=e.epoch, description=describe(e))
