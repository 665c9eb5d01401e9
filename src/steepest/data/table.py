"""A user's `.csv`: to train on, with a header and a target column; or to predict.

Features stay as they are written; whoever describes a run decides about standardising, from
training rows alone.
"""

import csv
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.dataset import MOST_CLASSES, Dataset, from_arrays
from steepest.errors import DataError, nearest, unknown

Array = np.ndarray[Any, Any]

MISSING = {"", "na", "n/a", "nan", "null", "none", "?"}
DELIMITERS = ",;\t"


def load_csv(path: Path, target: str | None = None) -> Dataset:
    """Return the data set of a CSV file; `target` names the column to predict, else the last.

    The delimiter is whichever of comma, semicolon and tab the header holds most. A target column
    of words is classes, sorted; one of whole numbers is classes in numeric order if each occurs
    twice on average and there are at most 1000; any other is a float target. Raises `DataError`
    naming line and column of a missing value or of a feature that is not a finite number.
    """
    with _open(path) as lines:
        header = _header(next(lines, []), path)
        column = _target_column(header, target)
        x, cells, numbers = _read(_rows(lines, header, path), header, column, path)
    y, classes = _target(cells, numbers, header[column], path)
    names = tuple(name for i, name in enumerate(header) if i != column)
    return replace(from_arrays(path.stem, x, y, None, classes), features=names)


def read_features(path: Path, names: Sequence[str] = ()) -> tuple[Array, list[str]]:
    """Return the numbers (n, features) of a table to predict, and its columns that were not read.

    Under a header, columns are found by `names`, in any order; without a header, or where no names
    are known, all of them are read as they stand. Numbers without a decimal point become int64,
    others float32. Raises `DataError` naming a column that is missing, or the line and column of
    a cell that is no number.
    """
    with _open(path) as lines:
        first = [cell.strip() for cell in next(lines, [])]
        if not first:
            raise DataError(f"'{path}' is empty")
        bare = all(map(_is_number, first))
        header = [str(i + 1) for i in range(len(first))] if bare else first
        rows = [(1, first)] if bare else []
        rows += _rows(lines, header, path)
    if not rows:
        raise DataError(f"'{path}' has a header but no rows")
    places = list(range(len(header))) if bare or not names else _places(header, names, path)
    named = [header[i] for i in places]
    cells = [[row[i].strip() for i in places] for _, row in rows]
    for (number, _), row in zip(rows, cells, strict=True):
        if not all(map(_is_number, row)):
            raise _bad_cell(row, named, f"{path} line {number}")
    whole = all(cell.lstrip("+-").isdecimal() for row in cells for cell in row)
    table = np.array([[float(cell) for cell in row] for row in cells])
    x = _finite(table, [number for number, _ in rows], named, path)
    left = [name for i, name in enumerate(header) if i not in places]
    return table.astype(np.int64) if whole else x, left


def _places(header: list[str], names: Sequence[str], path: Path) -> list[int]:
    _once(header, path)
    missing = [name for name in names if name not in header]
    if missing:
        raise DataError(
            f"'{path}' has no column '{missing[0]}', which the run reads; "
            f"{nearest(missing[0], header)}"
        )
    return [header.index(name) for name in names]


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """Open a CSV file as rows of cells; DataError for what is no text, or no CSV, on the way.

    The delimiter is whichever of comma, semicolon and tab the first line holds most.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            yield csv.reader(file, delimiter=max(DELIMITERS, key=first.count), strict=True)
    except UnicodeDecodeError:
        raise DataError(f"{path} is not text in UTF-8") from None
    except (OSError, csv.Error) as error:
        raise DataError(f"{path} is no readable CSV file: {error}") from None


def _header(names: list[str], path: Path) -> list[str]:
    header = [name.strip() for name in names]
    if len(header) < 2:
        raise DataError(f"{path}: a header of at least two columns is needed, not {header}")
    _once(header, path)
    if all(_is_number(name) for name in header):
        raise DataError(f"{path}: the first line holds only numbers; a header of names is needed")
    return header


def _once(header: list[str], path: Path) -> None:
    twice = [name for i, name in enumerate(header) if name in header[:i]]
    if twice:
        raise DataError(f"{path}: column '{twice[0]}' occurs twice in the header")


def _target_column(header: list[str], target: str | None) -> int:
    if target is None:
        return len(header) - 1
    if target not in header:
        raise unknown("column", target, header)
    return header.index(target)


def _rows(lines: Any, header: list[str], path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) of each line that is not blank."""
    for row in lines:
        if row:
            if len(row) != len(header):
                raise DataError(
                    f"{path} line {lines.line_num}: {len(row)} cells under {len(header)} columns"
                )
            yield lines.line_num, row


def _read(
    rows: Iterator[tuple[int, list[str]]], header: list[str], column: int, path: Path
) -> tuple[Array, list[str], list[int]]:
    """Return features (n, columns - 1), the target's cells, and their line numbers."""
    values = array("d")
    cells, numbers = [], []
    names = [name for i, name in enumerate(header) if i != column]
    for number, row in rows:
        cell = row.pop(column).strip()
        if cell.lower() in MISSING:
            raise DataError(f"{path} line {number}, column '{header[column]}': missing value")
        try:
            values.extend(map(float, row))
        except ValueError:
            raise _bad_cell(row, names, f"{path} line {number}") from None
        cells.append(cell)
        numbers.append(number)
    if not cells:
        raise DataError(f"{path} has a header but no rows")
    table = np.frombuffer(values, dtype=np.float64).reshape(len(cells), -1)
    return _finite(table, numbers, names, path), cells, numbers


def _finite(table: Array, numbers: Sequence[int], names: Sequence[str], path: Path) -> Array:
    """Return a table in float32; DataError names line and column of a number that is not finite."""
    with np.errstate(over="ignore"):
        x = table.astype(np.float32)
    if not np.isfinite(x).all():
        i, k = (int(v) for v in np.argwhere(~np.isfinite(x))[0])
        what = "missing value" if np.isnan(table[i, k]) else f"{table[i, k]} is not finite"
        raise DataError(f"{path} line {numbers[i]}, column '{names[k]}': {what}")
    return x


def _bad_cell(row: list[str], names: list[str], where: str) -> DataError:
    i = next(i for i, cell in enumerate(row) if not _is_number(cell))
    if row[i].strip().lower() in MISSING:
        return DataError(f"{where}, column '{names[i]}': missing value")
    return DataError(f"{where}, column '{names[i]}': '{row[i][:40]}' is not a number")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _target(
    cells: list[str], numbers: list[int], name: str, path: Path
) -> tuple[Array, tuple[str, ...] | None]:
    """Return labels with class names, or float targets and None."""
    words = set(cells)
    if all(_is_number(word) for word in words):
        values = np.array([float(cell) for cell in cells])
        if not np.isfinite(values.astype(np.float32)).all():
            i = int(np.argmin(np.isfinite(values.astype(np.float32))))
            raise DataError(f"{path} line {numbers[i]}, column '{name}': {cells[i]} is not finite")
        distinct, labels = np.unique(values, return_inverse=True)
        is_whole = bool((distinct == np.floor(distinct)).all())
        if not is_whole or len(distinct) > min(MOST_CLASSES, len(cells) // 2):
            return values, None
        return labels.astype(np.int64), tuple(f"{value:.0f}" for value in distinct)
    classes = tuple(sorted(words))
    index = {word: i for i, word in enumerate(classes)}
    return np.array([index[cell] for cell in cells], dtype=np.int64), classes
