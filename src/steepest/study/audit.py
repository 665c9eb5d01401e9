"""What a study found beside what a source published: values with intervals, claims with outcomes.

The comparisons of all claims are one family of their own: each gets an interval at level
1 − 5 % / their number (Bonferroni), so that all of them hold at once with 95 % confidence. A claim
"holds" if every interval it needs lies on its side, "does not hold" if one lies on the other side
(or, for "better", inside the study's margin: too small to matter), else it is "not
distinguishable".
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from steepest.stats.compare import pairs_of
from steepest.stats.interval import mean_interval, student_t
from steepest.stats.ratio import mean_ratio, time_ratio
from steepest.stats.target import Reached, time_to_target
from steepest.study.claim import MEASURES, Claim
from steepest.study.design import Study
from steepest.study.outcome import ArmResult, lost_tunings
from steepest.study.reported import least_of, measured

Word = Literal["holds", "does not hold", "not distinguishable"]
ALPHA = 0.05


@dataclass(frozen=True)
class Finding:
    """One comparison of a claim: what was asked to exceed or stay under what, and what was found.

    `kind` is "difference" (a − b), "ratio" or "value" (of a alone).
    """

    kind: Literal["difference", "ratio", "value"]
    a: str
    b: str
    measure: str  # or what was counted until the target
    value: float
    low: float  # simultaneous interval; infinite ends are open
    high: float
    n: int
    word: Word
    exact: bool = True  # else `value` is a bound: some runs did not reach the target


@dataclass(frozen=True)
class Outcome:
    """A claim with its word and the comparisons it rests on."""

    claim: Claim
    word: Word
    findings: tuple[Finding, ...]


@dataclass(frozen=True, eq=False)
class _Asking:
    """A claim in its study, the level of its intervals, and all arms: scores show their grid."""

    study: Study
    claim: Claim
    level: float
    arms: Sequence[ArmResult]

    @property
    def measure(self) -> str:
        """The measure that is claimed of."""
        return self.claim.metric or self.study.metric

    @property
    def least(self) -> float:
        """The least spread of single values that is believed."""
        return least_of(self.arms, self.measure)


def audit(study: Study, arms: Sequence[ArmResult]) -> tuple[Outcome, ...]:
    """Return the outcomes of a study's claims; one on an arm without runs has no findings."""
    known = {a.name: a for a in arms}
    asked = [(c, c.others([a.name for a in study.arms]) if not c.arm else ()) for c in study.claims]
    whole = [{c.subject, *others} <= set(known) for c, others in asked]
    family = sum(max(len(o), 1) for (_, o), there in zip(asked, whole, strict=True) if there)
    level = 1 - ALPHA / max(family, 1)
    found = []
    for (claim, others), there in zip(asked, whole, strict=True):
        if not there:
            found.append(Outcome(claim, "not distinguishable", ()))
            continue
        subject = known[claim.subject]
        asking = _Asking(study, claim, level, arms)
        ask: Callable[..., Finding] = _sooner if claim.faster else _ahead
        if claim.arm:
            findings = [_reaches(asking, subject)]
        else:
            findings = [ask(asking, subject, known[o]) for o in others]
        found.append(Outcome(claim, _all([f.word for f in findings]), tuple(findings)))
    return tuple(found)


def _lost(arm: ArmResult) -> np.ndarray:
    """Return which runs diverged, or which tunings have a run that did."""
    return arm.diverged if len(arm.choices) == 1 else np.asarray(lost_tunings(arm))


def _reaches(asking: _Asking, arm: ArmResult) -> Finding:
    claim, name = asking.claim, asking.measure
    values = measured(arm, name)
    if not np.isfinite(values).all():
        return _unknown("value", arm.name, "", name, len(values))
    mean = mean_interval(values, asking.level, asking.least)
    if claim.at_least is not None:
        word = _attains(mean.low - claim.at_least, mean.high - claim.at_least)
    else:
        limit = float(claim.at_most or 0.0)
        word = _attains(limit - mean.high, limit - mean.low)
    return Finding("value", arm.name, "", name, mean.mean, mean.low, mean.high, mean.n, word)


def _ahead(asking: _Asking, a: ArmResult, b: ArmResult) -> Finding:
    """Judge "better": the difference, or the ratio where the claim is of so many times."""
    study, claim, level, name = asking.study, asking.claim, asking.level, asking.measure
    x, y = measured(a, name), measured(b, name)
    if not np.isfinite([x, y]).all():
        return _unknown("difference", a.name, b.name, name, len(x))
    higher, share = MEASURES[name]
    if claim.times != 1:
        over, under = (x, y) if higher else (y, x)
        found = mean_ratio(over, under, level, asking.least)
        word = _attains(found.low - claim.times, found.high - claim.times)
        if word == "holds" and _lost(a).any():  # what diverged is ahead of nothing
            word = "not distinguishable"
        names = (a.name, b.name) if higher else (b.name, a.name)
        return Finding(
            "ratio", *names, name, found.mean, found.low, found.high, found.n, word
        )  # fmt: skip
    sign = 1.0 if higher else -1.0
    lost = {0: _lost(a), 1: _lost(b)}
    gain = pairs_of({0: x, 1: y}, lost, [(0, 1)], sign).gain[:, 0]
    ends = student_t(gain[:, None], level, math.sqrt(2) * asking.least)
    low, high = float(ends[0][0]), float(ends[1][0])
    alike = share and name != "stability" and not claim.by and (lost[0] == lost[1]).all()
    tie = study.margin if alike else 0.0  # no tie with what diverged where the other did not
    word = _exceeds(low - claim.by, high - claim.by, tie)
    mean = float(gain.mean())
    low, high = (low, high) if higher else (-high, -low)
    return Finding("difference", a.name, b.name, name, sign * mean, low, high, len(gain), word)


def _sooner(asking: _Asking, a: ArmResult, b: ArmResult) -> Finding:
    """Judge "faster": how many times longer the other arm takes to the target."""
    claim = asking.claim
    target = claim.target if claim.target is not None else float(asking.study.target or 0.0)
    fast, slow = (_arrivals(arm, claim.cost, target) for arm in (a, b))
    steps = (_step(b, claim.cost), _step(a, claim.cost))
    units = a.tunings if len(a.choices) > 1 else None
    found = time_ratio(slow, fast, asking.level, steps, units)
    word = _attains(found.low - claim.times, found.high - claim.times)
    return Finding(
        "ratio", b.name, a.name, claim.cost, found.mean, found.low, found.high, found.n, word,
        found.exact,
    )  # fmt: skip


def _arrivals(arm: ArmResult, cost: str, target: float) -> Reached:
    """Return when each final run reached a validation accuracy, on the axis of a cost."""
    name = "epoch" if cost == "epochs" else cost
    rows = [[r for r in run if r["val_accuracy"] is not None] for run in arm.curves]
    times = [[float(r[name]) for r in run] or [0.0] for run in rows]
    heights = [[float(r["val_accuracy"]) for r in run] or [0.0] for run in rows]
    return time_to_target(times, heights, target, diverged=arm.diverged.tolist())


def _step(arm: ArmResult, cost: str) -> float:
    """Return the distance between two measurements of an arm's runs, on the axis of a cost."""
    if cost == "epochs":
        return 1.0
    ends = [float(run[-1][cost]) / len(run) for run in arm.curves if run]
    return float(np.mean(ends)) if ends else 1.0


def _unknown(kind: Any, a: str, b: str, name: str, n: int) -> Finding:
    nothing = float("nan")
    return Finding(kind, a, b, name, nothing, -math.inf, math.inf, n, "not distinguishable")


def _exceeds(low: float, high: float, tie: float) -> Word:
    """Return the word for an interval of how much better an arm is than was claimed."""
    if low > 0:
        return "holds"
    return "does not hold" if high <= 0 or (-tie < low and high < tie) else "not distinguishable"


def _attains(low: float, high: float) -> Word:
    """Return the word for an interval of what a value has beyond the claimed one."""
    if low >= 0:
        return "holds"
    return "does not hold" if high < 0 else "not distinguishable"


def _all(words: Sequence[str]) -> Word:
    if "does not hold" in words:
        return "does not hold"
    return "holds" if set(words) == {"holds"} else "not distinguishable"
