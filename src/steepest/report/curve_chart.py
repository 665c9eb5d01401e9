"""Learning curves: the mean of an arm's runs with their range, single runs on demand."""

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
AXIS_NAMES = {
    "epoch": "epoch", "updates": "update", "examples": "example", "flops": "FLOP", "seconds": "second",
}  # fmt: skip
AXIS_TITLES = {
    "epoch": "epoch", "updates": "updates", "examples": "training examples seen",
    "flops": "FLOPs of training", "seconds": "seconds of training",
}  # fmt: skip
METRIC_NAMES = {
    "val_loss": "validation loss", "val_accuracy": "validation accuracy",
    "train_loss": "training loss", "train_accuracy": "training accuracy",
}  # fmt: skip


def curves(content: Content) -> Figure | None:
    """Return the learning curves: the mean of an arm's runs, their range, single runs on demand."""
    order = arm_order(content)
    known = [curve for curve in content.curves if curve.arm in order]
    axes, metrics = known_axes(known), known_metrics(known)
    if not known or not metrics:
        return None
    groups = by_arm(known)
    seeds, kept = seed_rows(groups, order, axes, metrics, MOST_ROWS)
    parts = ("mean", "low", "high", "n")
    columns = ("i", *axes, *(f"{metric}_{part}" for metric in metrics for part in parts))
    most = max(len(group) for group in groups.values())
    return Figure(
        "curves",
        "How does learning proceed?",
        _curve_caption(known, kept, most),
        _curve_spec(content),
        {
            "means": Table(columns, mean_rows(groups, order, axes, metrics, MOST_EPOCHS)),
            "seeds": Table(("i", "seed", *axes, *metrics), seeds),
        },
        (
            Choice("metric", "Show", tuple(_metric_option(known, m) for m in metrics)),
            Choice("axis", "by", tuple(Option(AXIS_NAMES[a], _axis_fill(a)) for a in axes)),
            Choice(
                "seeds",
                "every seed",
                (Option("off", {"@seeds": "false"}), Option("on", {"@seeds": "true"})),
                tick=True,
            ),
        ),
        legend=True,
    )


def _curve_caption(known: Sequence[Curve], kept: int, most: int) -> str:
    text = (
        "Lower loss, or higher accuracy, further left is better; training loss that falls while validation "
        "loss rises is overfitting. Line: mean over seeds; band: lowest to highest seed."
    )
    if kept < most:
        text += f" Single runs are shown for the first {kept} of {most} seeds."
    short = sum(1 for c in known if any(finite(v) is None for v in c.train_loss))
    if short:
        runs = "1 run leaves its" if short == 1 else f"{short} runs leave their"
        text += f" {runs} line where it diverged."
    return text


def _axis_fill(axis: str) -> dict[str, Any]:
    form = "~s" if axis in {"updates", "examples", "flops"} else "~g"
    return {"@x": axis, "@x_title": AXIS_TITLES[axis], "@x_format": form}


def _metric_option(known: Sequence[Curve], metric: str) -> Option:
    values = [v for c in known for x in getattr(c, metric) if (v := finite(x)) is not None]
    loss = metric.endswith("loss")
    log = loss and min(values) > 0 and max(values) > 8 * min(values)
    scale: Spec = {"type": "log", "nice": True} if log else {"type": "linear", "zero": False}
    fills = {
        "@y": metric,
        "@mean": f"{metric}_mean",
        "@low": f"{metric}_low",
        "@high": f"{metric}_high",
        "@n": f"{metric}_n",
        "@y_title": METRIC_NAMES[metric] + (" (log scale)" if log else ""),
        "@y_name": METRIC_NAMES[metric],
        "@y_format": number_format(percent=False) if loss else number_format(percent=True),
        "@y_precise": ".4~r" if loss else ".2%",
        "@y_scale": scale,
    }
    return Option(METRIC_NAMES[metric], fills)


def _curve_spec(content: Content) -> Spec:
    x: Spec = {"field": "@x", "type": "quantitative", "scale": {"zero": False, "nice": False}}
    x["axis"] = {"title": "@x_title", "format": "@x_format", "grid": False, "tickCount": 6}
    y: Spec = {"type": "quantitative", "scale": "@y_scale"}
    y["axis"] = {"title": "@y_title", "format": "@y_format", "tickCount": 6}
    look = {"color": hue(content), "detail": {"field": "i", "type": "nominal"}}
    tip = [
        {"field": "arm"},
        {"field": "@x", "type": "quantitative", "format": "@x_format"},
        {"field": "@mean", "type": "quantitative", "title": "@y_name", "format": "@y_precise"},
        {"field": "@low", "type": "quantitative", "title": "lowest", "format": "@y_precise"},
        {"field": "@high", "type": "quantitative", "title": "highest", "format": "@y_precise"},
        {"field": "@n", "type": "quantitative", "title": "runs"},
    ]
    means: Spec = {"name": "means"}
    band: Spec = {
        "data": means,
        "mark": {"type": "area"},
        "encoding": {
            **look, "x": x, "y": {"field": "@low", **y}, "y2": {"field": "@high"}, "opacity": faded(0.13),
        },
    }  # fmt: skip
    seeds: Spec = {
        "data": {"name": "seeds"},
        "transform": [{"filter": "@seeds"}],
        "mark": {"type": "line", "strokeWidth": 0.8},
        "encoding": {
            **look, "x": x, "y": {"field": "@y", **y}, "opacity": faded(0.55),
            "detail": [{"field": "i", "type": "nominal"}, {"field": "seed", "type": "nominal"}],
        },
    }  # fmt: skip
    line: Spec = {
        "data": means,
        "mark": {"type": "line"},
        "encoding": {
            **look, "x": x, "y": {"field": "@mean", **y}, "opacity": faded(1), "strokeDash": stroke(content),
        },
    }  # fmt: skip
    hover: Spec = {
        "data": means,
        "mark": {"type": "point", "filled": True, "size": 90, "opacity": 0},
        "encoding": {"x": x, "y": {"field": "@mean", **y}, "color": hue(content), "tooltip": tip},
    }
    return frame([band, seeds, line, hover], 320)
