"""Learning curves: the mean of an arm's runs with their range, single runs on demand."""

import math
from collections.abc import Sequence
from typing import Any

from steepest.report.chart import (
    Choice,
    Figure,
    Option,
    Spec,
    Table,
    arm_order,
    faded,
    frame,
    hue,
    number_format,
    stroke,
)
from steepest.report.content import Content, Curve
from steepest.report.number import finite
from steepest.report.series import by_arm, known_axes, known_metrics, mean_rows, seed_rows

MOST_EPOCHS = 120  # points of a mean line
MOST_ROWS = 20_000  # points of all single runs together
AXES = {  # name in the menu, title of the axis, d3 format
    "epoch": ("epoch", "epoch", "~g"),
    "updates": ("update", "updates", "~s"),
    "examples": ("example", "training examples seen", "~s"),
    "flops": ("FLOP", "FLOPs of training", "~s"),
    "seconds": ("second", "seconds of training", "~g"),
}
METRICS = {
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
    "train_loss": "training loss",
    "train_accuracy": "training accuracy",
}


def curves(content: Content) -> Figure | None:
    """Return the learning curves, with choices of metric, axis and single runs."""
    order = arm_order(content)
    known = [curve for curve in content.curves if curve.arm in order]
    axes, metrics = known_axes(known), known_metrics(known)
    if not known or not metrics:
        return None
    groups = by_arm(known)
    seeds, kept = seed_rows(groups, order, axes, metrics, MOST_ROWS)
    parts = ("mean", "low", "high", "n")
    columns = ("i", *axes, *(f"{metric}_{part}" for metric in metrics for part in parts))
    switch = (Option("off", {"@seeds": "false"}), Option("on", {"@seeds": "true"}))
    return Figure(
        "curves",
        "How does learning proceed?",
        _caption(known, kept, max(len(group) for group in groups.values())),
        _spec(content),
        {
            "means": Table(columns, mean_rows(groups, order, axes, metrics, MOST_EPOCHS)),
            "seeds": Table(("i", "seed", *axes, *metrics), seeds),
        },
        (
            Choice("metric", "Show", tuple(_metric(known, m) for m in metrics)),
            Choice("axis", "by", tuple(_axis(axis) for axis in axes)),
            Choice("seeds", "every seed", switch, tick=True),
        ),
        legend=True,
    )


def log_ticks(low: float, high: float) -> list[float]:
    """Return round values on a log axis: 1, 2, 5 of each decade, or whole decades if many.

    >>> log_ticks(0.1, 2.0)
    [0.1, 0.2, 0.5, 1.0, 2.0]
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [float(f"{step}e{k}") for k in decades for step in (1, 2, 5)]
    inside = [t for t in ticks if low * 0.999 <= t <= high * 1.001]
    return inside if len(inside) <= 8 else [t for t in inside if f"{t:e}".startswith("1.")]


def _caption(known: Sequence[Curve], kept: int, most: int) -> str:
    text = (
        "Line: mean over seeds; band: lowest to highest seed. Lower loss, or higher accuracy,"
        " further to the left is faster; training loss that goes on falling while validation loss"
        " rises is overfitting."
    )
    if kept < most:
        text += f" Single runs are shown for the first {kept} of {most} seeds."
    lengths = {(c.arm, len(c.epoch)) for c in known}
    if len(lengths) > len({arm for arm, _ in lengths}):
        text += " Where runs end apart, the line goes on with those that are left."
    lost = sum(1 for c in known if any(finite(v) is None for v in c.train_loss or c.val_loss))
    if lost:
        text += f" {lost} diverged run{'s leave their' if lost > 1 else ' leaves its'} line there."
    return text


def _axis(axis: str) -> Option:
    label, title, form = AXES[axis]
    return Option(label, {"@x": axis, "@x_title": title, "@x_format": form})


def _metric(known: Sequence[Curve], metric: str) -> Option:
    values = [v for c in known for x in getattr(c, metric) if (v := finite(x)) is not None]
    loss, low, high = metric.endswith("loss"), min(values), max(values)
    log = loss and low > 0 and high > 8 * low
    scale: Spec = {"type": "linear", "zero": False}
    axis: Spec = {"title": METRICS[metric], "format": number_format(not loss), "tickCount": 6}
    if log:
        scale = {"type": "log", "domain": [low / 1.1, high * 1.1], "nice": False}
        axis |= {
            "title": f"{METRICS[metric]} (log scale)",
            "values": log_ticks(low / 1.1, high * 1.1),
        }
    fills = {
        "@y": metric,
        "@mean": f"{metric}_mean",
        "@low": f"{metric}_low",
        "@high": f"{metric}_high",
        "@n": f"{metric}_n",
        "@y_scale": scale,
        "@y_axis": axis,
        "@y_name": METRICS[metric],
        "@y_precise": ".4~r" if loss else ".2%",
    }
    return Option(METRICS[metric], fills)


def _spec(content: Content) -> Spec:
    x: Spec = {"field": "@x", "type": "quantitative", "scale": {"zero": False, "nice": False}}
    x["axis"] = {"title": "@x_title", "format": "@x_format", "grid": False, "tickCount": 6}
    y: Spec = {"type": "quantitative", "scale": "@y_scale", "axis": "@y_axis"}
    arm: Spec = {"field": "i", "type": "nominal"}
    shared: Spec = {"x": x, "color": hue(content)}
    means: Spec = {"name": "means"}
    band = {"detail": arm, "y": {"field": "@low", **y}, "y2": {"field": "@high"}}
    single = {"detail": [arm, {"field": "seed", "type": "nominal"}], "y": {"field": "@y", **y}}
    mean = {"y": {"field": "@mean", **y}, "opacity": faded(1), "strokeDash": stroke(content)}
    return frame(
        [
            {
                "data": means,
                "mark": {"type": "area"},
                "encoding": {**shared, **band, "opacity": faded(0.14)},
            },
            {
                "data": {"name": "seeds"},
                "transform": [{"filter": "@seeds"}],
                "mark": {"type": "line", "strokeWidth": 0.8},
                "encoding": {**shared, **single, "opacity": faded(0.55)},
            },
            {"data": means, "mark": {"type": "line"}, "encoding": {**shared, **mean}},
            {
                "data": means,
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 0},
                "encoding": {**shared, "y": {"field": "@mean", **y}, "tooltip": _tip()},
            },
        ],
        320,
    )


def _tip() -> list[dict[str, Any]]:
    value = {"type": "quantitative", "format": "@y_precise"}
    return [
        {"field": "arm"},
        {"field": "@x", "type": "quantitative", "format": "@x_format"},
        {"field": "@mean", "title": "@y_name", **value},
        {"field": "@low", "title": "lowest", **value},
        {"field": "@high", "title": "highest", **value},
        {"field": "@n", "type": "quantitative", "title": "runs"},
    ]
