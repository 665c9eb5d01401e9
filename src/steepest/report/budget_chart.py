"""What tuning buys: the typical best of k trials for every budget k, and its interval."""

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
from steepest.report.content import Bought, Content, Number
from steepest.report.error_axis import error_axis, error_name, shown
from steepest.report.number import THIN, finite, score

FEW = 4  # arms, up to which their intervals can be told apart
WORTH = 3  # budgets at least, below which there is nothing to see


def budget(content: Content) -> Figure | None:
    """Return the best validation score by tuning budget; None with too few trials."""
    order = arm_order(content)
    known = [b for b in content.tuning if b.arm in order and finite(b.value) is not None]
    if len({b.trials for b in known}) < WORTH:
        return None
    rows = [[order[b.arm], b.trials, *_ends(content, b)] for b in known]
    banded = any(b.low is not None or b.high is not None for b in known)
    bands = [Option("with intervals", {"@bands": "true"}), Option("alone", {"@bands": "false"})]
    bands = bands if len({b.arm for b in known}) <= FEW else bands[::-1]
    return Figure(
        "budget",
        "What does a larger tuning budget buy?",
        _caption(content, known),
        _spec(content, rows, banded),
        {"budget": Table(("i", "trials", "value", "low", "high", "interval"), rows)},
        (Choice("bands", "Lines", tuple(bands)),) if banded else (),
        legend=True,
    )


def _ends(content: Content, b: Bought) -> tuple[Number | str, ...]:
    """Return value, the ends of the band, and the interval in words.

    A band ends at the value where its end is not known.
    """
    value, metric = shown(content, b.value), content.metric
    worse, better = (b.low, b.high) if metric.higher else (b.high, b.low)
    bad, good = shown(content, worse), shown(content, better)
    digits = 2 if metric.percent else 4
    words = ""
    if bad is not None:
        upper = score(bad, metric, digits)
        words = f"{score(good, metric, digits)} to {upper}" if good is not None else f"≤ {upper}"
    ends = value if good is None else good, value if bad is None else bad
    return (value, *ends, words)


def _caption(content: Content, known: Sequence[Bought]) -> str:
    error = error_name(content)
    if content.ordered:
        text = (
            f"Line: the lowest {error} found so far, in the order in which this search tried its"
            " trials. Later trials were chosen by the scores of earlier ones, so another order is"
            " another search"
        )
        if any(b.low is not None for b in known):
            return f"{text}. Median over tunings; interval: 95{THIN}% of that median."
        return f"{text}, and one such line has no interval; repeated tunings give one."
    text = (
        f"Line: the {error} that half of all searches with so many trials at random would reach"
        f" or better{_scope(content)}. An arm whose line is low from the start needs little"
        " tuning; one that falls late needs much."
    )
    if any(b.high is None for b in known):
        text += (
            f" Intervals (95{THIN}%, for any distribution) end at the line where so few trials"
            " cannot say how much better it might get."
        )
    return text


def _scope(content: Content) -> str:
    """Return for which seeds and examples a typical best speaks."""
    if content.repeated == "seeds":
        return ", given this tuning's seed and validation examples"
    return f", its median over {content.repeated}"


def _spec(content: Content, rows: Sequence[Sequence[Any]], banded: bool) -> Spec:
    x: Spec = {"field": "trials", "type": "quantitative"}
    most = max(float(row[1] or 0) for row in rows)
    x["scale"] = {"type": "log", "base": 2, "domain": [1, most], "nice": False}
    title = "tuning trials (log scale)" if not content.ordered else "tuning budget, full trainings"
    ticks = [2**k for k in range(int(most).bit_length())]
    x["axis"] = {"title": title, "format": "~g", "grid": False, "values": ticks}
    y = error_axis(content, [v for row in rows for v in row[2:5]])
    data: Spec = {"name": "budget"}
    shared: Spec = {"x": x, "color": hue(content)}
    step = {"type": "area", "interpolate": "step-after"}
    band = {**shared, "y": {"field": "low", **y}, "y2": {"field": "high"}, "opacity": faded(0.14)}
    line = {"y": {"field": "value", **y}, "opacity": faded(1), "strokeDash": stroke(content)}
    dot = {"type": "point", "filled": True, "size": 90, "opacity": 0}
    bands = {"data": data, "transform": [{"filter": "@bands"}], "mark": step, "encoding": band}
    return frame(
        [
            *([bands] if banded else []),
            {
                "data": data,
                "mark": {"type": "line", "interpolate": "step-after"},
                "encoding": {**shared, **line},
            },
            {
                "data": data,
                "mark": dot,
                "encoding": {**shared, "y": {"field": "value", **y}, "tooltip": _tip(content)},
            },
        ],
        300,
    )


def _tip(content: Content) -> list[Spec]:
    form = ".2%" if content.metric.percent else ".4~r"
    return [
        {"field": "arm"},
        {"field": "trials", "type": "quantitative", "format": "~g"},
        {"field": "value", "title": error_name(content), "type": "quantitative", "format": form},
        {"field": "interval", "title": "interval"},
    ]
