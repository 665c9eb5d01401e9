"""One sweep as one HTML file, made as the page of a study is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steepest.compress.summary import Row
from steepest.compress.sweep import DENSE
from steepest.report.number import (
    ABSENT,
    THIN,
    decimals,
    halfwidth,
    interval,
    magnitude,
    score,
    signed,
    signed_interval,
)
from steepest.report.overview import Cell, Column
from steepest.report.page import assemble, put
from steepest.report.palette import colour
from steepest.report.sweep_chart import against_cost, against_sparsity
from steepest.report.sweep_content import METRIC, SweepContent
from steepest.report.sweep_layer_chart import by_layer, sensitivity

if TYPE_CHECKING:
    from steepest.report.chart import Figure

COLUMNS = (
    "Network", "Accuracy", "Points lost", "Parameters", "File", "FLOPs", "Memory",
    "Latency, batch 1", "Latency, batch 64",
)  # fmt: skip


@dataclass(frozen=True)
class NetworkRow:
    """One line of the table of networks."""

    name: str
    removed: str
    sort: str
    colour: int
    failed: str
    cells: tuple[Cell, ...]


def render_sweep(content: SweepContent) -> str:
    """Return the page of a sweep."""
    made = (f(content) for f in (against_sparsity, against_cost, by_layer, sensitivity))
    drawn: list[Figure] = [figure for figure in made if figure is not None]
    return assemble(
        "sweep.html", content, drawn, (content.methods, content.looks),
        columns=[Column(label) for label in COLUMNS],
        networks=network_rows(content),
        table_caption=_caption(content.rows),
        kinds={}, signs={},
    )  # fmt: skip


def write_sweep(content: SweepContent, path: str | Path) -> Path:
    """Write the page of a sweep and return its path."""
    return put(render_sweep(content), path)


def network_rows(content: SweepContent) -> list[NetworkRow]:
    """Return every method and sparsity as texts and numbers to sort by."""
    look = dict(zip(content.methods, content.looks, strict=True))
    digits = decimals(METRIC, (halfwidth(r.accuracy.low, r.accuracy.high) for r in content.rows))
    return [
        NetworkRow(
            row.method, _removed(row, content.structured), f"{row.sparsity}",
            colour(look[row.method]), _failed(row), (*_scores(row, digits), *_costs(row)),
        )
        for row in content.rows
    ]  # fmt: skip


def _removed(row: Row, structured: bool) -> str:
    if row.method == DENSE:
        return "nothing removed"
    what = "channels" if structured else "weights"
    return f"{100 * row.sparsity:.4g}{THIN}% of {what}"


def _failed(row: Row) -> str:
    found = {"emptied": row.emptied, "diverged": row.diverged}
    return ", ".join(f"{n} {word}" for word, n in found.items() if n)


def _scores(row: Row, digits: int) -> tuple[Cell, Cell]:
    accuracy, drop = row.accuracy, row.drop
    ends = interval(accuracy.low, accuracy.high, METRIC, digits)
    first = Cell(score(accuracy.mean, METRIC, digits), ends, f"{accuracy.mean}")
    if drop is None:
        return first, Cell(ABSENT)
    ends = signed_interval(drop.low, drop.high, METRIC, digits)
    return first, Cell(signed(drop.mean, METRIC, digits), ends, f"{drop.mean}")


def _costs(row: Row) -> tuple[Cell, ...]:
    cost = row.cost
    zeros = f"{magnitude(cost.nonzero)} not zero" if cost.nonzero < cost.params else ""
    packed = f"{magnitude(cost.bytes_compressed, 'B')} compressed"
    return (
        Cell(magnitude(cost.params), zeros, f"{cost.params}"),
        Cell(magnitude(cost.bytes_dense, "B"), packed, f"{cost.bytes_compressed}"),
        Cell(magnitude(cost.flops), "", f"{cost.flops}"),
        Cell(magnitude(cost.memory_bytes, "B"), "", f"{cost.memory_bytes}"),
        *(_latency(cost.latency, batch) for batch in (1, 64)),
    )


def _latency(found: dict[str, float], batch: int) -> Cell:
    ours, theirs = found.get(f"numpy {batch}"), found.get(f"onnxruntime {batch}")
    under = "" if theirs is None else f"{_time(theirs)} ONNX"
    return Cell(_time(ours), under, "" if ours is None else f"{ours}")


def _time(seconds: float | None) -> str:
    """Write a latency in micro- or milliseconds.

    >>> _time(0.0000123), _time(0.0123)
    ('12.3\u202fµs', '12.3\u202fms')
    """
    if seconds is None:
        return ABSENT
    if seconds < 1e-3:
        return f"{1e6 * seconds:.3g}{THIN}µs"
    return f"{1e3 * seconds:.3g}{THIN}ms"


def _caption(rows: Sequence[Row]) -> str:
    seeds = max((row.accuracy.n for row in rows), default=0)
    return (
        f"Accuracy and loss: mean over {seeds} seed{'s' if seeds != 1 else ''} and 95{THIN}%"
        " interval. File: all numbers as float32, and the same compressed by zlib. FLOPs: of one"
        " example's forward pass, as executed. Memory: weights, input and intermediate values of"
        " a batch of 64. Latency: of our NumPy engine, and (ONNX) of onnxruntime if installed."
    )
