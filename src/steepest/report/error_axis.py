"""The vertical axis of tuning charts: what is left to gain, on a log scale where that is possible.

Scores of trials reach from chance to the best, so that the differences that matter are lost on an
axis of accuracies; on a log axis of errors they are not.
"""

from collections.abc import Iterable

from steepest.report.chart import Spec, number_format
from steepest.report.content import Content, Number
from steepest.report.curve_chart import log_ticks
from steepest.report.number import finite


def shown(content: Content, value: Number) -> float | None:
    """Return a score as it is drawn: an accuracy as its error, a loss as it is."""
    number = finite(value)
    if number is None or not content.metric.higher:
        return number
    return 1 - number if content.metric.percent else -number


def error_name(content: Content) -> str:
    """Return what is drawn, in words: "validation error" for an accuracy."""
    if not content.metric.higher or not content.metric.percent:
        return content.score_name
    kind = content.score_name.removeprefix("validation ")
    return "validation error" if kind == "accuracy" else f"1 − validation {kind}"


def error_axis(content: Content, values: Iterable[Number]) -> Spec:
    """Return scale and axis for values that `shown` made."""
    known = [v for v in map(finite, values) if v is not None]
    low, high = min(known), max(known)
    form = number_format(content.metric.percent)
    if low <= 0:
        axis: Spec = {"title": error_name(content), "format": form, "tickCount": 6}
        return {"type": "quantitative", "scale": {"zero": False, "nice": True}, "axis": axis}
    low, high = low / 1.08, high * 1.08
    ticks = log_ticks(low, high)
    axis = {"title": f"{error_name(content)} (log scale)", "format": form}
    axis |= {"values": ticks} if len(ticks) > 1 else {"tickCount": 5}
    scale = {"type": "log", "domain": [low, high], "nice": False}
    return {"type": "quantitative", "scale": scale, "axis": axis}
