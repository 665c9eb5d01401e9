"""Which hyper-parameters mattered: shares of variance with what the trees disagree about."""

from steepest.report.chart import (
    Figure,
    Spec,
    Table,
    arm_order,
    faded,
    frame,
    hue,
    one_line,
    row_axis,
)
from steepest.report.content import Content
from steepest.report.number import THIN

ROW, GAP = 13, 16  # pixels of a bar, and between two hyper-parameters
TIP: list[Spec] = [
    {"field": "arm"},
    {"field": "row", "title": "of"},
    {"field": "x", "type": "quantitative", "title": "share", "format": ".0%"},
    {"field": "low", "type": "quantitative", "title": "from", "format": ".0%"},
    {"field": "high", "type": "quantitative", "title": "to", "format": ".0%"},
]


def importances(content: Content) -> Figure | None:
    """Return a row per hyper-parameter with a bar per arm; None where there were too few trials."""
    order = arm_order(content)
    known = [i for i in content.importance if i.arm in order]
    if not known:
        return None
    rows = [[order[i.arm], one_line(i.name), i.share, i.low, i.high] for i in known]
    told = {one_line(one.name): None for one in content.tuned}
    names = [name for name in told if any(row[1] == name for row in rows)]
    return Figure(
        "importance",
        "Which hyper-parameters mattered?",
        "Dot: the share of the ranking of an arm's trials that one hyper-parameter explains alone,"
        " within the range it was searched in (functional ANOVA); what is missing to"
        f" 100{THIN}% is interplay. Bar: 95{THIN}% of trees fitted to resampled trials. A range"
        " that was wider, or narrower, would give other shares.",
        _spec(content, names),
        {"importance": Table(("i", "row", "x", "low", "high"), rows)},
        legend=True,
    )


def _spec(content: Content, names: list[str]) -> Spec:
    y = row_axis(names)
    y["scale"] = {"domain": names, "paddingInner": 0.2, "paddingOuter": 0.1}
    x: Spec = {"type": "quantitative", "scale": {"domain": [0, 1]}}
    x["axis"] = {"title": "share of the variance of ranks", "format": ".0%", "tickCount": 5}
    beside = {"field": "i", "type": "nominal"}
    shared: Spec = {"y": y, "yOffset": beside, "color": hue(content), "tooltip": TIP}
    data: Spec = {"name": "importance"}
    bar = {"x": {"field": "low", **x}, "x2": {"field": "high"}, "opacity": faded(0.34)}
    dot = {"x": {"field": "x", **x}, "opacity": faded(1)}
    return frame(
        [
            {
                "data": data,
                "mark": {"type": "rule", "strokeWidth": 6, "strokeCap": "butt"},
                "encoding": {**shared, **bar},
            },
            {
                "data": data,
                "mark": {"type": "point", "filled": True, "size": 60},
                "encoding": {**shared, **dot},
            },
        ],
        (ROW * len(content.arms) + GAP) * len(names) + 40,
    )
