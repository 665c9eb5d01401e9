"""Time to target: the fraction of runs that have reached it, none left out."""

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
    stroke,
)
from steepest.report.content import Arrival, Content
from steepest.report.number import finite
from steepest.report.series import arrival_rows

UNITS = ("epochs", "seconds")


def arrival(content: Content) -> Figure | None:
    """Return time to target: the fraction of runs that have reached it, step by step."""
    order = arm_order(content)
    groups: dict[str, list[Arrival]] = {}
    for a in content.arrivals:
        if a.arm in order:
            groups.setdefault(a.arm, []).append(a)
    units = [
        unit
        for unit in ("epochs", "seconds")
        if groups and all(finite(getattr(a, unit)) is not None for g in groups.values() for a in g)
    ]
    if not units:
        return None
    tables: dict[str, Table] = {}
    for unit in units:
        steps = [[order[arm], *step] for arm, g in groups.items() for step in arrival_rows(g, unit)]
        tables[unit] = Table(("i", "time", "fraction"), steps)
    ends = [_missing(order[arm], g) for arm, g in groups.items() if not all(a.reached for a in g)]
    tables["missing"] = Table(("i", "epochs", "seconds", "fraction", "missing", "n"), ends)
    fills = [{"@steps": unit, "@end": unit, "@title": f"{unit} of training"} for unit in units]
    return Figure(
        "arrival",
        "How soon is the target reached?",
        f"Share of an arm's runs that had reached {content.target or 'the target'}; further left is "
        "sooner, and a line that stays below 100\u202f% ends in a cross: those runs never reached it while "
        "they were watched, and they are counted.",
        _arrival_spec(content),
        tables,
        (Choice("unit", "By", tuple(Option(u, f) for u, f in zip(units, fills, strict=True))),),
        legend=True,
    )


def _missing(i: int, group: Sequence[Arrival]) -> list[Any]:
    """Return where an arm's line ends and how many of its runs never arrived."""
    ends = [
        max((v for a in group if (v := finite(getattr(a, unit))) is not None), default=None)
        for unit in ("epochs", "seconds")
    ]
    late = sum(1 for a in group if not a.reached)
    return [i, *ends, 1 - late / len(group), late, len(group)]


def _arrival_spec(content: Content) -> Spec:
    x: Spec = {"type": "quantitative", "scale": {"nice": False, "zero": True}}
    x["axis"] = {"title": "@title", "format": "~g", "grid": False, "tickCount": 6}
    y: Spec = {"field": "fraction", "type": "quantitative", "scale": {"domain": [0, 1]}}
    y["axis"] = {"title": "runs at the target", "format": ".0%", "tickCount": 5}
    steps: Spec = {
        "data": {"name": "@steps"},
        "mark": {"type": "line", "interpolate": "step-after"},
        "encoding": {
            "x": {"field": "time", **x}, "y": y, "color": hue(content), "opacity": faded(1),
            "strokeDash": stroke(content),
        },
    }  # fmt: skip
    hover: Spec = {
        "data": {"name": "@steps"},
        "mark": {"type": "point", "filled": True, "size": 90, "opacity": 0},
        "encoding": {
            "x": {"field": "time", **x}, "y": y, "color": hue(content),
            "tooltip": [
                {"field": "arm"}, {"field": "time", "type": "quantitative", "format": ".3~g"},
                {"field": "fraction", "type": "quantitative", "title": "reached", "format": ".0%"},
            ],
        },
    }  # fmt: skip
    missing: Spec = {
        "data": {"name": "missing"},
        "mark": {"type": "text", "text": "×", "fontSize": 22, "fontWeight": "bold"},
        "encoding": {
            "x": {"field": "@end", **x}, "y": y, "color": hue(content), "opacity": faded(1),
            "tooltip": [
                {"field": "arm"}, {"field": "missing", "title": "never reached it"},
                {"field": "n", "title": "of runs"},
            ],
        },
    }  # fmt: skip
    return frame([steps, hover, missing], 260)
