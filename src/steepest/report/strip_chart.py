"""The verdict strip: each arm's difference from the reference, or its score where there is none."""

from steepest.report.chart import (
    SIGNED,
    Figure,
    Spec,
    Table,
    arm_order,
    faded,
    frame,
    hue,
    one_line,
    ranked,
    row_axis,
    row_labels,
    row_step,
)
from steepest.report.content import Arm, Content, Metric, Number
from steepest.report.number import THIN, decimals, finite, halfwidth, margin, score, signed
from steepest.report.palette import SIGNS

COLUMNS = ("i", "row", "x", "low", "high", "text", "reference")


def strip(content: Content) -> Figure | None:
    """Return differences from the reference, or scores where no reference is declared."""
    return _differences(content) if content.reference is not None else _scores(content)


def _differences(content: Content) -> Figure | None:
    order, metric = arm_order(content), content.metric
    digits = decimals(metric, (halfwidth(a.delta_low, a.delta_high) for a in content.arms))
    arms = [a for a in ranked(content) if _word(content, a)]
    if len(arms) < 2:
        return None
    labels, lines = row_labels([one_line(a.name) for a in arms], [_word(content, a) for a in arms])
    rows: list[list[Number | str | bool]] = []
    for arm, label in zip(arms, labels, strict=True):
        if arm.name == content.reference:
            rows.append([order[arm.name], label, 0, None, None, "", True])
        else:
            ends = scaled(metric, arm.delta, arm.delta_low, arm.delta_high)
            rows.append([order[arm.name], label, *ends, signed(arm.delta, metric, digits), False])
    return Figure(
        "strip",
        "How large are the differences?",
        f"Dot: an arm's mean {metric.name} minus that of {content.reference}. Bar: 95{THIN}%"
        " interval, widened so that all bars hold at once. A bar clear of the line is a difference;"
        f" a bar inside the shaded zone, ±{margin(metric)}, is a practical tie.",
        _spec(content, (labels, lines), axis_title(metric), compared=True),
        {"strip": Table(COLUMNS, rows)},
    )


def _scores(content: Content) -> Figure | None:
    metric = content.metric
    arms = [arm for arm in ranked(content) if finite(arm.mean) is not None]
    if not arms:
        return None
    digits = decimals(metric, (halfwidth(a.low, a.high) for a in arms))
    labels, lines = row_labels([one_line(a.name) for a in arms], [""] * len(arms))
    rows = [
        _score_row((arm_order(content)[a.name], label), a, metric, digits)
        for a, label in zip(arms, labels, strict=True)
    ]
    return Figure(
        "strip",
        "How do the arms score?",
        f"Dot: mean {metric.name} of an arm's runs. Bar: its 95{THIN}% interval. Judge a pair by"
        " its verdict below, not by whether two bars overlap.",
        _spec(
            content,
            (labels, lines),
            f"{metric.name}, %" if metric.percent else metric.name,
            compared=False,
        ),
        {"strip": Table(COLUMNS, rows)},
    )


def _word(content: Content, arm: Arm) -> str:
    """Return what stands under an arm's name; nothing for an arm without a difference."""
    if arm.name == content.reference:
        return "reference"
    known = finite(arm.delta) is not None
    return f"{SIGNS.get(arm.word, '')} {one_line(arm.word)}" if known else ""


def _score_row(
    start: tuple[int, str], arm: Arm, metric: Metric, digits: int
) -> list[Number | str | bool]:
    ends = scaled(metric, arm.mean, arm.low, arm.high)
    return [*start, *ends, score(arm.mean, metric, digits), False]


def scaled(metric: Metric, *values: Number) -> list[float | None]:
    """Return values as they are drawn: fractions in per cent, None where there is none."""
    scale = 100 if metric.percent else 1
    return [None if (v := finite(value)) is None else scale * v for value in values]


def axis_title(metric: Metric) -> list[str]:
    """Return the title of an axis of differences."""
    what = f"{'points of ' if metric.percent else ''}{metric.name}"
    left, right = ("worse", "better") if metric.higher else ("better", "worse")
    return [f"← {left}  ·  {right} →", what]


def _spec(
    content: Content, rows: tuple[list[str], int], title: str | list[str], *, compared: bool
) -> Spec:
    labels, lines = rows
    y = row_axis(labels, lines)
    x: Spec = {"type": "quantitative", "scale": {"zero": compared, "nice": True}}
    x["axis"] = {"title": title, "tickCount": 6, "format": ".6~g"}
    if compared:
        x["axis"] |= {"labelExpr": SIGNED}
    tip: list[Spec] = [
        {"field": "arm"},
        {"field": "text", "title": "difference" if compared else "mean"},
        {"field": "low", "type": "quantitative", "format": ".3~f"},
        {"field": "high", "type": "quantitative", "format": ".3~f"},
    ]
    shared: Spec = {"y": y, "color": hue(content), "tooltip": tip}
    bar: Spec = {
        "data": {"name": "strip"},
        "mark": {"type": "rule", "strokeWidth": 10, "strokeCap": "butt"},
        "encoding": {**shared, "x": {"field": "low", **x}, "x2": {"field": "high"}},
    }
    bar["encoding"]["opacity"] = faded(0.34)
    diamond = {"condition": {"test": "datum.reference", "value": "diamond"}, "value": "circle"}
    dot: Spec = {
        "data": {"name": "strip"},
        "mark": {"type": "point", "filled": True, "size": 140},
        "encoding": {**shared, "x": {"field": "x", **x}, "shape": diamond, "opacity": faded(1)},
    }
    text: Spec = {
        "data": {"name": "strip"},
        "mark": {"type": "text", "dy": -15, "fill": "var(--ink)", "fontWeight": 600},
        "encoding": {"y": y, "x": {"field": "x", **x}, "text": {"field": "text"}},
    }
    text["encoding"]["opacity"] = faded(1)
    behind = ground(content.metric, x) if compared else []
    return frame([*behind, bar, dot, text], row_step(lines) * len(labels))


def ground(metric: Metric, x: Spec) -> list[Spec]:
    """Return the zone of practical ties and the line of no difference."""
    (edge,) = scaled(metric, metric.margin)
    zone = {"values": [{"from": -(edge or 0), "to": edge or 0, "zero": 0}]}
    return [
        {
            "data": zone,
            "mark": {"type": "rect", "fill": "var(--zone)"},
            "encoding": {"x": {"field": "from", **x}, "x2": {"field": "to"}},
        },
        {
            "data": zone,
            "mark": {"type": "rule", "stroke": "var(--soft)", "strokeWidth": 1.5},
            "encoding": {"x": {"field": "zero", **x}},
        },
        {
            "data": zone,
            "mark": {
                "type": "text",
                "text": "practical tie",
                "fill": "var(--soft)",
                "fontSize": 11,
            },
            "encoding": {"x": {"field": "zero", **x}, "y": {"value": -9}},
        },
    ]
