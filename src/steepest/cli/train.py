"""`steepest train`: one run, reported on validation data and kept in a folder."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from steepest import paths
from steepest.cli.flag import RunFlags, read_spec
from steepest.cli.fold_runs import FoldFlags, train_folds
from steepest.cli.screen import say, show_table
from steepest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from steepest.data import Dataset
    from steepest.spec import RunSpec
    from steepest.train.finish import Result
    from steepest.train.measure import Measure

EPOCHS = 50  # of this command, where none are given
QUICK, LINES = 1, 2  # a bar on a terminal, or a line an epoch


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ShownFlags:
    """What is shown, and where."""

    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False
    "Write one JSON object, nothing else, to standard output."
    verbose: Annotated[bool, Parameter(name=("--verbose", "-v"), negative=())] = False
    "Write a line an epoch instead of a bar."
    quiet: Annotated[bool, Parameter(name=("--quiet", "-q"), negative=())] = False
    "Show no progress."


def train(
    run: RunFlags | None = None,
    *,
    flags: ShownFlags | None = None,
    cross: FoldFlags | None = None,
    test: Annotated[bool, Parameter(negative=())] = False,
    fresh: Annotated[bool, Parameter(negative=())] = False,
    out: Path | None = None,
) -> None:
    """Train one run; report it and keep it in a folder.

    Parameters
    ----------
    run
        What decides the run.
    flags
        What is shown, and where.
    cross
        Cross-validation.
    test
        Open the test set at the end and record it; with --outer, measure that fold instead.
    fresh
        Begin anew, also where an interrupted run of this command could go on.
    out
        The folder that receives the run's own folder [runs].
    """
    wanted = flags or ShownFlags()
    spec = read_spec(run, epochs=EPOCHS)
    dataset = _load(spec)
    shown = 0 if wanted.quiet else LINES if wanted.verbose else QUICK
    place = out or paths.runs_folder()
    specs = (cross or FoldFlags()).specs(spec)
    if specs:
        _cross(specs, lambda one: _run(one, dataset, shown, place, fresh), test, wanted.as_json)
        return
    result, folder = _run(spec, dataset, shown, place, fresh)
    tested = _open_test(result) if test else None
    summary = _summary(result, tested)
    from steepest.cli import run_folder

    run_folder.keep(folder, result, summary)
    if wanted.as_json:
        line = _line(result, tested) | {"key": _key(folder), "folder": str(folder)}
        say(json.dumps(run_folder.finite(line)))
    else:
        _report(result, tested, folder)


def _cross(
    specs: "list[RunSpec]",
    run: "Callable[[RunSpec], tuple[Result, Path]]",
    test: bool,
    as_json: bool,
) -> None:
    """Train a run for every fold, each kept in a folder of its own."""
    from steepest.cli import run_folder

    if test:
        raise UsageError("--folds scores a setting on its folds: leave out --test")

    def kept(spec: "RunSpec") -> "tuple[Result, Path]":
        result, folder = run(spec)
        run_folder.keep(folder, result, _summary(result, None))
        return result, folder

    found = train_folds(specs, kept, as_json)
    if as_json:
        say(json.dumps(run_folder.finite(found)))


def _load(spec: "RunSpec") -> "Dataset":
    from steepest.data import load

    return load(spec.data, list(spec.classes) or None, spec.target)


def _run(
    spec: "RunSpec", dataset: "Dataset", shown: int, parent: Path, fresh: bool
) -> tuple["Result", Path]:
    from steepest.cli.resumed_run import Course
    from steepest.train.partition import passes, steps_of
    from steepest.train.progress import progress

    with progress(shown, math.ceil(passes(spec, steps_of(spec, dataset)))) as show:
        return Course(spec, dataset, parent).train(show, fresh)


def _open_test(result: "Result") -> "Measure | None":
    """Measure on the test set; a run that diverged at once has no weights to measure."""
    from steepest.train.finish import evaluate_test

    return None if result.state is None else evaluate_test(result)


def _key(folder: Path) -> str:
    from steepest.cli import run_folder

    config = json.loads((folder / run_folder.CONFIG).read_text(encoding="utf-8"))
    return str(config["key"])


def _line(result: "Result", tested: "Measure | None") -> dict[str, Any]:
    """Return the object that `--json` writes, without key and folder."""
    from steepest.cli import run_folder

    measure, last = result.measure, run_folder.rows(result)[-1]
    found = {
        "val_accuracy": None if measure is None else measure.accuracy,
        "val_loss": None if measure is None else measure.loss,
        "seconds": last["seconds"],
        "epochs": len(result.rows),
        "params": result.params,
        "status": result.status,
    }
    return found | ({} if tested is None else {"test_accuracy": tested.accuracy})


def _summary(result: "Result", tested: "Measure | None") -> dict[str, Any]:
    """Return what result.json holds."""
    from steepest.cli import run_folder

    names, last = result.session.dataset.classes, run_folder.rows(result)[-1]
    measures = {"validation": result.measure, "training": result.training}
    opening = {"time": run_folder.now(), "by": "train --test"}
    is_opened = tested is not None and result.session.spec.outer is None
    return _line(result, tested) | {
        "updates": last["updates"],
        "examples": last["examples"],
        "flops": last["flops"],
        "gap": result.gap,
        "stability": result.stability,
        "measured_epoch": None if result.state is None else result.state.epoch,
        "best_epoch": None if result.best is None else result.best.epoch,
        **{k: None if m is None else m.plain(names) for k, m in measures.items()},
        "test": None if tested is None else tested.plain(names),
        "openings": [opening] if is_opened else [],
    }


def _report(result: "Result", tested: "Measure | None", folder: Path) -> None:
    from steepest.cli import run_folder

    spec, last = result.session.spec, run_folder.rows(result)[-1]
    rows = [["status", _status(result)]]
    rows += _measured("validation", result.measure)
    rows += [
        ["generalization gap", _points(result.gap)],
        ["stability", _points(result.stability)],
        ["updates", f"{last['updates']:,}"],
        ["examples", f"{last['examples']:,}"],
        ["FLOPs", f"{last['flops']:.4g}"],
        ["seconds", f"{last['seconds']:.2f}"],
        ["parameters", f"{result.params:,}"],
    ]
    rows += _measured(_held(result), tested)
    show_table(["", "value"], rows, f"{spec.model} by {spec.optimizer} on {spec.data}")
    _report_classes(result, tested)
    say(f"kept in {folder}")


def _status(result: "Result") -> str:
    from steepest.cli import run_folder

    count, last = len(result.rows), run_folder.rows(result)[-1]
    if result.status == "diverged":
        return f"diverged in epoch {last['epoch']}"
    at = result.state.epoch if result.state else count
    taken = f", weights of epoch {at}" if at != count else ""
    asked = result.session.spec.updates
    done = f"{count} epochs" if asked is None else f"{last['updates']:,} updates"
    return f"{result.status} after {done}{taken}"


def _measured(split: str, measure: "Measure | None") -> list[list[str]]:
    if measure is None:
        return []
    rows = [[f"{split} loss", f"{measure.loss:.4f}"]]
    if measure.confusion is None:
        return rows
    values = {
        "accuracy": measure.accuracy,
        "precision (macro)": measure.precision,
        "recall (macro)": measure.recall,
        "F1 (macro)": measure.f1,
    }
    return [*rows, *([f"{split} {name}", f"{value:.2%}"] for name, value in values.items())]


def _points(value: float) -> str:
    return "-" if value != value else f"{100 * value:+.2f} points"  # noqa: PLR0124 - NaN


def _held(result: "Result") -> str:
    return "test" if result.session.spec.outer is None else "outer fold"


def _report_classes(result: "Result", tested: "Measure | None") -> None:
    measures = {"validation": result.measure, _held(result): tested}
    known = {k: m for k, m in measures.items() if m is not None and m.confusion is not None}
    names = result.session.dataset.classes
    if known:
        rows = [
            [name, *(f"{m.class_recall[i]:.1%}" if m.has(i) else "-" for m in known.values())]
            for i, name in enumerate(names)
        ]
        show_table(["class", *(f"{k} accuracy" for k in known)], rows, "per-class accuracy")
