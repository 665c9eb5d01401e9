"""Learning-rate sensitivity: every tuning trial a point."""

from collections.abc import Mapping
from typing import Any

from steepest.report.chart import (
    Figure,
    Spec,
    Table,
    arm_order,
    faded,
    frame,
    hue,
    number_format,
    stroke,
)
from steepest.report.content import Content, Trial
from steepest.report.number import THIN, finite, score

SEARCH = "lr"


def rate(content: Content) -> Figure | None:
    """Return the learning-rate sensitivity: every tuning trial a point."""
    order = arm_order(content)
    trials = [t for t in content.trials if t.arm in order and _rate(t) is not None]
    if not trials:
        return None
    rows = [[order[t.arm], _rate(t), *_outcome(t), t.chosen, _others(t)] for t in trials]
    known = [s for t in trials if (s := _outcome(t)[0]) is not None]
    metric = content.metric
    zone: list[list[Any]] = []
    caption = f"Every tuning trial by its learning rate and {content.score_name}; the ringed one was chosen."
    if known:
        best = max(known) if metric.higher else min(known)
        zone = [[best, 0.95 * best if metric.higher else 1.05 * best]]
        caption += (
            f" Shaded: within 5{THIN}% of the best of all ({score(best, metric, 1 if metric.percent else 4)})."
            " An arm that stays in the shade over a wide range is easy to tune."
        )
    lost = sum(1 for row in rows if row[3])
    if lost:
        caption += f" × at the foot: {lost} diverged trial{'s' if lost > 1 else ''}."
    joined = all(len(t.values) == 1 for t in trials)
    return Figure(
        "rate",
        "How much does the learning rate matter?",
        caption + _tolerance(content),
        _rate_spec(content, joined=joined),
        {
            "trials": Table(("i", "lr", "score", "diverged", "chosen", "values"), rows),
            "zone": Table(("best", "edge"), zone),
        },
        legend=True,
    )


def _rate(trial: Trial) -> float | None:
    value = trial.values.get(SEARCH)
    number = None if isinstance(value, str) else finite(value)
    return number if number is not None and number > 0 else None


def _outcome(trial: Trial) -> tuple[float | None, bool]:
    value = finite(trial.score)
    lost = trial.diverged or value is None
    return (None if lost else value), lost


def _others(trial: Trial) -> str:
    pairs = [(k, v) for k, v in trial.values.items() if k != SEARCH]
    return ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in pairs)


def _tolerance(content: Content) -> str:
    known = sorted(
        ((t, arm.name) for arm in content.arms if (t := finite(arm.tolerance)) is not None),
        reverse=True,
    )
    if len(known) < 2:
        return ""
    most, least = known[0], known[-1]
    return (
        f" Widest: {most[1]} stays within 5{THIN}% of its own best over a {most[0]:.3g}-fold range;"
        f" narrowest: {least[1]}, {least[0]:.3g}-fold."
    )


def _rate_spec(content: Content, *, joined: bool) -> Spec:
    percent = content.metric.percent
    x: Spec = {
        "field": "lr",
        "type": "quantitative",
        "scale": {"type": "log", "nice": False, "padding": 18},
    }
    x["axis"] = {
        "title": "learning rate (log scale)",
        "format": "~g",
        "grid": False,
        "tickCount": 6,
    }
    y: Spec = {"type": "quantitative", "scale": {"zero": False, "nice": True, "padding": 6}}
    y["axis"] = {"title": content.score_name, "format": number_format(percent), "tickCount": 6}
    tip: list[Mapping[str, Any]] = [
        {"field": "arm"},
        {"field": "lr", "type": "quantitative", "format": ".3~g"},
        {"field": "score", "type": "quantitative", "format": ".2%" if percent else ".4~r"},
        {"field": "values", "title": "with"},
    ]
    finite_only = [{"filter": "datum.score !== null"}]
    trials: Spec = {"data": {"name": "trials"}, "transform": finite_only}
    score_y = {"field": "score", **y}
    layers: list[Spec] = [
        {
            "data": {"name": "zone"},
            "mark": {"type": "rect", "fill": "var(--zone)"},
            "encoding": {"y": {"field": "edge", **y}, "y2": {"field": "best"}},
        },
        {
            **trials,
            "mark": {"type": "point", "filled": True, "size": 60},
            "encoding": {"x": x, "y": score_y, "color": hue(content), "opacity": faded(1), "tooltip": tip},
        },
        {
            **trials,
            "transform": [*finite_only, {"filter": "datum.chosen"}],
            "mark": {"type": "point", "size": 220, "strokeWidth": 1.8, "filled": False},
            "encoding": {"x": x, "y": score_y, "color": hue(content), "opacity": faded(1), "tooltip": tip},
        },
        {
            "data": {"name": "trials"},
            "transform": [{"filter": "datum.diverged"}],
            "mark": {"type": "text", "text": "×", "fontSize": 24, "fontWeight": "bold", "dy": -8},
            "encoding": {
                "x": x, "y": {"value": {"expr": "height"}}, "color": hue(content), "opacity": faded(1),
                "tooltip": [*tip[:2], {"field": "diverged"}, tip[3]],
            },
        },
    ]  # fmt: skip
    if joined:
        line = {
            "x": x, "y": score_y, "color": hue(content), "opacity": faded(0.75), "strokeDash": stroke(content),
        }  # fmt: skip
        layers.insert(1, {**trials, "mark": {"type": "line", "strokeWidth": 1.5}, "encoding": line})
    return frame(layers, 300)
