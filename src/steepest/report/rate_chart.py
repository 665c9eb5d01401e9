"""Learning-rate sensitivity: every tuning trial a point, diverged marked, the chosen ringed."""

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

SEARCHED = "lr"
CROSS = "\u00d7"


def rate(content: Content) -> Figure | None:
    """Return the trials by learning rate; None if no trial varied it."""
    order = arm_order(content)
    trials = [t for t in content.trials if t.arm in order and t.full and _rate(t) is not None]
    if not trials:
        return None
    rows = [
        [order[t.arm], _rate(t), _score(t), _score(t) is None, t.chosen, _rest(t)] for t in trials
    ]
    known = [s for t in trials if (s := _score(t)) is not None]
    metric = content.metric
    zone: list[list[float]] = []
    text = f"Every tuning trial by its {content.score_name}; the ringed one was chosen."
    if known:
        best = max(known) if metric.higher else min(known)
        zone = [[best, (0.95 if metric.higher else 1.05) * best]]
        text += (
            f" Shaded: within 5{THIN}% of the best of all,"
            f" {score(best, metric, 1 if metric.percent else 4)}. An arm that stays in the shade"
            " over a wide range is easy to tune."
        )
    lost = len(trials) - len(known)
    if lost:
        text += f" {CROSS} at the foot: {lost} trial{'s' if lost > 1 else ''} diverged."
    return Figure(
        "rate",
        "How much does the learning rate matter?",
        text + _tolerance(content),
        _spec(content, joined=all(len(t.values) == 1 for t in trials)),
        {
            "trials": Table(("i", "lr", "score", "diverged", "chosen", "rest"), rows),
            "zone": Table(("best", "edge"), zone),
        },
        legend=True,
    )


def _rate(trial: Trial) -> float | None:
    value = trial.values.get(SEARCHED)
    number = None if isinstance(value, str) else finite(value)
    return number if number is not None and number > 0 else None


def _score(trial: Trial) -> float | None:
    return None if trial.diverged else finite(trial.score)


def _rest(trial: Trial) -> str:
    pairs = [(k, v) for k, v in trial.values.items() if k != SEARCHED]
    return ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in pairs)


def _tolerance(content: Content) -> str:
    known = [(t, arm.name) for arm in content.arms if (t := finite(arm.tolerance)) is not None]
    if len(known) < 2:
        return ""
    (least, narrow), (most, wide) = min(known), max(known)
    return (
        f" Most tolerant: {wide}, within 5{THIN}% of its own best over a {most:.2g}-fold range;"
        f" least: {narrow}, {least:.2g}-fold."
    )


def _spec(content: Content, *, joined: bool) -> Spec:
    x, y = _axes(content)
    point: Spec = {"x": x, "color": hue(content), "opacity": faded(1), "tooltip": _tip(content)}
    scored = {**point, "y": {"field": "score", **y}}
    line = {**scored, "opacity": faded(0.8), "strokeDash": stroke(content)}
    known, chosen = {"filter": "isValid(datum.score)"}, {"filter": "datum.chosen"}
    cross = {"type": "text", "text": CROSS, "fontSize": 24, "fontWeight": "bold", "dy": -8}
    zone: Spec = {
        "data": {"name": "zone"},
        "mark": {"type": "rect", "fill": "var(--zone)"},
        "encoding": {"y": {"field": "edge", **y}, "y2": {"field": "best"}},
    }
    lines = [_layer([known], {"type": "line", "strokeWidth": 1.5}, line)] if joined else []
    ring = {"type": "point", "size": 230, "strokeWidth": 1.8, "filled": False}
    return frame(
        [
            zone,
            *lines,
            _layer([known], {"type": "point", "filled": True, "size": 60}, scored),
            _layer([known, chosen], ring, scored),
            _layer(
                [{"filter": "datum.diverged"}], cross, {**point, "y": {"value": {"expr": "height"}}}
            ),
        ],
        300,
    )


def _layer(transform: list[Spec], mark: Spec, encoding: Spec) -> Spec:
    data = {"name": "trials"}
    return {"data": data, "transform": transform, "mark": mark, "encoding": encoding}


def _axes(content: Content) -> tuple[Spec, Spec]:
    x: Spec = {"field": "lr", "type": "quantitative"}
    x["scale"] = {"type": "log", "nice": False, "padding": 18}
    title = "learning rate (log scale)"
    x["axis"] = {"title": title, "format": "~g", "grid": False, "tickCount": 6}
    y: Spec = {"type": "quantitative", "scale": {"zero": False, "nice": True, "padding": 6}}
    form = number_format(content.metric.percent)
    y["axis"] = {"title": content.score_name, "format": form, "tickCount": 6}
    return x, y


def _tip(content: Content) -> list[Spec]:
    form = ".2%" if content.metric.percent else ".4~r"
    return [
        {"field": "arm"},
        {"field": "lr", "type": "quantitative", "title": "learning rate", "format": ".3~g"},
        {"field": "score", "type": "quantitative", "format": form},
        {"field": "rest", "title": "with"},
    ]
