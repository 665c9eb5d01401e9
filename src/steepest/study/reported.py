"""Measures of an arm's final runs, and what a source published beside them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.stats.interval import Array, counting_spread, mean_interval
from steepest.study.design import Study
from steepest.study.grain import grain_of
from steepest.study.outcome import ArmResult, by_tuning
from steepest.study.soundness import METRICS

LEVEL = 0.95


@dataclass(frozen=True)
class Reported:
    """A published value beside ours, in the measure's own unit."""

    arm: str
    measure: str
    reported: float
    mean: float  # ours; NaN where it was not measured in every run
    low: float  # interval of the mean
    high: float
    single_low: float  # where a single further run would lie, with 95 % confidence
    single_high: float
    n: int

    @property
    def place(self) -> str:
        """Where the published value lies among single runs of ours."""
        if not math.isfinite(self.single_low):
            return ""
        if self.reported < self.single_low:
            return "below"
        return "above" if self.reported > self.single_high else "inside"


def beside(study: Study, arms: Sequence[ArmResult]) -> tuple[Reported, ...]:
    """Return every published value beside ours, in the order of arms and of their tables."""
    return tuple(
        _beside(arm, name, float(value))
        for arm in arms
        for name, value in study.arm(arm.name).reported
    )


def measured(arm: ArmResult, name: str) -> np.ndarray:
    """Return a measure of an arm's final runs, (n,), by tuning if there are several; else NaN."""
    values = _values(arm, name)
    if len(arm.choices) == 1 or not np.isfinite(values).all():
        return values
    return by_tuning(values, arm.tunings)


def least_of(arms: Sequence[ArmResult], name: str) -> float:
    """Return the least standard deviation of a measure that is believed: that of counting alone.

    From the numbers of examples where they are known, else from the step that the values show.
    """
    known = [v for a in arms if np.isfinite(v := measured(a, name)).all()]
    grain = grain_of(name, (count for a in arms for count in _counts(a, name)), _runs(arms[0]))
    return counting_spread(np.concatenate(known), grain) / math.sqrt(2) if known else 0.0


def _runs(arm: ArmResult) -> int:
    """Return how many runs a unit holds: those of a tuning where there are several, else one."""
    return max(len(arm.records) // len(arm.choices), 1) if len(arm.choices) > 1 else 1


def _counts(arm: ArmResult, name: str) -> list[int | None]:
    """Return over how many examples a measure counts, run by run; None where that is not known."""
    if name in METRICS:
        return [test.get("examples") for test in arm.tests]
    if name.startswith("val_"):
        return [(r.metrics.get("validation") or {}).get("examples") for r in arm.records]
    if name.startswith("train_"):
        return [r.metrics.get("examples_per_epoch") for r in arm.records]
    return []


def _values(arm: ArmResult, name: str) -> Array:
    return np.array([_value(arm, i, name) for i in range(len(arm.records))], dtype=float)


def _value(arm: ArmResult, i: int, name: str) -> float:
    """Return a measure of one run."""
    record, rows = arm.records[i], arm.curves[i]
    found: Any
    if name in METRICS:
        found = arm.tests[i].get(name)
    elif name.startswith("val_"):
        found = (record.metrics.get("validation") or {}).get(name.removeprefix("val_"))
    elif name.startswith("train_"):
        found = rows[-1].get(name) if rows else None
    elif name in ("seconds", "updates"):
        found = getattr(record, name)
    else:
        found = record.metrics.get(name)
    return float("nan") if found is None else float(found)


def _beside(arm: ArmResult, name: str, reported: float) -> Reported:
    values = measured(arm, name)
    n, nothing = len(values), float("nan")
    if not np.isfinite(values).all():
        return Reported(arm.name, name, reported, nothing, nothing, nothing, nothing, nothing, n)
    least = least_of([arm], name)
    mean = mean_interval(values, LEVEL, least)
    half = math.inf if n < 2 else _reach(arm, name, max(float(values.var(ddof=1)), least**2))
    single = (mean.mean - half, mean.mean + half)
    return Reported(arm.name, name, reported, mean.mean, mean.low, mean.high, *single, n)


def _reach(arm: ArmResult, name: str, variance: float) -> float:
    """Return how far from our mean a single further run lies at most, with 95 % confidence.

    `variance` is that of seeds, or of tunings' means over S runs. With several tunings a single run
    also varies within its own, of which such a mean has kept 1 / S: the sum of both has the degrees
    of freedom of Satterthwaite (1946).
    """
    from scipy.special import stdtrit

    values, runs = _values(arm, name), _runs(arm)
    n = len(values) // runs
    between, within, freedom = variance * (1 + 1 / n), 0.0, 1
    if runs > 1:
        groups = [values[arm.tunings == k] for k in np.unique(arm.tunings)]
        within = float(np.mean([g.var(ddof=1) for g in groups])) * (1 - 1 / runs)
        freedom = n * (runs - 1)
    total = between + within
    unsure = between**2 / (n - 1) + within**2 / freedom
    degrees = total**2 / unsure if unsure else n - 1
    return float(stdtrit(degrees, (1 + LEVEL) / 2)) * math.sqrt(total)
