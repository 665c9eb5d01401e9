"""Accuracy against sparsity, and against each cost with its Pareto front."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from steepest.compress.summary import COSTS, Row, pareto
from steepest.compress.sweep import DENSE
from steepest.report.chart import (
    SIGNED,
    Choice,
    Figure,
    Option,
    Spec,
    Table,
    faded,
    frame,
    hues,
    strokes,
)
from steepest.report.content import Number
from steepest.report.curve_chart import log_ticks
from steepest.report.number import THIN, finite
from steepest.report.sweep_content import SweepContent

NEAR = 0.1  # of accuracy below the dense network, the part that a reader may look at alone
DODGE = 0.06  # of the least distance between two sparsities, from method to method
LABELS = {
    "parameters": ("parameters", ""),
    "non-zeros": ("weights that are not zero", ""),
    "bytes": ("bytes", "B"),
    "bytes compressed": ("bytes, compressed", "B"),
    "FLOPs": ("FLOPs of an example", ""),
    "memory": ("peak memory, batch of 64", "B"),
    "seconds, batch 1": ("latency, batch 1, NumPy engine", "s"),
    "seconds, batch 64": ("latency, batch 64, NumPy engine", "s"),
    "seconds, batch 1, torch": ("latency, batch 1, torch engine", "s"),
    "seconds, batch 64, torch": ("latency, batch 64, torch engine", "s"),
    "seconds, batch 1, onnxruntime": ("latency, batch 1, onnxruntime", "s"),
    "seconds, batch 64, onnxruntime": ("latency, batch 64, onnxruntime", "s"),
}
BAR: Spec = {"type": "rule", "strokeWidth": 1.4, "clip": True}
DOT: Spec = {"type": "point", "filled": True, "size": 60, "clip": True}


def against_sparsity(content: SweepContent) -> Figure | None:
    """Return accuracy, or what was lost of it, by the fraction removed."""
    rows = [row for row in content.rows if row.method != DENSE]
    if not rows:
        return None
    what = "channels" if content.structured else "weights"
    table = [*_dodged(content, rows), *_flat(content, rows)]
    columns = ("i", "x", "removed", "accuracy", "low", "high", "loss", "from", "to", "cut")
    return Figure(
        "sparsity",
        "How much can be removed?",
        f"Dot: mean over seeds; bar: its 95{THIN}% interval. The level line is the dense network"
        " after the same fine-tuning. Dots of one sparsity stand side by side for legibility.",
        _sparsity_spec(content, what, _ends(rows)),
        {"points": Table(columns, table)},
        (Choice("measure", "Show", _measures(content)),),
        legend=True,
    )


def _dodged(content: SweepContent, rows: Sequence[Row]) -> list[list[Number | str | bool]]:
    known = sorted({row.sparsity for row in rows})
    gaps = [b - a for a, b in pairwise(known)]
    step, order = DODGE * min(gaps, default=0.1), content.methods
    middle = (len(order) - 1) / 2
    found: list[list[Number | str | bool]] = []
    for row in sorted(rows, key=lambda r: r.sparsity):
        i = order.index(row.method)
        x = row.sparsity + step * (i - middle)
        found.append([i, 100 * x, 100 * row.sparsity, *_scores(row)])
    return found


def _flat(content: SweepContent, rows: Sequence[Row]) -> list[list[Number | str | bool]]:
    """Return the dense network as a line from the least sparsity to the greatest."""
    dense = content.dense
    cut = dense.cut.mean if dense.cut else None
    mean = dense.accuracy.mean
    return [[0, end, 0, mean, None, None, 0.0, None, None, cut] for end in _ends(rows)]


def _ends(rows: Sequence[Row]) -> tuple[float, float]:
    """Return the ends of the axis of sparsities, with room for dots beside each other."""
    least, most = min(r.sparsity for r in rows), max(r.sparsity for r in rows)
    room = 0.04 * (most - least or 1)
    return 100 * (least - room), 100 * (most + room)


def _scores(row: Row) -> list[Number]:
    """Return accuracy and loss in points with their intervals, and accuracy after the cut."""
    drop = row.drop
    lost = [None] * 3 if drop is None else [_times(v) for v in (drop.mean, drop.low, drop.high)]
    return [*_interval(row), *lost, row.cut.mean if row.cut else None]


def _interval(row: Row) -> list[Number]:
    low, high = finite(row.accuracy.low), finite(row.accuracy.high)
    known = low is not None and high is not None
    return [row.accuracy.mean, max(low or 0.0, 0.0) if known else None,
            min(high or 0.0, 1.0) if known else None]  # fmt: skip


def _times(value: float) -> float | None:
    found = finite(value)
    return None if found is None else 100 * found


def near(content: SweepContent) -> list[float]:
    """Return the range of accuracies that a good network could have."""
    best = max(row.accuracy.mean for row in content.rows)
    return [max(content.dense.accuracy.mean - NEAR, 0.0), min(best + 0.1 * NEAR, 1.0)]


def _measures(content: SweepContent) -> tuple[Option, ...]:
    percent: Spec = {"title": "validation accuracy", "format": ".3~%", "tickCount": 6}
    whole: dict[str, Any] = {
        "@y": "accuracy", "@low": "low", "@high": "high", "@axis": percent,
        "@scale": {"zero": False}, "@precise": ".2%", "@name": "accuracy",
    }  # fmt: skip
    points: Spec = {"title": "points lost against the dense network", "labelExpr": SIGNED}
    lost = {"@y": "loss", "@low": "from", "@high": "to", "@axis": points, "@precise": "+.2f"}
    cut = {"@y": "cut", "@low": "cut", "@high": "cut", "@name": "before fine-tuning"}
    title = "validation accuracy before fine-tuning"
    return (
        Option("accuracy", whole),
        Option("accuracy near the dense network", whole | {"@scale": {"domain": near(content)}}),
        Option("points lost", whole | lost | {"@name": "points lost"}),
        Option("accuracy before fine-tuning", whole | cut | {"@axis": percent | {"title": title}}),
    )


def _sparsity_spec(content: SweepContent, what: str, ends: tuple[float, float]) -> Spec:
    x: Spec = {"field": "x", "type": "quantitative", "scale": {"domain": list(ends)}}
    x["axis"] = {"title": f"{what} removed, %", "grid": False, "tickCount": 8}
    y: Spec = {"type": "quantitative", "scale": "@scale", "axis": "@axis"}
    shared: Spec = {"x": x, "color": hues(content.looks)}
    number = {"type": "quantitative", "format": "@precise"}
    tip = [
        {"field": "arm", "title": "method"},
        {"field": "removed", "type": "quantitative", "title": "removed, %"},
        {"field": "@y", "title": "@name", **number},
        {"field": "@low", "title": "from", **number},
        {"field": "@high", "title": "to", **number},
    ]
    line: Spec = {**shared, "y": {"field": "@y", **y}, "strokeDash": strokes(content.looks)}
    bar: Spec = {**shared, "y": {"field": "@low", **y}, "y2": {"field": "@high"}}
    dot: Spec = {**shared, "y": {"field": "@y", **y}, "opacity": faded(1), "tooltip": tip}
    data: Spec = {"name": "points"}
    made = [{"filter": "datum.i > 0"}]
    return frame(
        [
            {"data": data, "mark": {"type": "line", "strokeWidth": 1.6, "clip": True},
             "encoding": {**line, "opacity": faded(0.8)}},
            {"data": data, "transform": made, "mark": BAR,
             "encoding": {**bar, "opacity": faded(0.7)}},
            {"data": data, "transform": made, "mark": DOT, "encoding": dot},
        ],
        340,
    )  # fmt: skip


def against_cost(content: SweepContent) -> Figure | None:
    """Return accuracy by each cost that was counted or measured, with its Pareto front."""
    known = [name for name in COSTS if _values(content.rows, name)]
    if not known:
        return None
    order = content.methods
    columns = ("i", "removed", "accuracy", "low", "high", *(f"c{k}" for k in range(len(known))))
    dots = [
        [order.index(row.method), 100 * row.sparsity, *_interval(row),
         *(COSTS[name](row.cost) for name in known)]
        for row in content.rows
    ]  # fmt: skip
    front = [
        [order.index(row.method), k, COSTS[name](row.cost), row.accuracy.mean]
        for k, name in enumerate(known)
        for row in pareto(content.rows, name)
    ]
    switch = (Option("off", {"@scale": {"zero": False}}),
              Option("on", {"@scale": {"domain": near(content)}}))  # fmt: skip
    return Figure(
        "cost",
        "What is gained for what is lost?",
        f"Dot: one network, mean accuracy over seeds with its 95{THIN}% interval. Left is cheaper"
        " (log scale), up is better. The broad line is the Pareto front of the means: off it,"
        " another network is at least as good and no dearer.",
        _cost_spec(content),
        {"points": Table(columns, dots), "front": Table(("i", "k", "cost", "accuracy"), front)},
        (
            Choice("cost", "Cost", tuple(_cost(content.rows, n, k) for k, n in enumerate(known))),
            Choice("near", "only near the dense network", switch, tick=True),
        ),
        legend=True,
    )


def _values(rows: Sequence[Row], name: str) -> list[float]:
    found = [COSTS[name](row.cost) for row in rows]
    return [value for value in found if value]


def _cost(rows: Sequence[Row], name: str, k: int) -> Option:
    label, unit = LABELS[name]
    values = _values(rows, name)
    low, high = min(values) / 1.15, max(values) * 1.15
    axis: Spec = {"title": f"{label} (log scale)", "values": log_ticks(low, high), "grid": False}
    axis["labelExpr"] = f"format(datum.value, '.3~s') + '{unit}'"
    scale: Spec = {"type": "log", "domain": [low, high], "nice": False}
    return Option(label, {"@x": f"c{k}", "@k": k, "@x_axis": axis, "@x_scale": scale,
                          "@x_name": label})  # fmt: skip


def _cost_spec(content: SweepContent) -> Spec:
    x: Spec = {"type": "quantitative", "scale": "@x_scale", "axis": "@x_axis"}
    axis: Spec = {"title": "validation accuracy", "format": ".3~%", "tickCount": 6}
    y: Spec = {"type": "quantitative", "scale": "@scale", "axis": axis}
    tip = [
        {"field": "arm", "title": "method"},
        {"field": "removed", "type": "quantitative", "title": "removed, %"},
        {"field": "@x", "type": "quantitative", "title": "@x_name", "format": ".4~s"},
        {"field": "accuracy", "type": "quantitative", "format": ".2%"},
        {"field": "low", "type": "quantitative", "title": "from", "format": ".2%"},
        {"field": "high", "type": "quantitative", "title": "to", "format": ".2%"},
    ]
    shared: Spec = {"x": {"field": "@x", **x}, "color": hues(content.looks)}
    along: Spec = {"x": {"field": "cost", **x}, "y": {"field": "accuracy", **y}}
    bar: Spec = {**shared, "y": {"field": "low", **y}, "y2": {"field": "high"}}
    dot: Spec = {**shared, "y": {"field": "accuracy", **y}, "tooltip": tip}
    front: Spec = {"type": "line", "stroke": "var(--edge)", "strokeWidth": 7, "clip": True,
                   "opacity": 0.55, "interpolate": "step-after"}  # fmt: skip
    return frame(
        [
            {"data": {"name": "front"}, "transform": [{"filter": {"field": "k", "equal": "@k"}}],
             "mark": front, "encoding": along},
            {"data": {"name": "points"}, "mark": BAR,
             "encoding": {**bar, "opacity": faded(0.55)}},
            {"data": {"name": "points"}, "mark": DOT | {"size": 80},
             "encoding": {**dot, "opacity": faded(1)}},
        ],
        360,
    )  # fmt: skip
