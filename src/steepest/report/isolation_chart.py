"""Isolation plots: the best trial for each value of one hyper-parameter, the rest at its best."""

import math
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
from steepest.report.content import Content, Trial, Tuned
from steepest.report.error_axis import error_axis, error_name, shown
from steepest.report.number import finite

EACH = 4  # trials per stretch of a range, so that the best of a stretch is worth something
MOST = 8  # stretches of a range
COLUMNS = ("i", "x", "y", "best", "rest")


def isolation(content: Content) -> Figure | None:
    """Return a picture per hyper-parameter; None unless some arm tunes two at once."""
    order = arm_order(content)
    trials = [t for t in content.trials if t.arm in order and t.full and _score(t) is not None]
    if not any(len(t.values) > 1 for t in trials):
        return None
    shares = {one.name: _rows(content, one, trials) for one in content.tuned}
    pictures = {f"v{k}": rows for k, (_, rows) in enumerate(shares.items()) if rows}
    if not pictures:
        return None
    names = list(shares)
    options = tuple(
        _option(content.tuned[int(key[1:])], key, names[int(key[1:])]) for key in pictures
    )
    return Figure(
        "isolation",
        "What does each hyper-parameter do?",
        f"Faint: every trial by its {error_name(content)}. Line: the best trial of each stretch of"
        " the range (or of each choice), with the other hyper-parameters at their best there, so"
        " that a flat line means that its value does not matter once the rest is tuned.",
        _spec(content, [row[2] for rows in pictures.values() for row in rows]),
        {key: Table(COLUMNS, rows) for key, rows in pictures.items()},
        (Choice("name", "Show", options),),
        legend=True,
    )


def _score(trial: Trial) -> float | None:
    return None if trial.diverged else finite(trial.score)


def _rows(content: Content, one: Tuned, trials: Sequence[Trial]) -> list[list[Any]]:
    """Return every trial that has a value, the best of its stretch marked."""
    order, rows = arm_order(content), []
    for arm in content.arms:
        mine = [t for t in trials if t.arm == arm.name and _place(one, t) is not None]
        best = _best(content, one, mine)
        rows += [
            [order[t.arm], _place(one, t), shown(content, _score(t)), t in best, _rest(one, t)]
            for t in sorted(mine, key=lambda t: str(_place(one, t)))
        ]
    return rows


def _place(one: Tuned, trial: Trial) -> Any:
    """Return where a trial stands: its choice as text, its number; None where it has none."""
    value = trial.values.get(one.name)
    if value is None or one.scale == "choice":
        return None if value is None else str(value)
    number = None if isinstance(value, str) else finite(value)
    return None if number is not None and one.scale == "log" and number <= 0 else number


def _best(content: Content, one: Tuned, trials: Sequence[Trial]) -> list[Trial]:
    """Return the best trial of each choice, or of each of equally long stretches."""
    sign = 1 if content.metric.higher else -1
    stretches: dict[Any, list[Trial]] = {}
    ends = [_scaled(one, t) for t in trials]
    count = max(1, min(MOST, len(trials) // EACH))
    for t, at in zip(trials, ends, strict=True):
        low, high = min(map(_number, ends)), max(map(_number, ends))
        width = (high - low) / count or 1.0
        key = at if one.scale == "choice" else min(int((_number(at) - low) / width), count - 1)
        stretches.setdefault(key, []).append(t)
    return [max(group, key=lambda t: sign * (_score(t) or 0.0)) for group in stretches.values()]


def _scaled(one: Tuned, trial: Trial) -> Any:
    place = _place(one, trial)
    return math.log(place) if one.scale == "log" else place


def _number(value: Any) -> float:
    return value if isinstance(value, float) else 0.0


def _rest(one: Tuned, trial: Trial) -> str:
    pairs = [(k, v) for k, v in trial.values.items() if k != one.name]
    return ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in pairs)


def _option(one: Tuned, key: str, name: str) -> Option:
    """Return how a hyper-parameter's picture is drawn: where its data is and how x is scaled."""
    x: Spec = {"field": "x", "type": "quantitative"}
    title = f"{name} (log scale)" if one.scale == "log" else name
    x["axis"] = {"title": title, "format": "~g", "grid": False, "tickCount": 6}
    x["scale"] = {"type": one.scale, "nice": False, "zero": False, "padding": 18}
    if one.scale == "log":
        del x["scale"]["zero"]
    if one.scale == "choice":
        x = {"field": "x", "type": "nominal", "scale": {"padding": 0.5}}
        x["axis"] = {"title": name, "labelAngle": 0, "grid": False}
    return Option(name, {"@data": key, "@x": x})


def _spec(content: Content, values: Sequence[float]) -> Spec:
    y = {"field": "y", **error_axis(content, values)}
    shared: Spec = {"x": "@x", "y": y, "color": hue(content)}
    data: Spec = {"name": "@data"}
    best = [{"filter": "datum.best"}]
    line = {**shared, "opacity": faded(0.9), "strokeDash": stroke(content)}
    tip = [
        {"field": "arm"},
        {"field": "x", "title": "value"},
        {
            "field": "y",
            "type": "quantitative",
            "title": error_name(content),
            "format": ".2%" if content.metric.percent else ".4~r",
        },
        {"field": "rest", "title": "with"},
    ]
    dot = {"type": "point", "filled": True}
    return frame(
        [
            {
                "data": data,
                "mark": {**dot, "size": 26},
                "encoding": {**shared, "opacity": faded(0.4), "tooltip": tip},
            },
            {"data": data, "transform": best, "mark": {"type": "line"}, "encoding": line},
            {
                "data": data,
                "transform": best,
                "mark": {**dot, "size": 60},
                "encoding": {**shared, "opacity": faded(1), "tooltip": tip},
            },
        ],
        300,
    )
