"""What an arm's tuning budget bought, from its stored trials.

Where trials do not depend on each other's scores, any of them could have come first, and the
typical best of k is known for every k. Where they do (TPE, successive halving), the order is part
of the search: there is one best so far per tuning, and an interval over tunings only. So it is
with several tunings of any search: all trials of a tuning share its seed and its validation
examples, so that a second tuning is one more observation, not one more set of trials.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steepest.stats.tuneability import quantile_places, typical_best
from steepest.study.design import Study
from steepest.study.outcome import ArmResult
from steepest.study.protocol import Choice, shortens
from steepest.study.search import search_of


@dataclass(frozen=True)
class Bought:
    """The best validation score that a budget typically finds; None: not known, or diverged."""

    trials: float  # the budget, in full trainings
    value: float | None
    low: float | None
    high: float | None


def tuneability(study: Study, arm: ArmResult) -> list[Bought]:
    """Return what each budget up to the study's own buys for an arm; [] with nothing tuned."""
    rungs = study.rungs(study.arm(arm.name))
    if not rungs or not any(c.trials for c in arm.choices):
        return []
    planned = sum(r.count for r in rungs)
    if search_of(study.search).adapts:
        return _so_far(study, arm.choices, planned)
    scores = [
        [_score(t.score, t.diverged) for t in c.trials[:planned]] for c in arm.choices if c.trials
    ]
    most, sign = min(map(len, scores)), -1.0 if study.lower_is_better else 1.0
    found = [typical_best(s, most, lower_is_better=study.lower_is_better) for s in scores]
    if len(found) == 1:
        return [Bought(t.trials, *map(_finite, (t.value, t.low, t.high))) for t in found[0]]
    bests = [[sign * one[k].value for one in found] for k in range(most)]
    return [_middle(k + 1, values, sign) for k, values in enumerate(bests)]


def _so_far(study: Study, choices: Sequence[Choice], planned: int) -> list[Bought]:
    """Return the median over tunings of the best so far, at every budget where it is known."""
    paths = [_path(study, c, planned) for c in choices]
    found = []
    for spent in sorted({spent for path in paths for spent, _ in path}):
        bests = [max((b for s, b in path if s <= spent), default=-math.inf) for path in paths]
        found.append(_middle(spent, bests, -1.0 if study.lower_is_better else 1.0))
    return [bought for bought in found if bought.value is not None]


def _middle(spent: float, bests: Sequence[float], sign: float) -> Bought:
    """Return the median of the tunings' bests, higher better, with the interval of that median."""
    ordered = np.sort(bests)
    places = ((len(bests) - 1) // 2, *quantile_places(len(bests), 0.5))
    values = [None if i is None else float(ordered[i]) for i in places]
    value, low, high = (None if v is None else _finite(sign * v) for v in values)
    return Bought(spent, value, *((low, high) if sign > 0 else (high, low)))


def _path(study: Study, choice: Choice, planned: int) -> list[tuple[float, float]]:
    """Return (full trainings spent, best so far) after each trial of full length; higher better."""
    sign = -1.0 if study.lower_is_better else 1.0
    longest = max((t.length for t in choice.trials), default=0)
    spent, best, found = 0.0, -math.inf, []
    for t in choice.trials[:planned]:
        share = t.length / longest if shortens(study) else 1.0
        spent += share
        score = sign * _score(t.score, t.diverged)
        if share == 1.0 and not math.isnan(score):
            best = max(best, score)
        if share == 1.0:
            found.append((round(spent, 6), best))
    return found


def _score(score: float, diverged: bool) -> float:
    return math.nan if diverged or not math.isfinite(score) else score


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
