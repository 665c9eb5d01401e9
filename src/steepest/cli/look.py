"""Pictures for `steepest show`: the inside of a run that `steepest train` kept.

Law: validation examples are shown unless --test opens the test set; the opening is written into the
run's folder before anything of it is seen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from steepest.errors import DataError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from steepest.cli.run_folder import Kept
    from steepest.train.model import Model

LOOKS = ("filters", "activations", "confusion", "examples")
EXAMPLES, IMAGES = 24, 3  # mistakes, and images whose feature maps are drawn


@dataclass(frozen=True, kw_only=True)
class LookFlags:
    """What to draw of the inside of a run."""

    filters: Annotated[bool, Parameter(negative=())] = False
    "Draw the first layer's weights."
    activations: Annotated[bool, Parameter(negative=())] = False
    "Draw what every layer makes of a few examples."
    confusion: Annotated[bool, Parameter(negative=())] = False
    "Draw the confusion, and precision, recall and F1 by class."
    examples: Annotated[bool, Parameter(negative=())] = False
    "Draw the most confident mistakes."
    test: Annotated[bool, Parameter(negative=())] = False
    "Draw them of the test set, and record that it was opened [validation examples]."
    out: Path | None = None
    "The folder for the pictures [the run's]."

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names of the pictures asked for."""
        return tuple(k for k, v in vars(self).items() if v is True and k != "test")


@dataclass(frozen=True, eq=False)
class Inside:
    """A kept run with what its pictures are made of."""

    model: "Model"
    x: "np.ndarray[Any, Any]"
    y: "np.ndarray[Any, Any]"
    classes: tuple[str, ...]
    about: str  # the split and the weights, for titles
    folder: Path


def draw(kept: "Kept", wanted: tuple[str, ...], test: bool, out: Path | None) -> list[Path]:
    """Draw what is wanted of `LOOKS`; return the pictures' paths and, last, the page with all."""
    inside = _open(kept, test, out or kept.folder)
    pictures = [
        (CAPTIONS[name], path) for name in LOOKS if name in wanted for path in DRAWN[name](inside)
    ]
    return [*(path for _, path in pictures), _page(kept, inside, pictures)]


def _page(kept: "Kept", inside: Inside, pictures: list[tuple[str, Path]]) -> Path:
    from steepest.report.run_page import write_run_page

    shown = ("status", "epochs", "val_accuracy", "val_loss", "test_accuracy", "gap", "seconds")
    found = {name: kept.result[name] for name in shown if kept.result.get(name) is not None}
    rows = [("run", kept.folder.name), ("seen", inside.about)]
    rows += [
        (k.replace("_", " "), f"{v:.4g}" if isinstance(v, float) else f"{v}")
        for k, v in found.items()
    ]
    return write_run_page(f"Inside {inside.about}", rows, pictures, inside.folder / "inside.html")


def _open(kept: "Kept", test: bool, folder: Path) -> Inside:
    from steepest.data import load
    from steepest.spec import from_plain
    from steepest.train.insight import seen_rows
    from steepest.train.model import load as load_model

    spec = from_plain(kept.config["spec"], str(kept.folder))
    stopping = spec.early_stopping
    name = "best" if stopping is not None and stopping.restore_best else "last"
    path = kept.folder / f"{name}.safetensors"
    if not path.exists():
        raise UsageError(f"the run's folder '{kept.folder}' holds no weights ({path.name})")
    model = load_model(path, spec.engine)
    dataset = load(spec.data, list(spec.classes) or None, spec.target)
    if dataset.digest != kept.config["data"]["digest"]:
        raise DataError(f"data set '{spec.data}' is not the one that the run was trained on")
    if test:
        if len(dataset.test_x) == 0:
            raise DataError(f"data set '{spec.data}' has no test set")
        _record_opening(kept)
        x, y = dataset.test_x, dataset.test_y
    else:
        rows = seen_rows(spec, dataset)
        x, y = dataset.x[rows], dataset.y[rows]
    about = f"{spec.model} on {spec.data}, {'test' if test else 'validation'} examples"
    return Inside(model, x, y, dataset.classes, about, folder)


def _record_opening(kept: "Kept") -> None:
    from steepest.cli.run_folder import RESULT, now, write_json

    opening = {"time": now(), "by": "show --test"}
    openings = [*(kept.result.get("openings") or []), opening]
    write_json(kept.folder / RESULT, kept.result | {"openings": openings})


def _filters(inside: Inside) -> list[Path]:
    from steepest.report.insight import draw_filters
    from steepest.train.insight import first_filters

    return [draw_filters(first_filters(inside.model), inside.folder / "filters.png")]


def _activations(inside: Inside) -> list[Path]:
    from steepest.report.insight import draw_maps
    from steepest.train.insight import layer_outputs

    chosen = _one_of_each(inside.y)[:IMAGES]
    found = layer_outputs(inside.model, inside.x[chosen])
    paths = []
    for k, row in enumerate(chosen):
        is_class = bool(inside.classes)
        label = f"class {inside.classes[inside.y[row]]}" if is_class else f"{inside.y[row][0]:.3g}"
        title = f"Feature maps of example {row}, {label}: {inside.about}"
        maps = {name: values[k] for name, values in found.items()}
        target = inside.folder / f"activations-{k + 1}.png"
        paths.append(draw_maps(inside.x[row], maps, title, target))
    return paths


def _one_of_each(y: "np.ndarray[Any, Any]") -> list[int]:
    """Return the first example of every class; the first examples of a regression."""
    import numpy as np

    if y.ndim > 1:
        return list(range(min(len(y), IMAGES)))
    return [int(k) for k in np.unique(y, return_index=True)[1]]


def _confusion(inside: Inside) -> list[Path]:
    from steepest.report.insight import draw_confusion
    from steepest.train.insight import examine

    measure = examine(inside.model, inside.x, inside.y).measure
    assert measure.confusion is not None  # noqa: S101 - a classifier has one
    title = f"{measure.accuracy:.2%} of {measure.examples:,} right: {inside.about}"
    target = inside.folder / "confusion.png"
    return [draw_confusion(measure.confusion, inside.classes, title, target)]


def _examples(inside: Inside) -> list[Path]:
    from steepest.report.insight import draw_examples
    from steepest.train.insight import examine

    found = examine(inside.model, inside.x, inside.y)
    rows = found.mistakes(EXAMPLES)
    names = inside.classes
    captions = [
        (
            f"is {names[inside.y[r]]} ({found.probabilities[r, inside.y[r]]:.1%})",
            f"taken for {names[found.predicted[r]]} ({found.probabilities[r].max():.1%})",
        )
        for r in rows
    ]
    wrong = int((found.predicted != found.true).sum())
    title = f"The {len(rows)} surest of {wrong:,} mistakes: {inside.about}"
    return [draw_examples(inside.x[rows], captions, title, inside.folder / "examples.png")]


CAPTIONS = {
    "filters": "Weights of the first layer: what every unit looks for.",
    "activations": "What every layer makes of one example.",
    "confusion": "Confusion, each row a true class in per cent; precision, recall and F1 by class.",
    "examples": "The most confident mistakes.",
}
DRAWN: dict[str, Callable[[Inside], list[Path]]] = {
    "filters": _filters,
    "activations": _activations,
    "confusion": _confusion,
    "examples": _examples,
}
