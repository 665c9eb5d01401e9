"""`steepest list`: the tables of what a run may name."""

import inspect
from collections.abc import Callable
from typing import Any

from steepest.cli.screen import show_table
from steepest.errors import SteepestError, unknown

REAL_BYTES = 4  # of a float32 parameter
HIDDEN = ("described",)  # how the zoo keeps a network of one's own; not for typing


def listing(kind: str, /, *, data: str = "mnist") -> None:
    """List optimizers, schedules, models, augmentations or data.

    Parameters
    ----------
    kind
        optimizers, schedules, models, augmentations or data.
    data
        The data set whose shape and classes models are counted for.
    """
    if kind not in KINDS:
        raise unknown("list", kind, KINDS)
    KINDS[kind](data)


def _show_rules(_: str) -> None:
    from steepest.optim import RULES

    _show_parts("optimizer", RULES)


def _show_schedules(_: str) -> None:
    from steepest.optim import SCHEDULES

    _show_parts("schedule", SCHEDULES)


def _show_augmentations(_: str) -> None:
    from steepest.nn.augment import AUGMENTS

    _show_parts("augmentation", AUGMENTS)


def _show_sets(_: str) -> None:
    from steepest.cli.data import show_sets

    show_sets()


def _show_parts(kind: str, table: dict[str, Any]) -> None:
    rows = [(name, _options(kind, found), _about(found)) for name, found in table.items()]
    show_table((kind, "options", "what"), rows)


def _options(kind: str, found: Any) -> str:
    """Return options with their defaults: "lr=0.001, beta1=0.9"."""
    from dataclasses import MISSING

    from steepest.part import parameters

    return ", ".join(
        k if v is MISSING else f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}"
        for k, v in parameters(kind, found).items()
    )


def _about(found: Any) -> str:
    lines = (inspect.getdoc(found) or "").splitlines()
    return lines[0].removeprefix("Return ").rstrip(".:") if lines else ""


def _show_models(data: str) -> None:
    from steepest.nn.zoo import ARCHS

    shape, classes = _shape(data)
    rows = [
        (name, *_counts(found, shape, classes), _options("model", found))
        for name, found in ARCHS.items()
        if name not in HIDDEN
    ]
    title = f"for {data}: examples {'×'.join(map(str, shape))}, {classes} classes, float32"
    show_table(("model", "parameters", "FLOPs", "bytes", "layers", "options"), rows, title)


def _shape(data: str) -> tuple[tuple[int, ...], int]:
    """Return an example's shape and the number of classes; named sets are not loaded for it."""
    from steepest.data import SOURCES, load

    if data in SOURCES:
        return SOURCES[data].shape, SOURCES[data].classes
    found = load(data)
    return found.shape, len(found.classes) or found.y.shape[1]


def _counts(found: Any, shape: tuple[int, ...], classes: int) -> tuple[str, ...]:
    """Return parameters, forward FLOPs an example, bytes, layers; dashes where nothing fits."""
    try:
        arch = found()
        size = arch.count_params(shape, classes)
    except SteepestError:
        return ("-",) * 4
    flops = arch.count_flops(shape, classes)
    return (f"{size:,}", f"{flops:,}", f"{REAL_BYTES * size:,}", str(arch.count_layers()))


KINDS: dict[str, Callable[[str], None]] = {
    "optimizers": _show_rules,
    "schedules": _show_schedules,
    "models": _show_models,
    "augmentations": _show_augmentations,
    "data": _show_sets,
}
