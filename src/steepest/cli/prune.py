"""`steepest prune`: a trained run, or a study file, against sparsity, with baselines and costs."""

import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from steepest import paths
from steepest.cli.flag import Texts, literal
from steepest.cli.screen import say
from steepest.errors import UsageError

if TYPE_CHECKING:
    from steepest.cli.compare import WorkFlags
    from steepest.compress.sweep import Point, Sweep
    from steepest.data import Dataset
    from steepest.train.state import State

FEW_ZEROS = 0.01  # of a layer's weights that are zero by chance, at most
Switch = Annotated[bool, Parameter(negative=(), show_default=False)]
Listed = Annotated[Texts, Parameter(show_default=False)]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SweepFlags:
    """What is pruned, how and how far; None: not given."""

    method: Listed = ()
    """Of single weights: magnitude, layer_magnitude, gradient; of channels: l1, l2, batchnorm,
    taylor [magnitude; l1 with --structured]. Random pruning is always added."""
    structured: Switch = False
    "Remove neurons and channels, so that tensors shrink."
    sparsity: Listed = ()
    "Fractions to remove [0.5,0.8,0.9]."
    finetune: int | None = None
    "Epochs of training after pruning [5]."
    seeds: int | None = None
    "Repetitions, each from its first weights on [3]."
    schedule: str | None = None
    "one_shot, 'iterative(steps=5)' or 'cubic(until=0.6)' [one_shot]."
    scope: str | None = None
    "Whether scores compete globally or by layer [global for weights, layer for channels]."
    test: Switch = False
    "Open the test set for every point, and record that it was opened."


@dataclass(frozen=True, eq=False)
class Prepared:
    """A sweep with its data, where it is kept, and the weights of a run that it starts from."""

    sweep: "Sweep"
    dataset: "Dataset"
    folder: Path
    start: "State | None" = None


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a sweep is made and shown."""

    test: bool = False  # the test set is opened for every point
    fresh: bool = False  # every point is made again, in a new folder
    json: bool = False
    quiet: bool = False


def prune(
    run: str,
    *,
    flags: SweepFlags | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), show_default=False)] = False,
    quiet: Annotated[
        bool, Parameter(name=("--quiet", "-q"), negative=(), show_default=False)
    ] = False,
    fresh: Switch = False,
    out: Path | None = None,
) -> None:
    """Prune a run; compare with random pruning and with small networks trained from scratch.

    Every seed beyond the run's own is trained, pruned and fine-tuned anew on its own split. A
    sweep that was stopped goes on where it was; one that is finished is shown again.

    Parameters
    ----------
    run
        A run's folder, the start of its key, or a .toml file that describes a sweep.
    flags
        What is pruned, how and how far.
    as_json
        Write one JSON object, nothing else, to standard output.
    quiet
        Show no progress.
    fresh
        Make every point again, in a new folder.
    out
        The folder for report.html, prune.json and the pruned networks [prune in the run's folder].
    """
    given = flags or SweepFlags()
    found = prepared(run, _given(given), out)
    conduct(found, Way(test=given.test, fresh=fresh, json=as_json, quiet=quiet))


def conduct(found: Prepared, way: Way) -> None:
    """Make what a sweep still misses, write its outcome and show it."""
    from steepest.cli import sweep_folder, sweep_report

    key = sweep_folder.identity(found.sweep, found.dataset, found.start, way.test)
    folder = sweep_folder.choose(found.folder, key, way.fresh)
    with sweep_folder.opened(folder, key, way.test):
        points = _swept(found, folder, way)
        sensitive = sweep_folder.sensitive(found.sweep, points[0], folder)
        rows = sweep_report.write(found.sweep, points, sensitive, folder)
    if way.json:
        say((folder / sweep_folder.OUTCOME).read_text(encoding="utf-8").rstrip("\n"))
    else:
        sweep_report.show(found.sweep, rows, sensitive, folder)


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


def prepared(run: str, given: dict[str, Any], out: Path | None = None) -> Prepared:
    """Return the sweep of a run or of a study file."""
    from steepest.cli.restored_run import restore
    from steepest.compress.criterion import prunable
    from steepest.compress.sweep import Sweep, read_sweep
    from steepest.data import load, take_examples
    from steepest.spec import RunSpec
    from steepest.train.session import read_state

    if run.endswith(".toml"):
        table = read_toml(Path(run))
        if "arms" in table:
            raise UsageError(
                f"{run} compares arms, and prunes nothing; do it by: steepest run {run}"
            )
        sweep = read_sweep(table | given, run)
        base = sweep.base
        dataset = load(base.data, list(base.classes) or None, base.target)
        if sweep.examples is not None:
            dataset = take_examples(dataset, sweep.examples)
        return Prepared(sweep, dataset, out or paths.runs_folder() / Path(run).stem)
    if "methods" not in given:
        given["methods"] = ("l1",) if given.get("structured") else ("magnitude",)
    Sweep(RunSpec(), **given)  # what cannot be is said before anything is loaded
    found = restore(run)
    start = read_state(found.session, 0)
    spans = prunable(found.session).values()
    if any((start.arrays["params"][a:b] == 0).mean() > FEW_ZEROS for a, b in spans):
        raise UsageError(
            f"single weights of '{run}' were removed before, and training would bring them back; "
            "prune the run it came from further"
        )
    return Prepared(Sweep(found.spec, **given), found.dataset, out or found.folder / "prune", start)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the table in a TOML file; UsageError where it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"there is no file '{path}'") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as TOML: {error}") from None


def describes_sweep(file: str) -> bool:
    """Tell whether a study file describes a sweep of sparsities, not arms."""
    try:
        table = read_toml(Path(file))
    except UsageError:
        return False  # whoever reads it as a study says what is wrong
    return "arms" not in table and bool({"sparsities", "methods", "finetune"} & set(table))


def run_file(file: str, work: "WorkFlags") -> int:
    """Do the sweep in a study file as `steepest run` was asked to.

    Raises UsageError for a store (points are kept in the folder) and for workers: latency is
    measured beside the work, so that there is one process.
    """
    for name, given in (
        ("store", work.store),
        ("jobs", work.jobs if (work.jobs or 0) > 1 else None),
    ):
        if given is not None:
            raise UsageError(
                f"{file} describes a sweep of sparsities, which takes no --{name}: it is made by "
                "one process, because it measures latency, and kept in its folder"
            )
    found = prepared(file, {}, Path(work.out) if work.out else None)
    if work.dry_run:
        for place in found.sweep.places():
            say("  {}  {:g}  seed {}".format(*place))
        say("Nothing was run (--dry-run).")
        return 0
    conduct(found, Way(fresh=work.fresh, json=work.json))
    return 0


def _swept(found: Prepared, folder: Path, way: Way) -> list["Point"]:
    """Return all points of a sweep; those that are new are kept as they are made."""
    from steepest.cli import sweep_folder
    from steepest.compress import cost
    from steepest.compress.dense_run import train_kept
    from steepest.compress.sweep import Past, Watch, run_sweep

    sweep, start = found.sweep, found.start

    def train(spec: Any, dataset: "Dataset") -> "State":
        if start is not None and spec.seed == sweep.base.seed:
            return start
        return train_kept(folder / sweep_folder.STATES, spec, dataset)

    known = sweep_folder.read_points(folder)
    tell = _printer(way.quiet)
    if known:
        tell(f"{len(known)} points were finished before")
    points: list[Point] = []
    try:
        watch = Watch(way.test, cost.SECONDS)
        for point in run_sweep(sweep, found.dataset, watch, Past(known, train)):
            if point.place not in known:
                sweep_folder.keep(point, sweep, folder)
                tell(_line(point))
            if not points:
                sweep_folder.sensitive(sweep, point, folder)
            points.append(point.alone)
    except (KeyboardInterrupt, SystemExit):
        sys.stderr.write("Stopped. What is finished is kept: the same command goes on from here.\n")
        raise
    return points


def _line(point: "Point") -> str:
    return (
        f"seed {point.seed}  {point.method} {point.sparsity:g}: {point.accuracy:.2%} after "
        f"{point.epochs} epochs{'' if point.status == 'finished' else ', ' + point.status}"
    )


def _printer(quiet: bool) -> Any:
    """Return what writes a line of progress with the seconds since now."""
    began = time.monotonic()

    def tell(text: str) -> None:
        if not quiet:
            sys.stderr.write(f"{time.monotonic() - began:6.1f} s  {text}\n")

    return tell
