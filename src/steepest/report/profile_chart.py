"""Performance profiles: on how many problems an arm is within a ratio of the best one."""

from collections.abc import Mapping

import numpy as np

from steepest.report.chart import (
    Choice,
    Figure,
    Option,
    Spec,
    Table,
    faded,
    frame,
    hue,
    stroke,
)
from steepest.report.content import Content, Number
from steepest.stats.aggregate import performance_profile
from steepest.stats.interval import Array

WIDEST = 100.0  # ratios beyond this are not drawn


def profile(content: Content, costs: Mapping[str, Mapping[str, Array]]) -> Figure:
    """Return the profiles of `costs`: what is spent -> arm -> (P,), infinite if not reached."""
    rows: list[list[Number | str | bool]] = []
    for kind, by_arm in enumerate(costs.values()):
        table = np.stack([by_arm[arm.name] for arm in content.arms])
        ratios = ratios_of(table)
        for i, shares in enumerate(performance_profile(table, ratios)):
            rows += [[i, kind, r, float(s)] for r, s in zip(ratios, shares, strict=True)]
    options = tuple(_option(k, name) for k, name in enumerate(costs))
    return Figure(
        "profile",
        "How often is an arm close to the best?",
        "Height: share of problems on which the arm's cost is within the ratio of the best arm's"
        " (Dolan & Moré 2002). At ratio 1: problems on which it is the best. Higher and further"
        " left is better; a line that ends below 1 never came close on some problem.",
        _spec(content),
        {"profile": Table(("i", "kind", "ratio", "share"), rows)},
        (Choice("kind", "Cost", options),),
        legend=True,
    )


def _option(kind: int, name: str) -> Option:
    title = f"{name}, ratio to the best arm's"
    return Option(name, {"@kind": f"datum.kind === {kind}", "@x_title": title})


def ratios_of(costs: Array) -> list[float]:
    """Return the ratios at which some arm's profile rises, from 1 to a little beyond the last.

    >>> ratios_of(np.array([[1.0, 4.0], [2.0, 1.0]]))
    [1.0, 2.0, 4.0, 4.4]
    """
    best = costs.min(axis=0)
    known = costs[:, np.isfinite(best)] / best[np.isfinite(best)]
    found = sorted({1.0, *(float(f"{r:.6g}") for r in known.ravel() if 1 <= r <= WIDEST)})
    return [*found, float(f"{1.1 * found[-1]:.6g}")]


def _spec(content: Content) -> Spec:
    x: Spec = {"field": "ratio", "type": "quantitative", "scale": {"type": "log", "nice": False}}
    x["axis"] = {"title": "@x_title", "grid": False, "tickCount": 6, "format": "~g"}
    y: Spec = {"field": "share", "type": "quantitative", "scale": {"domain": [0, 1]}}
    y["axis"] = {"title": "share of problems", "format": ".0%", "tickCount": 5}
    tip: list[Spec] = [
        {"field": "arm"},
        {"field": "ratio", "type": "quantitative", "format": ".4~r"},
        {"field": "share", "type": "quantitative", "format": ".0%"},
    ]
    data: Spec = {"data": {"name": "profile"}, "transform": [{"filter": "@kind"}]}
    shared: Spec = {"x": x, "y": y, "color": hue(content), "opacity": faded(1)}
    return frame(
        [
            {
                **data,
                "mark": {"type": "line", "interpolate": "step-after"},
                "encoding": {**shared, "strokeDash": stroke(content)},
            },
            {
                **data,
                "mark": {"type": "point", "filled": True, "size": 60},
                "encoding": {**shared, "tooltip": tip},
            },
        ],
        280,
    )
