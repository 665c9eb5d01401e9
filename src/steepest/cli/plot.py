"""`steepest plot`: loss and accuracy curves of the latest matching runs, as a figure."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from steepest import paths
from steepest.cli.flag import Texts
from steepest.cli.screen import say
from steepest.errors import NothingMatchedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steepest.cli.run_folder import Kept
    from steepest.part import Part


def plot(
    *,
    optimizer: Texts = (),
    data: str | None = None,
    model: str | None = None,
    runs: Path | None = None,
    out: Path = Path("curves.png"),
) -> None:
    """Draw loss and accuracy by epoch of the latest matching runs, one curve an optimizer.

    Parameters
    ----------
    optimizer
        An optimizer, with options if need be: adam, 'sgd(lr=0.1)'; may be repeated [each there is].
    data
        Only runs on this data set.
    model
        Only runs of this model.
    runs
        The folder of runs [runs].
    out
        The figure: .png, .svg or .pdf.
    """
    from steepest.cli import run_folder
    from steepest.report.figure import plot_curves

    folder = runs or paths.runs_folder()
    kept = run_folder.finished(folder)
    fitting = [k for k in kept if _is_about(k, data, model)]
    wanted = [_part("optimizer", text) for text in optimizer] or _latest_names(fitting)
    chosen = [_latest(fitting, part, kept, folder) for part in wanted]
    if not chosen:
        raise NothingMatchedError(_nothing("", kept, folder))
    series = [(label, k.epochs) for label, k in zip(_labels(chosen), chosen, strict=True)]
    say(str(plot_curves(series, out)))


def _part(kind: str, text: Any) -> "Part":
    from steepest.part import parse
    from steepest.spec import TABLES

    return parse(kind, text, TABLES[kind])


def _is_about(kept: "Kept", data: str | None, model: str | None) -> bool:
    spec = kept.config["spec"]
    same_data = data is None or data in (spec["data"], kept.config["data"]["name"])
    return same_data and (model is None or _matches(spec["model"], _part("model", model)))


def _matches(plain: dict[str, Any], part: "Part") -> bool:
    """Tell whether a kept part has the name and every option that is asked for."""
    asked = part.plain()
    return all(plain.get(name) == value for name, value in asked.items())


def _latest_names(kept: "Sequence[Kept]") -> "list[Part]":
    from steepest.part import Part

    names = dict.fromkeys(k.config["spec"]["optimizer"]["name"] for k in kept)
    return [Part(name) for name in names]


def _latest(
    fitting: "Sequence[Kept]", part: "Part", kept: "Sequence[Kept]", folder: Path
) -> "Kept":
    for candidate in fitting:
        if _matches(candidate.config["spec"]["optimizer"], part):
            return candidate
    raise NothingMatchedError(_nothing(f" of {part}", kept, folder))


def _nothing(what: str, kept: "Sequence[Kept]", folder: Path) -> str:
    if not kept:
        return f"no finished run in '{folder}'; make one with `steepest train`"
    there = dict.fromkeys(_describe(k) for k in kept)
    return f"no matching run{what} in '{folder}'; there are: {', '.join(there)}"


def _describe(kept: "Kept") -> str:
    spec = kept.config["spec"]
    return f"{spec['optimizer']['name']} on {spec['data']} with {spec['model']['name']}"


def _labels(chosen: "Sequence[Kept]") -> list[str]:
    """Return the optimizers, and what else the runs differ in."""
    specs = [k.config["spec"] for k in chosen]
    names = [str(_part("optimizer", spec["optimizer"])) for spec in specs]
    for kind in ("model", "data"):
        if len({str(spec[kind]) for spec in specs}) > 1:
            texts = [s[kind] if kind == "data" else str(_part(kind, s[kind])) for s in specs]
            names = [f"{name}, {text}" for name, text in zip(names, texts, strict=True)]
    return names
