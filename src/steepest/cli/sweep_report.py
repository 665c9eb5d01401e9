"""What a sweep says in the end: prune.json, its figure, the table on the screen."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from steepest.cli import run_folder
from steepest.cli.screen import say, show_table
from steepest.cli.sweep_folder import OUTCOME, openings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steepest.compress.sensitivity import Sensitivity
    from steepest.compress.summary import Row
    from steepest.compress.sweep import Point, Sweep

SHORT = (0, 1, 2, 3, 4, 5, 6, 8, 10, 11, 13, 14, 16, 17)  # columns of the table on a terminal


def write(
    sweep: "Sweep", points: "Sequence[Point]", sensitive: "Sequence[Sensitivity]", folder: Path
) -> "tuple[Row, ...]":
    """Write prune.json and prune.png; return a row for every method and sparsity."""
    from steepest.compress.summary import COSTS, pareto, summarise
    from steepest.report.compression import plot_compression

    rows = summarise(points)
    base = {"base": sweep.base.plain(), "schedule": sweep.schedule.plain()}
    told = {
        "sweep": {k: v for k, v in vars(sweep).items() if k not in base} | base,
        "rows": [asdict(row) for row in rows],
        "pareto": {c: [[r.method, r.sparsity] for r in pareto(rows, c)] for c in COSTS},
        "sensitivity": [asdict(s) for s in sensitive],
        "points": [p.plain() for p in points],
        "openings": openings(folder),
    }
    run_folder.write_json(folder / OUTCOME, told)
    title = sweep.question or f"{sweep.base.model.name} on {sweep.base.data}"
    plot_compression(rows, sensitive, folder / "prune.png", title)
    return rows


def show(
    sweep: "Sweep", rows: "Sequence[Row]", sensitive: "Sequence[Sensitivity]", folder: Path
) -> None:
    """Show the table of a sweep, its most sensitive layer, and where all is kept."""
    from steepest.report.compression import COLUMNS, compression_rows

    texts = [[row[i] for i in SHORT] for row in compression_rows(rows)]
    kind = "channels" if sweep.structured else "single weights"
    show_table(
        [COLUMNS[i] for i in SHORT], texts,
        f"pruning {kind}: validation accuracy, mean of {sweep.seeds} seeds",
    )  # fmt: skip
    worst = min(sensitive, key=lambda s: s.accuracy, default=None)
    if worst is not None:
        say(
            f"most sensitive layer: {worst.layer} "
            f"({worst.accuracy:.1%} with {worst.sparsity:.0%} of it gone, untrained after)"
        )
    say(f"kept in {folder}")
