"""What was taken of every layer, and how much each layer alone can bear."""

from typing import TYPE_CHECKING, Any

from steepest.compress.sweep import DENSE
from steepest.report.chart import (
    Choice,
    Figure,
    Option,
    Spec,
    Table,
    faded,
    frame,
    hues,
    one_line,
    row_axis,
)
from steepest.report.sweep_content import SweepContent

if TYPE_CHECKING:
    from steepest.report.content import Number

STEP, LEAST = 30, 90  # pixels a layer, and in all


def by_layer(content: SweepContent) -> Figure | None:
    """Return the fraction of each layer's weights that every method removed."""
    whole = {part.name: part.nonzero for part in content.dense.layers}
    known = [row for row in content.rows if row.layers and row.method != DENSE]
    levels = sorted({row.sparsity for row in known})
    if not known:
        return None
    order = content.methods
    middle = (len(order) - 1) / 2
    rows: list[list[Number | str | bool]] = [
        [order.index(row.method), levels.index(row.sparsity), one_line(part.name),
         1 - part.nonzero / max(whole.get(part.name, part.size), 1), part.nonzero,
         (order.index(row.method) - middle) / max(len(order), 1)]
        for row in known
        for part in row.layers
    ]  # fmt: skip
    names = list(dict.fromkeys(str(row[2]) for row in rows))
    options = [Option(f"{100 * s:.4g} %", {"@k": k}) for k, s in enumerate(levels)]
    return Figure(
        "layers",
        "Which layers lose most?",
        "Dot: the fraction of a layer's weights that a method removed, of the first seed's network."
        " A layer at 100 % would cut the network in two.",
        _layer_spec(content, names),
        {"layers": Table(("i", "k", "row", "removed", "left", "place"), rows)},
        (Choice("level", "Sparsity asked for", tuple(reversed(options))),),
        legend=True,
    )


def _layer_spec(content: SweepContent, names: list[str]) -> Spec:
    x: Spec = {"field": "removed", "type": "quantitative", "scale": {"domain": [0, 1]}}
    x["axis"] = {"title": "of the layer's weights removed", "format": "~%", "tickCount": 6}
    place: Spec = {"field": "place", "type": "quantitative", "scale": {"domain": [-0.9, 0.9]}}
    tip: list[Spec] = [
        {"field": "arm", "title": "method"},
        {"field": "row", "title": "layer"},
        {"field": "removed", "type": "quantitative", "format": ".2%"},
        {"field": "left", "type": "quantitative", "title": "weights left", "format": ","},
    ]
    encoding: Spec = {
        "x": x, "y": row_axis(names), "yOffset": place, "color": hues(content.looks),
        "opacity": faded(1), "tooltip": tip,
    }  # fmt: skip
    dots: Spec = {
        "data": {"name": "layers"},
        "transform": [{"filter": {"field": "k", "equal": "@k"}}],
        "mark": {"type": "point", "filled": True, "size": 70},
        "encoding": encoding,
    }
    return frame([dots], max(STEP * len(names), LEAST))


def sensitivity(content: SweepContent) -> Figure | None:
    """Return the accuracy with one layer pruned alone and nothing trained after."""
    found = content.sensitive
    if not found:
        return None
    levels = sorted({s.sparsity for s in found})
    names = list(dict.fromkeys(one_line(s.layer) for s in found))
    dots: list[list[Number | str | bool]] = [
        [0, one_line(s.layer), 100 * s.sparsity, s.accuracy, levels.index(s.sparsity)]
        for s in found
    ]
    spans: list[list[Number | str | bool]] = []
    for name in names:
        own = [s.accuracy for s in found if one_line(s.layer) == name]
        spans.append([0, name, min(own), max(own)])
    listed = ", ".join(f"{100 * s:.4g} %" for s in levels)
    return Figure(
        "sensitivity",
        "Which layers can bear it?",
        f"Dot: validation accuracy of the first seed's dense network with {listed} of one layer"
        " removed and nothing trained after; the larger the dot, the more. The upright line is the"
        " dense network. A layer far to the left is one to leave whole.",
        _sensitivity_spec(content, names),
        {
            "dots": Table(("i", "row", "removed", "accuracy", "level"), dots),
            "spans": Table(("i", "row", "low", "high"), spans),
        },
    )


def _sensitivity_spec(content: SweepContent, names: list[str]) -> Spec:
    y = row_axis(names)
    x: Spec = {"type": "quantitative", "scale": {"zero": False, "nice": True}}
    x["axis"] = {"title": "validation accuracy", "format": ".3~%", "tickCount": 6}
    size: Spec = {"field": "level", "type": "ordinal", "legend": None,
                  "scale": {"range": [36, 150]}}  # fmt: skip
    tip: list[Spec] = [
        {"field": "row", "title": "layer"},
        {"field": "removed", "type": "quantitative", "title": "removed, %"},
        {"field": "accuracy", "type": "quantitative", "format": ".2%"},
    ]
    line: Any = {"values": [{"x": content.dense.accuracy.mean}]}
    return frame(
        [
            {"data": line, "mark": {"type": "rule", "stroke": "var(--soft)", "strokeWidth": 1.4},
             "encoding": {"x": {"field": "x", **x}}},
            {"data": {"name": "spans"},
             "mark": {"type": "rule", "stroke": "var(--edge)", "strokeWidth": 2},
             "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}, "y": y}},
            {"data": {"name": "dots"},
             "mark": {"type": "point", "filled": True, "fill": "var(--arm-1)", "opacity": 0.9},
             "encoding": {"x": {"field": "accuracy", **x}, "y": y, "size": size, "tooltip": tip}},
        ],
        max(STEP * len(names), LEAST),
    )  # fmt: skip
