"""What is written to the terminal: tables by rich on one, aligned text where it is none."""

import sys
from collections.abc import Sequence
from pathlib import Path

from steepest.errors import DataError

Rows = Sequence[Sequence[str]]


def say(text: str) -> None:
    """Write a line to standard output."""
    sys.stdout.write(f"{text}\n")


def show_table(columns: Sequence[str], rows: Rows, title: str = "") -> None:
    """Write a table; columns that hold only numbers and dashes are aligned to the right."""
    if not sys.stdout.isatty():
        say(as_text(columns, rows, title))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left")
    for i, column in enumerate(columns):
        numeric = _is_numeric(rows, i)  # never cut: half a number is another number
        table.add_column(
            column, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold"
        )
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False).print(table)


def as_text(columns: Sequence[str], rows: Rows, title: str = "") -> str:
    """Return a table as aligned plain text.

    >>> print(as_text(["name", "n"], [["a", "10"], ["bc", "9"]]))
    name   n
    a     10
    bc     9
    """
    wide = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
    right = [_is_numeric(rows, i) for i in range(len(columns))]
    lines = [
        "  ".join(
            cell.rjust(w) if is_right else cell.ljust(w)
            for cell, w, is_right in zip(row, wide, right, strict=True)
        ).rstrip()
        for row in [columns, *rows]
    ]
    return "\n".join([title, *lines] if title else lines)


def _is_numeric(rows: Rows, column: int) -> bool:
    cells = [row[column] for row in rows]
    return bool(cells) and all(c[:1].isdigit() or c[:1] in "-–" for c in cells if c)


def give(text: str, out: str | None) -> None:
    """Write text into a file, or to standard output."""
    if out is None:
        sys.stdout.write(text)
        return
    try:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot write '{out}': {error.strerror}") from None
