"""What a sweep says in the end: prune.json, its page, its figure, the table on the screen."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steepest.cli import run_folder
from steepest.cli.screen import say, show_table
from steepest.cli.sweep_folder import OUTCOME, PAGE, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from steepest.compress.sensitivity import Sensitivity
    from steepest.compress.summary import Row
    from steepest.compress.sweep import Point, Sweep

SHORT = (0, 1, 2, 3, 4, 5, 6, 8, 10, 11, 13, 14, 16, 17)  # columns of the table on a terminal


def write(
    sweep: "Sweep", points: "Sequence[Point]", sensitive: "Sequence[Sensitivity]", folder: Path
) -> "tuple[Row, ...]":
    """Write prune.json, report.html and prune.png; return a row for every method and sparsity."""
    from steepest.compress.summary import COSTS, pareto, summarise
    from steepest.report.compression import plot_compression

    rows = summarise(points)
    base = {"base": sweep.base.plain(), "schedule": sweep.schedule.plain()}
    outcome = {
        "sweep": {k: v for k, v in vars(sweep).items() if k not in base} | base,
        "rows": [asdict(row) for row in rows],
        "pareto": {c: [[r.method, r.sparsity] for r in pareto(rows, c)] for c in COSTS},
        "sensitivity": [asdict(s) for s in sensitive],
        "points": [p.plain() for p in points],
        "openings": told(folder)["openings"],
    }
    run_folder.write_json(folder / OUTCOME, outcome)
    title = sweep.question or f"{sweep.base.model.name} on {sweep.base.data}"
    plot_compression(rows, sensitive, folder / "prune.png", title)
    _write_page(sweep, rows, sensitive, folder)
    return rows


def _write_page(
    sweep: "Sweep", rows: "tuple[Row, ...]", sensitive: "Sequence[Sensitivity]", folder: Path
) -> None:
    """Write the page; the command on it is the one being done."""
    from steepest.report.content import Method
    from steepest.report.sweep_content import SCOPE, SweepContent, answer, notes, plan
    from steepest.report.sweep_page import write_sweep
    from steepest.study.environment import command

    about = told(folder)
    method = Method(
        tuple(_settings(sweep, about)), (("sweep", str(about["key"])),),
        tuple((k, str(v)) for k, v in about["environment"].items()), command(),
    )  # fmt: skip
    content = SweepContent(
        folder.name if sweep.question else f"{folder.parent.name}/{folder.name}",
        sweep.question or f"How far can {sweep.base.model.name} be pruned?",
        answer(sweep, rows), f"{run_folder.now()[:16].replace('T', ' ')} UTC", SCOPE, plan(sweep),
        notes(sweep, rows, bool(about["openings"])), method, sweep.structured, rows,
        tuple(sensitive),
    )  # fmt: skip
    write_sweep(content, folder / PAGE)


def _settings(sweep: "Sweep", about: "dict[str, Any]") -> "Iterator[tuple[str, str]]":
    """Yield what decided the sweep, as texts."""
    for name, value in sweep.base.plain().items():
        yield name, value if isinstance(value, str) else json.dumps(value)
    if sweep.examples is not None:
        yield "training examples used", f"{sweep.examples}, a stratified part"
    yield "methods", ", ".join(sweep.all_methods)
    yield "removed", "channels" if sweep.structured else "single weights"
    yield "sparsities", ", ".join(f"{s:g}" for s in sweep.sparsities)
    yield "fine-tuning", f"{sweep.finetune} epochs"
    yield "schedule of pruning", str(sweep.schedule)
    yield "scores compete", sweep.scope or "within layers for channels, else across them"
    yield "seeds", str(sweep.seeds)
    yield "begun", f"{about['started'][:19]} UTC"
    for opening in about["openings"]:
        yield "test set opened", f"{opening['time'][:19]} UTC by {opening['by']}"


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
    say(f"kept in {folder}; report: {folder / PAGE}")
