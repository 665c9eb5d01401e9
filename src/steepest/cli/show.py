"""`steepest show`: one run, from the store by the start of its key or from its folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from steepest import paths
from steepest.cli import screen
from steepest.cli.look import LookFlags, draw
from steepest.cli.screen import say
from steepest.errors import DataError, NothingMatchedError, UsageError

if TYPE_CHECKING:
    from steepest.cli.run_folder import Kept
    from steepest.train.measure import Measure

SHOWN_EPOCHS = 10  # lines of the table of epochs at most
MOST_CLASSES = 20  # a confusion of more classes is no table for a terminal
COLUMNS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
TOTALS = ("epochs", "updates", "examples", "flops", "seconds", "params")


@dataclass(frozen=True)
class Shown:
    """A run as it is shown, wherever it was kept."""

    key: str
    spec: Mapping[str, Any]
    status: str
    reason: str
    totals: Mapping[str, Any]
    measures: Mapping[str, Mapping[str, Any]]  # split -> `Measure.plain`
    epochs: Sequence[Mapping[str, Any]]
    places: Sequence[Mapping[str, Any]]  # where it stands in studies
    source: str  # the store or the folder


def show(
    run: str,
    *,
    store: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    look: Annotated[LookFlags | None, Parameter(name="*")] = None,
) -> None:
    """Show one run: its settings, measurements, classes, confusion and epochs; or draw its inside.

    Parameters
    ----------
    run
        The start of a run's key, or a folder that `steepest train` made.
    store
        URL of the store [sqlite:///runs/steepest.db, or STEEPEST_STORE].
    as_json
        Write one JSON object to standard output.
    look
        What to draw of the inside of a run in a folder.
    """
    from steepest.cli.run_folder import finite

    look = look or LookFlags()
    if look.wanted:
        drawn = draw(find_folder(run), look.wanted, look.test, look.out)
        pictures = [str(path) for path in drawn]
        say(json.dumps({"pictures": pictures}) if as_json else "\n".join(pictures))
        return
    if look.test or look.out:
        raise UsageError("--test and --out belong to --filters, --activations, ...")
    found = find(run, store or paths.store_url())
    if as_json:
        say(json.dumps(finite(vars(found)), allow_nan=False))
    else:
        tell(found)


def find(run: str, store: str) -> Shown:
    """Return a run by its folder, or by the start of its key in the store or the runs folder."""
    from steepest.cli.run_folder import CONFIG, read

    folder = Path(run)
    if folder.is_dir():
        if not (folder / CONFIG).exists():
            raise UsageError(f"'{run}' is not the folder of a run: it has no {CONFIG}")
        return _from_folder(read(folder))
    try:
        return _from_store(run, store)
    except NothingMatchedError as nothing:
        start = run.strip().lower()
        kept = [read(f) for f in _folders() if _key(f).startswith(start)]
        if not kept:
            raise NothingMatchedError(f"{nothing}, and none in {paths.runs_folder()}") from None
        return _from_folder(max(kept, key=lambda k: str(k.config["started"])))


def find_folder(run: str) -> "Kept":
    """Return a run that `steepest train` kept, by its folder or the start of its key."""
    from steepest.cli.run_folder import RESULT, read

    if Path(run).is_dir():
        if not (Path(run) / RESULT).exists():
            raise UsageError(f"'{run}' is not the folder of a finished run: it has no {RESULT}")
        return read(Path(run))
    kept = [read(f) for f in _folders() if _key(f).startswith(run.strip().lower())]
    if not kept:
        raise NothingMatchedError(
            f"no run '{run}' in {paths.runs_folder()}; pictures need the weights that "
            "`steepest train` keeps in a folder"
        )
    return max(kept, key=lambda k: str(k.config["started"]))


def _folders() -> list[Path]:
    from steepest.cli.run_folder import CONFIG, RESULT

    found = paths.runs_folder().glob(f"*/{RESULT}")
    return [path.parent for path in found if (path.parent / CONFIG).exists()]


def _key(folder: Path) -> str:
    from steepest.cli.run_folder import CONFIG

    try:
        return str(json.loads((folder / CONFIG).read_text(encoding="utf-8"))["key"])
    except (OSError, ValueError, KeyError):
        return ""


def _from_folder(kept: "Kept") -> Shown:
    from steepest.cli.run_folder import how_made

    result = kept.result
    measures = {s: result[s] for s in ("validation", "test") if result.get(s)}
    return Shown(
        key=str(kept.config.get("key", "")),
        spec=kept.config["spec"],
        status=str(result.get("status", "")),
        reason=how_made(kept),
        totals={name: result.get(name) for name in TOTALS},
        measures=measures,
        epochs=kept.epochs,
        places=(),
        source=str(kept.folder),
    )


def _from_store(start: str, url: str) -> Shown:
    from dataclasses import asdict

    from steepest.study.query import find_run, list_places, read_curves, read_evaluations
    from steepest.study.record import decode
    from steepest.study.store import open_store

    with open_store(url, write=False) as store:
        record = find_run(store, start)
        epochs = read_curves(store, [record.key])[record.key]
        tests = read_evaluations(store, [record.key])[record.key]
        places = [{"study": name, **asdict(place)} for name, place in list_places(store, record)]
    validation = record.metrics.get("validation")
    totals = {name: getattr(record, name) for name in TOTALS}
    return Shown(
        key=record.key,
        spec=decode(record.spec),
        status=record.status,
        reason=record.reason,
        totals=totals | {"epochs": len(epochs)},
        measures=({"validation": validation} if validation else {}) | tests,
        epochs=epochs,
        places=[{k: v for k, v in place.items() if k != "key"} for place in places],
        source=store.place,
    )


def tell(run: Shown) -> None:
    """Print a run as tables."""
    say(f"run {run.key[:12]}: {run.status}{f' ({run.reason})' if run.reason else ''}")
    say(f"from {run.source}")
    for place in run.places:
        say(_place(place))
    show_table(["setting", "value"], [[k, _text(v)] for k, v in run.spec.items()])
    known = {k: v for k, v in run.totals.items() if v is not None}
    if known:
        show_table(["total", "value"], [[k, _amount(k, v)] for k, v in known.items()])
    measures = {split: _measure(found) for split, found in run.measures.items()}
    if measures:
        _tell_measures(measures)
    for split, (measure, names) in measures.items():
        if measure.confusion is not None:
            _tell_classes(split, measure, names)
    if run.epochs:
        _tell_epochs(run.epochs)


def show_table(columns: Sequence[str], rows: screen.Rows, title: str = "") -> None:
    """Print a table with an empty line before it."""
    say("")
    screen.show_table(columns, rows, title)


def _place(place: Mapping[str, Any]) -> str:
    trial = f", trial {place['trial']}" if place["role"] == "tuning" else ""
    where = f"{place['role']} run, tuning {place['tuning']}{trial}, seed {place['seed']}"
    return f"in study {place['study']}: arm {place['arm']}, {where}"


def _text(value: Any) -> str:
    if isinstance(value, Mapping) and "name" in value:
        options = ", ".join(f"{k}={_text(v)}" for k, v in value.items() if k != "name")
        return f"{value['name']}({options})" if options else str(value["name"])
    return value if isinstance(value, str) else json.dumps(value)


def _amount(name: str, value: float) -> str:
    if name == "flops":
        return f"{value:.4g}"
    return f"{value:.3f}" if name == "seconds" else f"{value:,}"


def _measure(plain: Mapping[str, Any]) -> tuple["Measure", list[str]]:
    """Return the measurement behind stored plain values, and the names of the classes."""
    import numpy as np

    from steepest.train.measure import Measure

    counts = plain.get("confusion")
    try:
        confusion = None if counts is None else np.array(counts, np.int64)
        loss = plain["loss"]
        measure = Measure(
            float("nan") if loss is None else float(loss), int(plain["examples"]), confusion
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"the measurements of this run are damaged: {error}") from None
    return measure, list(plain.get("class_accuracy", {}))


def _tell_measures(measures: Mapping[str, tuple["Measure", list[str]]]) -> None:
    names = {"accuracy": "accuracy", "precision": "precision (macro)"}
    names |= {"recall": "recall (macro)", "f1": "F1 (macro)"}
    rows = [["examples", *(f"{m.examples:,}" for m, _ in measures.values())]]
    rows.append(["loss", *(f"{m.loss:.4f}" for m, _ in measures.values())])
    if all(m.confusion is not None for m, _ in measures.values()):
        rows += [
            [label, *(f"{getattr(m, name):.2%}" for m, _ in measures.values())]
            for name, label in names.items()
        ]
    show_table(["", *measures], rows, "measurements")


def _tell_classes(split: str, measure: "Measure", names: Sequence[str]) -> None:
    """Print precision, recall and F1 of every class, and what was taken for what."""
    assert measure.confusion is not None  # noqa: S101 - asked by the caller
    counts = measure.confusion.sum(axis=1)
    columns = (measure.class_precision, measure.class_recall, measure.class_f1)
    rows = [
        [name, *(f"{c[i]:.1%}" if measure.has(i) else "-" for c in columns), f"{counts[i]:,}"]
        for i, name in enumerate(names)
    ]
    show_table(["class", "precision", "recall", "F1", "examples"], rows, f"{split}: classes")
    if len(names) > MOST_CLASSES:
        say(f"{split}: the confusion of {len(names)} classes is in --json")
        return
    shares = 100 * measure.confusion / counts.clip(1)[:, None]
    rows = [
        [name, *(f"{v:.0f}" if c else "-" for v, c in zip(shares[i], line, strict=True))]
        for i, (name, line) in enumerate(zip(names, measure.confusion, strict=True))
    ]
    title = f"{split}: per cent of each class (row) predicted as (column)"
    show_table(["true", *names], rows, title)


def _tell_epochs(epochs: Sequence[Mapping[str, Any]]) -> None:
    """Print epochs evenly chosen, first, best and last among them."""
    chosen = {round(i * (len(epochs) - 1) / (SHOWN_EPOCHS - 1)) for i in range(SHOWN_EPOCHS)}
    losses = [(r["val_loss"], i) for i, r in enumerate(epochs) if r.get("val_loss") is not None]
    best = min(losses)[1] if losses else None
    if best is not None:
        chosen.add(best)
    known = [c for c in COLUMNS if epochs[-1].get(c) is not None]
    rows = [
        [
            f"{epochs[i]['epoch']:.0f}{' (best)' if i == best else ''}",
            *(_cell(name, epochs[i].get(name)) for name in known),
            _cell("seconds", epochs[i].get("seconds")),
        ]
        for i in sorted(chosen)
    ]
    show_table(["epoch", *(c.replace("_", " ") for c in known), "seconds"], rows, "epochs")


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name == "seconds":
        return f"{value:.2f}"
    return f"{value:.2%}" if name.endswith("accuracy") else f"{value:.4f}"
