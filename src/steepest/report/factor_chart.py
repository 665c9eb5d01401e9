"""Charts of a factorial study: what each level does, and whether two factors change each other."""

from collections.abc import Iterable

from steepest.report.chart import (
    SIGNED,
    Choice,
    Figure,
    Option,
    Spec,
    Table,
    frame,
    one_line,
    row_axis,
    row_labels,
    row_step,
)
from steepest.report.content import Content, Number
from steepest.report.number import THIN, decimals, halfwidth, margin, signed
from steepest.report.palette import SIGNS, dash
from steepest.report.strip_chart import axis_title, ground, scaled

HUES = 8


def effects(content: Content) -> Figure | None:
    """Return the effect of every level with its interval, the zone of practical ties behind."""
    if not content.effects:
        return None
    metric = content.metric
    digits = decimals(metric, (halfwidth(e.low, e.high) for e in content.effects))
    names = [f"{one_line(e.level)} over {one_line(e.base)}" for e in content.effects]
    words = [f"{SIGNS.get(e.word, '')} {e.word}" for e in content.effects]
    labels, lines = row_labels(names, words)
    rows: list[list[Number | str | bool]] = []
    for label, e in zip(labels, content.effects, strict=True):
        ends = scaled(metric, e.delta, e.low, e.high)
        rows.append([label, *ends, signed(e.delta, metric, digits)])
    return Figure(
        "effects",
        "What does each factor do?",
        f"Dot: mean {metric.name} at a factor's level minus that at its base, pair by pair and"
        f" averaged over the combinations of the other factors. Bar: 95{THIN}% interval, widened"
        f" so that all bars hold at once. Shaded: ±{margin(metric)}, a practical tie.",
        _effect_spec(content, labels, lines),
        {"effects": Table(("row", "x", "low", "high", "text"), rows)},
    )


def _effect_spec(content: Content, labels: list[str], lines: int) -> Spec:
    y = row_axis(labels, lines)
    x: Spec = {"type": "quantitative", "scale": {"zero": True, "nice": True}}
    x["axis"] = {
        "title": axis_title(content.metric), "tickCount": 6, "format": "~g", "labelExpr": SIGNED,
    }  # fmt: skip
    data: Spec = {"name": "effects"}
    hue = {"value": "var(--arm-1)"}
    return frame(
        [
            *ground(content.metric, x),
            {
                "data": data,
                "mark": {"type": "rule", "strokeWidth": 10, "strokeCap": "butt", "opacity": 0.34},
                "encoding": {
                    "y": y, "color": hue, "x": {"field": "low", **x}, "x2": {"field": "high"},
                },
            },
            {
                "data": data,
                "mark": {"type": "point", "filled": True, "size": 140, "opacity": 1},
                "encoding": {"y": y, "color": hue, "x": {"field": "x", **x}},
            },
            {
                "data": data,
                "mark": {"type": "text", "dy": -15, "fill": "var(--ink)", "fontWeight": 600},
                "encoding": {"y": y, "x": {"field": "x", **x}, "text": {"field": "text"}},
            },
        ],
        row_step(lines) * len(labels),
    )  # fmt: skip


def interaction(content: Content) -> Figure | None:
    """Return mean scores by the levels of two factors, with a choice of the pair."""
    pairs = list(dict.fromkeys((m.factor, m.other) for m in content.level_means))
    if not pairs:
        return None
    metric = content.metric
    rows: list[list[Number | str | bool]] = []
    for m in content.level_means:
        ends = scaled(metric, m.mean, m.low, m.high)
        place = pairs.index((m.factor, m.other))
        rows.append([place, one_line(m.level), one_line(m.other_level), *ends])
    return Figure(
        "interaction",
        "Do the factors change each other?",
        f"Dot: mean {metric.name} at a pair of levels, averaged over the other factors; bar: its"
        f" 95{THIN}% interval. Parallel lines: the factors add up. Lines that part or cross: one"
        " factor changes what the other does; the interactions above say how sure that is, pair by"
        " pair, which the bars here do not.",
        _interaction_spec(content),
        {"means": Table(("pair", "level", "line", "mean", "low", "high"), rows)},
        (Choice("pair", "Factors", tuple(_pair(content, i, p) for i, p in enumerate(pairs))),),
    )


def _pair(content: Content, i: int, pair: tuple[str, str]) -> Option:
    mine = [m for m in content.level_means if (m.factor, m.other) == pair]
    lines = _distinct(one_line(m.other_level) for m in mine)
    fills = {
        "@pair": f"datum.pair === {i}",
        "@levels": _distinct(one_line(m.level) for m in mine),
        "@lines": lines,
        "@hues": [f"var(--arm-{1 + k % HUES})" for k in range(len(lines))],
        "@dashes": [list(dash(k)) or [1, 0] for k in range(len(lines))],
        "@x_title": one_line(pair[0]),
        "@line_title": one_line(pair[1]),
    }
    return Option(f"{one_line(pair[0])} by {one_line(pair[1])}", fills)


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _interaction_spec(content: Content) -> Spec:
    metric = content.metric
    x: Spec = {"field": "level", "type": "nominal", "scale": {"domain": "@levels", "padding": 0.5}}
    x["axis"] = {"title": "@x_title", "labelAngle": 0, "grid": False, "labelColor": "var(--ink)"}
    title = f"mean {metric.name}, %" if metric.percent else f"mean {metric.name}"
    y: Spec = {"type": "quantitative", "scale": {"zero": False, "nice": True}}
    y["axis"] = {"title": title, "tickCount": 6, "format": ".4~r"}
    legend = {
        "title": "@line_title", "orient": "top", "labelColor": "var(--ink)",
        "titleColor": "var(--soft)", "titleFontWeight": "normal", "symbolSize": 300,
        "symbolStrokeWidth": 2.5, "symbolType": "stroke", "symbolOpacity": 1,
    }  # fmt: skip
    line: Spec = {"field": "line", "type": "nominal"}
    hue = {**line, "scale": {"domain": "@lines", "range": "@hues"}, "legend": legend}
    strokes = {**line, "scale": {"domain": "@lines", "range": "@dashes"}, "legend": None}
    tip: list[Spec] = [
        {"field": "level", "title": "@x_title"},
        {"field": "line", "title": "@line_title"},
        *({"field": f, "type": "quantitative", "format": ".4~r"} for f in ("mean", "low", "high")),
    ]
    data: Spec = {"data": {"name": "means"}, "transform": [{"filter": "@pair"}]}
    mean = {"x": x, "y": {"field": "mean", **y}, "color": hue}
    return frame(
        [
            {
                **data,
                "mark": {"type": "rule", "strokeWidth": 7, "opacity": 0.25},
                "encoding": {**mean, "y": {"field": "low", **y}, "y2": {"field": "high"}},
            },
            {**data, "mark": {"type": "line"}, "encoding": {**mean, "strokeDash": strokes}},
            {
                **data,
                "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1},
                "encoding": {**mean, "tooltip": tip},
            },
        ],
        300,
    )
