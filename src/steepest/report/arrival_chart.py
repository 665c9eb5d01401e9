"""Time to target: the fraction of runs that have reached it, none left out."""

from collections.abc import Sequence

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
    stroke,
)
from steepest.report.content import Arrival, Content, Number
from steepest.report.number import THIN, finite
from steepest.report.series import arrival_rows

UNITS = ("epochs", "seconds")
CROSS = "\u00d7"
STEP_TIP = [
    {"field": "arm"},
    {"field": "time", "type": "quantitative", "title": "after", "format": ".3~g"},
    {"field": "fraction", "type": "quantitative", "title": "reached", "format": ".0%"},
]
LATE_TIP = [
    {"field": "arm"},
    {"field": "late", "title": "never reached it"},
    {"field": "n", "title": "of runs"},
]


def arrival(content: Content) -> Figure | None:
    """Return the share of runs at the target, by epochs or by seconds."""
    order = arm_order(content)
    groups: dict[str, list[Arrival]] = {}
    for a in content.arrivals:
        if a.arm in order:
            groups.setdefault(a.arm, []).append(a)
    units = [unit for unit in UNITS if groups and _timed(groups, unit)]
    if not units:
        return None
    tables = {
        unit: Table(
            ("i", "time", "fraction"),
            [[order[arm], *s] for arm, group in groups.items() for s in arrival_rows(group, unit)],
        )
        for unit in units
    }
    late = [_late(order[arm], g) for arm, g in groups.items() if not all(a.reached for a in g)]
    tables["late"] = Table(("i", *UNITS, "fraction", "late", "n"), late)
    target = content.target or "the target"
    text = f"Share of an arm's runs that had reached {target}: further left is sooner."
    if late:
        text += (
            f" A line that ends in {CROSS} below 100{THIN}% has runs that did not reach it while"
            " they were watched; they count."
        )
    options = tuple(
        Option(unit, {"@steps": unit, "@end": unit, "@title": f"{unit} of training"})
        for unit in units
    )
    return Figure(
        "arrival",
        "How soon is the target reached?",
        text,
        _spec(content),
        tables,
        (Choice("unit", "By", options),),
        legend=True,
    )


def _timed(groups: dict[str, list[Arrival]], unit: str) -> bool:
    return all(finite(getattr(a, unit)) is not None for group in groups.values() for a in group)


def _late(i: int, group: Sequence[Arrival]) -> list[Number]:
    """Return where an arm's line ends and how many of its runs never arrived."""
    ends = [
        max((v for a in group if (v := finite(getattr(a, unit))) is not None), default=None)
        for unit in UNITS
    ]
    late = sum(1 for a in group if not a.reached)
    return [i, *ends, 1 - late / len(group), late, len(group)]


def _spec(content: Content) -> Spec:
    x: Spec = {"type": "quantitative", "scale": {"nice": False, "zero": True}}
    x["axis"] = {"title": "@title", "format": "~g", "grid": False, "tickCount": 6}
    y: Spec = {"field": "fraction", "type": "quantitative", "scale": {"domain": [0, 1.02]}}
    ticks = [0, 0.25, 0.5, 0.75, 1]
    y["axis"] = {"title": "runs at the target", "format": ".0%", "values": ticks}
    shared: Spec = {"y": y, "color": hue(content)}
    time = {"field": "time", **x}
    line = {"x": time, "opacity": faded(1), "strokeDash": stroke(content)}
    dot = {"type": "point", "filled": True, "size": 90, "opacity": 0}
    cross = {"type": "text", "text": CROSS, "fontSize": 22, "fontWeight": "bold"}
    end = {"x": {"field": "@end", **x}, "opacity": faded(1), "tooltip": LATE_TIP}
    step = {"type": "line", "interpolate": "step-after"}
    return frame(
        [
            {"data": {"name": "@steps"}, "mark": step, "encoding": {**shared, **line}},
            {
                "data": {"name": "@steps"},
                "mark": dot,
                "encoding": {**shared, "x": time, "tooltip": STEP_TIP},
            },
            {"data": {"name": "late"}, "mark": cross, "encoding": {**shared, **end}},
        ],
        260,
    )
