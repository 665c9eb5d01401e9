"""Every run's test score as a dot, beside the mean and its interval."""

from collections.abc import Sequence
from typing import Any

from steepest.report.chart import (
    SIGNED,
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
    one_line,
    ranked,
    row_axis,
)
from steepest.report.content import Arm, Content, Metric, Number
from steepest.report.number import THIN, finite

STEP = 40  # pixels per arm
GOLDEN = 0.618034


def runs(content: Content) -> Figure | None:
    """Return the dots of all runs; with a reference, also as differences at the same seed."""
    arms = [arm for arm in ranked(content) if any(finite(s) is not None for _, s in arm.scores)]
    if not arms:
        return None
    dots, means = _dots(content, arms), _means(content, arms)
    options = [_scores(content.metric)]
    text = (
        f"Every dot is one run; the upright tick is the mean, the thin line its 95{THIN}% interval."
        " A wide cloud is an arm that depends on luck."
    )
    if any(row[4] is not None for row in dots):
        options.append(_differences(content.metric))
        text += " As differences: does an arm win at every seed, or only on average?"
    return Figure(
        "runs",
        "How steady is each arm from seed to seed?",
        text,
        _spec(content, [one_line(arm.name) for arm in arms]),
        {
            "dots": Table(("i", "row", "seed", "score", "difference", "spread"), dots),
            "means": Table(("i", "row", "mean", "low", "high", "delta", "from", "to"), means),
        },
        (Choice("measure", "Show", tuple(options)),),
    )


def _dots(content: Content, arms: Sequence[Arm]) -> list[list[Number | str]]:
    order, scale = arm_order(content), 100 if content.metric.percent else 1
    base = dict(next((a.scores for a in arms if a.name == content.reference), ()))
    rows: list[list[Number | str]] = []
    for arm in arms:
        for k, (seed, value) in enumerate(arm.scores):
            gap = _times(scale, _minus(value, base.get(seed)))
            rows.append([order[arm.name], one_line(arm.name), seed, value, gap, spread(k)])
    return rows


def _means(content: Content, arms: Sequence[Arm]) -> list[list[Number | str]]:
    order, scale = arm_order(content), 100 if content.metric.percent else 1
    rows: list[list[Number | str]] = []
    for arm in arms:
        gaps = [_times(scale, finite(v)) for v in (arm.delta, arm.delta_low, arm.delta_high)]
        rows.append([order[arm.name], one_line(arm.name), arm.mean, arm.low, arm.high, *gaps])
    return rows


def spread(k: int) -> float:
    """Return a place across the row, -1 to 1, so that equal scores do not hide each other.

    >>> [spread(k) for k in range(3)]
    [-1.0, 0.236, -0.528]
    """
    return round(2 * (k * GOLDEN % 1) - 1, 3)


def _minus(value: Number, base: Number) -> float | None:
    a, b = finite(value), finite(base)
    return None if a is None or b is None else a - b


def _times(scale: float, value: float | None) -> float | None:
    return None if value is None else scale * value


def _scores(metric: Metric) -> Option:
    form = number_format(metric.percent)
    fills: dict[str, Any] = {
        "@dot": "score",
        "@mean": "mean",
        "@low": "low",
        "@high": "high",
        "@axis": {"title": metric.name, "format": form, "tickCount": 6},
        "@short": "score",
        "@precise": ".2%" if metric.percent else ".4~r",
    }
    return Option(metric.name, fills)


def _differences(metric: Metric) -> Option:
    what = f"{'points of ' if metric.percent else ''}{metric.name}"
    fills: dict[str, Any] = {
        "@dot": "difference",
        "@mean": "delta",
        "@low": "from",
        "@high": "to",
        "@axis": {"title": [what, "minus the reference at the same seed"], "labelExpr": SIGNED},
        "@short": "difference",
        "@precise": "+.3~r",
    }
    return Option("difference from the reference", fills)


def _spec(content: Content, labels: list[str]) -> Spec:
    y = row_axis(labels)
    x: Spec = {"type": "quantitative", "scale": {"zero": False, "nice": True}}
    x["axis"] = "@axis"
    tip: list[Spec] = [
        {"field": "arm"},
        {"field": "seed"},
        {"field": "@dot", "type": "quantitative", "title": "@short", "format": "@precise"},
    ]
    across: Spec = {"field": "spread", "type": "quantitative", "scale": {"domain": [-1.9, 1.9]}}
    dots: Spec = {
        "data": {"name": "dots"},
        "mark": {"type": "point", "size": 42, "filled": True},
        "encoding": {"x": {"field": "@dot", **x}, "y": y, "yOffset": across, "color": hue(content)},
    }
    dots["encoding"] |= {"opacity": faded(0.55), "tooltip": tip}
    line: Spec = {
        "data": {"name": "means"},
        "mark": {"type": "rule", "strokeWidth": 1.8, "stroke": "var(--ink)"},
        "encoding": {"x": {"field": "@low", **x}, "x2": {"field": "@high"}, "y": y},
    }
    line["encoding"]["opacity"] = faded(1)
    mean: Spec = {
        "data": {"name": "means"},
        "mark": {"type": "tick", "thickness": 2.5, "size": 20, "color": "var(--ink)"},
        "encoding": {"x": {"field": "@mean", **x}, "y": y, "opacity": faded(1)},
    }
    return frame([dots, line, mean], STEP * len(labels))
