"""`steepest prune`: a trained run, or a study file, against sparsity, with baselines and costs."""

import sys
import time
import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from steepest import paths
from steepest.cli.flag import Texts, literal
from steepest.cli.screen import say, show_table
from steepest.errors import UsageError

if TYPE_CHECKING:
    from steepest.compress.sensitivity import Sensitivity
    from steepest.compress.summary import Row
    from steepest.compress.sweep import Point, Sweep
    from steepest.data import Dataset
    from steepest.train.state import State

SHORT = (0, 1, 2, 3, 4, 5, 6, 8, 10, 11, 13, 14, 16, 17)  # columns of the table on a terminal


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SweepFlags:
    """What is pruned, how and how far; None: not given."""

    method: Texts = ()
    """Of single weights: magnitude, gradient; of channels: l1, l2, batchnorm, taylor [magnitude; l1
    with --structured]. Random pruning is always added."""
    structured: Annotated[bool, Parameter(negative=())] = False
    "Remove neurons and channels, so that tensors shrink."
    sparsity: Texts = ()
    "Fractions to remove [0.5,0.8,0.9]."
    finetune: int | None = None
    "Epochs of training after pruning [5]."
    seeds: int | None = None
    "Repetitions, each from its first weights on [3]."
    schedule: str | None = None
    "one_shot, 'iterative(steps=5)' or 'cubic(until=0.6)' [one_shot]."
    scope: str | None = None
    "Whether scores compete globally or by layer [global for weights, layer for channels]."


def prune(
    run: str,
    *,
    flags: SweepFlags | None = None,
    test: Annotated[bool, Parameter(negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    quiet: Annotated[bool, Parameter(name=("--quiet", "-q"), negative=())] = False,
    out: Path | None = None,
) -> None:
    """Prune a run; compare with random pruning and with small networks trained from scratch.

    Every seed beyond the run's own is trained, pruned and fine-tuned anew on its own split.

    Parameters
    ----------
    run
        A run's folder, the start of its key, or a .toml file that describes a sweep.
    flags
        What is pruned, how and how far.
    test
        Open the test set for every point, and record that it was opened.
    as_json
        Write one JSON object, nothing else, to standard output.
    quiet
        Show no progress.
    out
        The folder for prune.json, prune.png and the pruned networks [prune in the run's folder].
    """
    sweep, dataset, first, folder = _prepared(run, _given(flags or SweepFlags()))
    folder = _fresh(out or folder)
    points = _swept(sweep, dataset, (first, test, quiet), folder)
    rows, sensitive = _told(sweep, points, folder, test)
    if as_json:
        say((folder / "prune.json").read_text(encoding="utf-8").rstrip("\n"))
    else:
        _report(sweep, rows, sensitive, folder)


def _given(flags: SweepFlags) -> dict[str, Any]:
    """Return the fields of `Sweep` that were given."""
    asked = {
        "methods": tuple(m for text in flags.method for m in text.split(",") if m),
        "structured": flags.structured or None,
        "sparsities": _fractions(flags.sparsity),
        "finetune": flags.finetune, "seeds": flags.seeds, "schedule": flags.schedule,
        "scope": flags.scope,
    }  # fmt: skip
    return {k: v for k, v in asked.items() if v not in (None, ())}


def _fractions(texts: tuple[str, ...]) -> tuple[float, ...]:
    found = []
    for piece in (p for text in texts for p in text.split(",") if p):
        value = literal(piece)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UsageError(f"sparsity must be fractions such as 0.5,0.9, not '{piece}'")
        found.append(float(value))
    return tuple(found)


def _prepared(run: str, given: dict[str, Any]) -> tuple["Sweep", "Dataset", "State | None", Path]:
    """Return the sweep, its data, the run's weights where it was trained, and the folder."""
    from steepest.cli.restored_run import restore
    from steepest.compress.sweep import Sweep, read_sweep
    from steepest.data import load
    from steepest.train.session import read_state

    if run.endswith(".toml"):
        values = _read_toml(Path(run))
        sweep = read_sweep(values | {k: v for k, v in given.items() if k != "base"}, run)
        base = sweep.base
        dataset = load(base.data, list(base.classes) or None, base.target)
        return sweep, dataset, None, paths.runs_folder() / Path(run).stem
    if "methods" not in given:
        given["methods"] = ("l1",) if given.get("structured") else ("magnitude",)
    from steepest.spec import RunSpec

    Sweep(RunSpec(), **given)  # what cannot be is said before anything is loaded
    found = restore(run)
    return (
        Sweep(found.spec, **given), found.dataset, read_state(found.session, 0),
        found.folder / "prune",
    )  # fmt: skip


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"there is no file '{path}'") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as TOML: {error}") from None


def _fresh(folder: Path) -> Path:
    """Return a folder that does not exist yet: nothing is overwritten."""
    count, chosen = 1, folder
    while chosen.exists():
        count += 1
        chosen = folder.with_name(f"{folder.name}-{count}")
    return chosen


def _swept(
    sweep: "Sweep", dataset: "Dataset", how: tuple["State | None", bool, bool], folder: Path
) -> list["Point"]:
    """Run the sweep; keep the first seed's networks in folders of their own."""
    from steepest.compress import cost
    from steepest.compress.sweep import Watch, run_sweep

    first, test, quiet = how
    began, points = time.monotonic(), []
    for point in run_sweep(sweep, dataset, first, Watch(test, cost.SECONDS)):
        if point.seed == sweep.base.seed:
            _keep(point, folder)
        if not quiet:
            sys.stderr.write(
                f"{time.monotonic() - began:6.1f} s  seed {point.seed}  {point.method} "
                f"{point.sparsity:g}: {point.accuracy:.2%} after {point.epochs} epochs"
                f"{'' if point.status == 'finished' else ', ' + point.status}\n"
            )
        dense = point.seed == sweep.base.seed and point.sparsity == 0
        points.append(point if dense else replace(point, session=None))
    return points


def _keep(point: "Point", folder: Path) -> None:
    """Write a network as a run's folder: it can be exported, and predict."""
    from steepest.cli import run_folder
    from steepest.codec import digest
    from steepest.identity import run_key
    from steepest.train.session import read_state
    from steepest.train.weights import about, save_weights

    session = point.session
    if session is None:
        return
    own = folder / f"{point.method}-{point.sparsity:g}"
    own.mkdir(parents=True, exist_ok=True)
    spec, dataset = session.spec, session.dataset
    made = {"method": point.method, "sparsity": point.sparsity, "epochs": point.epochs}
    config = {
        "key": digest({"run": run_key(spec, dataset.digest), "pruned": made}),
        "started": run_folder.now(), "spec": spec.plain(), "pruned": made,
        "data": {"name": dataset.name, "digest": dataset.digest},
    }  # fmt: skip
    run_folder.write_json(own / run_folder.CONFIG, config)
    run_folder.write_json(
        own / run_folder.RESULT,
        {"status": point.status, "val_accuracy": point.accuracy, "cost": point.cost.plain()},
    )
    (own / run_folder.EPOCHS).write_text("epoch\n", encoding="utf-8")
    state = read_state(session, point.epochs)
    save_weights(own / "last.safetensors", session.task.arch, state, about(spec.model, session))


def _told(
    sweep: "Sweep", points: list["Point"], folder: Path, test: bool
) -> tuple[tuple["Row", ...], tuple["Sensitivity", ...]]:
    """Write prune.json and prune.png; return the rows and the sensitivities."""
    from steepest.cli import run_folder
    from steepest.compress.sensitivity import sensitivities
    from steepest.compress.summary import COSTS, pareto, summarise
    from steepest.report.compression import plot_compression

    rows = summarise(points)
    session = points[0].session
    method = sweep.methods[0]
    sensitive = () if session is None else sensitivities(session, method, sweep.structured)
    plain = [
        {k: v for k, v in vars(p).items() if k not in ("session", "cost", "layers")}
        | {"cost": p.cost.plain(), "layers": [asdict(part) for part in p.layers]}
        for p in points
    ]
    base = {"base": sweep.base.plain(), "schedule": sweep.schedule.plain()}
    told = {
        "sweep": {k: v for k, v in vars(sweep).items() if k not in base} | base,
        "rows": [asdict(row) for row in rows],
        "pareto": {c: [[r.method, r.sparsity] for r in pareto(rows, c)] for c in COSTS},
        "sensitivity": [asdict(s) for s in sensitive],
        "points": plain,
        "openings": [{"time": run_folder.now(), "by": "prune --test"}] if test else [],
    }
    run_folder.write_json(folder / "prune.json", told)
    title = sweep.question or f"{sweep.base.model.name} on {sweep.base.data}"
    plot_compression(rows, sensitive, folder / "prune.png", title)
    return rows, sensitive


def _report(
    sweep: "Sweep", rows: tuple["Row", ...], sensitive: tuple["Sensitivity", ...], folder: Path
) -> None:
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
