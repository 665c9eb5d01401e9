"""Charts of test scores: the verdict strip, and every run as a dot."""

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
    one_line,
)
from steepest.report.content import Arm, Content, Number
from steepest.report.number import decimals, finite, score, signed, unit
from steepest.report.palette import SIGNS


def strip(content: Content) -> Figure | None:
    """Return the verdict strip: differences from the reference, or scores where there is none."""
    return _differences(content) if content.reference is not None else _scores(content)


def runs(content: Content) -> Figure | None:
    """Return every run's test score as a dot, with the mean and its interval."""
    arms = [arm for arm in ranked(content) if any(finite(s) is not None for _, s in arm.scores)]
    if not arms:
        return None
    order = arm_order(content)
    base = dict(next((a.scores for a in arms if a.name == content.reference), ()))
    dots = [
        [order[arm.name], one_line(arm.name), seed, value, _minus(value, base.get(seed))]
        for arm in arms
        for seed, value in arm.scores
    ]
    means = [
        [order[a.name], one_line(a.name), a.mean, a.low, a.high, a.delta, a.delta_low, a.delta_high]
        for a in arms
    ]
    paired = content.reference is not None and any(row[4] is not None for row in dots)
    return Figure(
        "runs",
        "How steady is each arm from seed to seed?",
        _runs_caption(content, paired=paired),
        _runs_spec(content, [one_line(arm.name) for arm in arms]),
        {
            "dots": Table(("i", "row", "seed", "score", "difference"), dots),
            "means": Table(("i", "row", "mean", "low", "high", "delta", "from", "to"), means),
        },
        (_runs_choice(content, paired=paired),),
    )


def ranked(content: Content) -> list[Arm]:
    """Return the arms, best mean first; arms without a score last."""
    sign = -1 if content.metric.higher else 1

    def key(arm: Arm) -> tuple[bool, float]:
        mean = finite(arm.mean)
        return mean is None, sign * (mean or 0.0)

    return sorted(content.arms, key=key)


def _minus(value: Number, base: Number) -> float | None:
    a, b = finite(value), finite(base)
    return None if a is None or b is None else a - b


def _differences(content: Content) -> Figure | None:
    order, metric = arm_order(content), content.metric
    scale = 100 if metric.percent else 1
    digits = decimals(metric, (_half(a.delta_low, a.delta_high) for a in content.arms))
    rows: list[list[Number | str | bool]] = []
    for arm in ranked(content):
        if arm.name == content.reference:
            rows.append(
                [order[arm.name], f"{one_line(arm.name)}\nreference", 0, None, None, "", True]
            )
        elif finite(arm.delta) is not None:
            ends = [None if (v := finite(x)) is None else scale * v
                    for x in (arm.delta, arm.delta_low, arm.delta_high)]  # fmt: skip
            label = f"{one_line(arm.name)}\n{SIGNS.get(arm.word, '')} {one_line(arm.word)}"
            rows.append([order[arm.name], label, *ends, signed(arm.delta, metric, digits), False])
    if len(rows) < 2:
        return None
    direction = "higher is better" if metric.higher else "lower is better"
    caption = (
        f"Dot: difference in mean {metric.name} from {content.reference} ({direction}). Bar: 95\u202f% "
        "interval, widened so that all bars hold together. A bar clear of the line is a difference; "
        f"a bar inside the shaded zone (±{score_margin(content)}) is a practical tie."
    )
    axis = f"{'points of ' if metric.percent else ''}{metric.name}, minus reference"
    return Figure(
        "strip",
        "How large are the differences?",
        caption,
        _strip_spec(content, [str(row[1]) for row in rows], axis, scale * metric.margin),
        {"strip": Table(("i", "row", "x", "low", "high", "text", "reference"), rows)},
    )


def _scores(content: Content) -> Figure | None:
    order, metric = arm_order(content), content.metric
    scale = 100 if metric.percent else 1
    arms = [arm for arm in ranked(content) if finite(arm.mean) is not None]
    if not arms:
        return None
    digits = decimals(metric, (_half(a.low, a.high) for a in arms))
    rows: list[list[Number | str | bool]] = [
        [order[a.name], one_line(a.name),
         *(None if (v := finite(x)) is None else scale * v for x in (a.mean, a.low, a.high)),
         score(a.mean, metric, digits), False]
        for a in arms
    ]  # fmt: skip
    return Figure(
        "strip",
        "How do the arms score?",
        f"Dot: mean {metric.name} of the runs. Bar: its 95\u202f% interval. Judge pairs by the table of "
        "comparisons, not by whether two bars overlap.",
        _strip_spec(
            content, [str(row[1]) for row in rows], metric.name + " (%)" * metric.percent, None
        ),
        {"strip": Table(("i", "row", "x", "low", "high", "text", "reference"), rows)},
    )


def score_margin(content: Content) -> str:
    """Return the margin of equivalence with its unit: "0.5 points"."""
    metric = content.metric
    return f"{100 * metric.margin if metric.percent else metric.margin:.3g} {unit(metric)}"


def _half(low: Number, high: Number) -> float | None:
    a, b = finite(low), finite(high)
    return None if a is None or b is None else (b - a) / 2


def _row_axis(labels: list[str]) -> Spec:
    return {
        "field": "row",
        "type": "nominal",
        "scale": {"domain": labels, "padding": 0},
        "axis": {
            "title": None,
            "labelExpr": "split(datum.label, '\\n')",
            "labelColor": "var(--ink)",
            "labelFontSize": 13,
            "labelLineHeight": 16,
            "labelLimit": 150,
            "labelPadding": 10,
            "domain": False,
            "ticks": False,
            "grid": False,
            "minExtent": 60,
        },
    }


def _strip_spec(content: Content, labels: list[str], title: str, margin: float | None) -> Spec:
    y, data = _row_axis(labels), {"name": "strip"}
    x: Spec = {"type": "quantitative", "axis": {"title": title, "tickCount": 6, "format": "~g"}}
    x["scale"] = {"zero": margin is not None, "nice": True}
    tip = [
        {"field": "arm", "title": "arm"},
        {"field": "text", "title": "difference" if margin else "mean"},
    ]
    tip += [
        {"field": f, "type": "quantitative", "title": f, "format": ".3~f"} for f in ("low", "high")
    ]
    bar: Spec = {
        "data": data,
        "mark": {"type": "rule", "strokeWidth": 9, "strokeCap": "butt"},
        "encoding": {
            "y": y, "x": {"field": "low", **x}, "x2": {"field": "high"}, "color": hue(content),
            "opacity": faded(0.32), "tooltip": tip,
        },
    }  # fmt: skip
    dot: Spec = {
        "data": data,
        "mark": {"type": "point", "filled": True, "size": 130, "opacity": 1},
        "encoding": {
            "y": y, "x": {"field": "x", **x}, "color": hue(content), "opacity": faded(1),
            "shape": {
                "condition": {"test": "datum.reference", "value": "diamond"}, "value": "circle",
            },
            "tooltip": tip,
        },
    }  # fmt: skip
    text: Spec = {
        "data": data,
        "mark": {"type": "text", "dy": -15, "fill": "var(--ink)"},
        "encoding": {
            "y": y,
            "x": {"field": "x", **x},
            "text": {"field": "text"},
            "opacity": faded(1),
        },
    }
    return frame([*_zone(x, margin), bar, dot, text], 46 * len(labels))


def _zone(x: Spec, margin: float | None) -> list[Spec]:
    """Return the zone of practical ties and the line of no difference."""
    if margin is None:
        return []
    band: Spec = {
        "data": {"values": [{"from": -margin, "to": margin}]},
        "mark": {"type": "rect", "fill": "var(--zone)"},
        "encoding": {"x": {"field": "from", **x}, "x2": {"field": "to"}},
    }
    zero: Spec = {
        "data": {"values": [{"zero": 0}]},
        "mark": {"type": "rule", "stroke": "var(--soft)", "strokeWidth": 1.5},
        "encoding": {"x": {"field": "zero", **x}},
    }
    return [band, zero]


def _runs_spec(content: Content, labels: list[str]) -> Spec:
    y = _row_axis(labels)
    x: Spec = {"type": "quantitative", "scale": {"zero": False, "nice": True}}
    x["axis"] = {"title": "@title", "format": "@format", "tickCount": 6}
    tip: list[Spec] = [{"field": "arm"}, {"field": "seed"}]
    tip.append({"field": "@dot", "type": "quantitative", "title": "@short", "format": "@precise"})
    dots: Spec = {
        "data": {"name": "dots"},
        "mark": {"type": "point", "size": 44, "filled": True},
        "encoding": {
            "y": y, "x": {"field": "@dot", **x}, "color": hue(content), "opacity": faded(0.5),
            "tooltip": tip,
        },
    }  # fmt: skip
    bar: Spec = {
        "data": {"name": "means"},
        "mark": {"type": "rule", "strokeWidth": 2, "stroke": "var(--ink)", "yOffset": 11},
        "encoding": {
            "y": y, "x": {"field": "@low", **x}, "x2": {"field": "@high"}, "opacity": faded(1),
        },
    }  # fmt: skip
    mean: Spec = {
        "data": {"name": "means"},
        "mark": {"type": "tick", "thickness": 2.5, "size": 26, "color": "var(--ink)", "yOffset": 3},
        "encoding": {"y": y, "x": {"field": "@mean", **x}, "opacity": faded(1)},
    }
    return frame([dots, bar, mean], 36 * len(labels))


def _runs_choice(content: Content, *, paired: bool) -> Choice:
    metric = content.metric
    form = number_format(metric.percent)
    sharp = ".2%" if metric.percent else ".4~r"
    score_fill: dict[str, Any] = {
        "@dot": "score", "@mean": "mean", "@low": "low", "@high": "high",
        "@title": metric.name, "@short": "score", "@format": form, "@precise": sharp,
    }  # fmt: skip
    options = [Option(metric.name, score_fill)]
    if paired:
        gap: dict[str, Any] = {
            "@dot": "difference", "@mean": "delta", "@low": "from", "@high": "to",
            "@title": f"{metric.name}, minus reference at the same seed",
            "@short": "difference", "@format": "+" + form, "@precise": "+" + sharp,
        }  # fmt: skip
        options.append(Option("difference from the reference, seed by seed", gap))
    return Choice("measure", "Show", tuple(options))


def _runs_caption(content: Content, *, paired: bool) -> str:
    text = (
        f"Every dot is one run's {content.metric.name}; the upright tick is the mean, the thin line its "
        "95\u202f% interval. Wide clouds are arms that depend on luck."
    )
    if paired:
        text += (
            " Switch to differences to see whether an arm wins at every seed or only on average."
        )
    return text
