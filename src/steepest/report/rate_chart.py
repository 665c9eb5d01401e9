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
    trials = [t for t in content.trials if t.arm in order and _rate(t) is not None]
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
    percent = content.metric.percent
    x: Spec = {"field": "lr", "type": "quantitative"}
    x["scale"] = {"type": "log", "nice": False, "padding": 18}
    x["axis"] = {
        "title": "learning rate (log scale)",
        "format": "~g",
        "grid": False,
        "tickCount": 6,
    }
    y: Spec = {"type": "quantitative", "scale": {"zero": False, "nice": True, "padding": 6}}
    y["axis"] = {"title": content.score_name, "format": number_format(percent), "tickCount": 6}
    tip: list[Spec] = [
        {"field": "arm"},
        {"field": "lr", "type": "quantitative", "title": "learning rate", "format": ".3~g"},
        {"field": "score", "type": "quantitative", "format": ".2%" if percent else ".4~r"},
        {"field": "rest", "title": "with"},
    ]
    point: Spec = {"x": x, "color": hue(content), "opacity": faded(1), "tooltip": tip}
    scored = {**point, "y": {"field": "score", **y}}
    line = {**scored, "opacity": faded(0.8), "strokeDash": stroke(content)}
    trials = {"name": "trials"}
    known = {"filter": "isValid(datum.score)"}
    layers: list[Spec] = [
        {
            "data": {"name": "zone"},
            "mark": {"type": "rect", "fill": "var(--zone)"},
            "encoding": {"y": {"field": "edge", **y}, "y2": {"field": "best"}},
        },
        {
            "data": trials,
            "transform": [known],
            "mark": {"type": "line", "strokeWidth": 1.5},
            "encoding": line,
        },
        {
            "data": trials,
            "transform": [known],
            "mark": {"type": "point", "filled": True, "size": 60},
            "encoding": scored,
        },
        {
            "data": trials,
            "transform": [known, {"filter": "datum.chosen"}],
            "mark": {"type": "point", "size": 230, "strokeWidth": 1.8, "filled": False},
            "encoding": scored,
        },
        {
            "data": trials,
            "transform": [{"filter": "datum.diverged"}],
            "mark": {"type": "text", "text": CROSS, "fontSize": 24, "fontWeight": "bold", "dy": -8},
            "encoding": {**point, "y": {"value": {"expr": "height"}}},
        },
    ]
    return frame(layers if joined else [layers[0], *layers[2:]], 300)
