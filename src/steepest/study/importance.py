"""How much each tuned hyper-parameter mattered within its range: functional ANOVA of the trials.

A regression tree is fitted to the ranks of the scores (a diverged trial has the worst, so that one
number at chance level does not stand for everything), and the share of its variance that each
hyper-parameter explains alone is taken (Hutter, Hoos & Leyton-Brown 2014; by Optuna). Every tree
sees a resample of the trials of its own: the mean over the trees is the estimate, their spread its
uncertainty.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.study.design import Study
from steepest.study.outcome import ArmResult
from steepest.study.protocol import Score, shortens
from steepest.study.space import Range
from steepest.study.tpe import distribution, param

TREES = 32
EACH, LEAST = 8, 16  # trials per hyper-parameter, and altogether, below which nothing is said


@dataclass(frozen=True)
class Importance:
    """The share of the variance that a hyper-parameter explains, with 95 % of the trees."""

    name: str
    share: float
    low: float
    high: float


def importance(study: Study, arm: ArmResult) -> list[Importance]:
    """Return the importance of an arm's hyper-parameters, largest first; [] with too few trials."""
    space = study.arm(arm.name).space
    trials = [t for c in arm.choices for t in c.trials]
    trials = _of_one_length(trials) if shortens(study) else trials
    if len(space) < 2 or len(trials) < max(LEAST, EACH * len(space)):
        return []
    return sorted(explained(space, trials, study.lower_is_better), key=lambda one: -one.share)


def explained(
    space: Sequence[Range], trials: Sequence[Score], lower_is_better: bool
) -> list[Importance]:
    """Return the importance of every range, in their order; [] where all trials scored the same."""
    worth = ranks(trials, lower_is_better)
    if len(set(worth)) < 2:
        return []
    shares = np.array(_trees(space, trials, worth))
    low, high = np.quantile(shares, [0.025, 0.975], axis=0)
    found = zip(space, shares.mean(axis=0), low, high, strict=True)
    return [Importance(r.name, *map(float, numbers)) for r, *numbers in found]


def _of_one_length(trials: Sequence[Score]) -> list[Score]:
    """Return the trials of the commonest length: short ones score lower for that reason alone."""
    counts = Counter(t.length for t in trials)
    common = max(counts, key=lambda length: counts[length], default=0)
    return [t for t in trials if t.length == common]


def ranks(trials: Sequence[Score], lower_is_better: bool) -> list[float]:
    """Return each trial's rank, higher is better; the diverged ones share the worst."""
    from scipy.stats import rankdata

    sign = -1.0 if lower_is_better else 1.0
    known = [
        -math.inf if t.diverged or not math.isfinite(t.score) else sign * t.score for t in trials
    ]
    return [float(r) for r in rankdata(known)]


def _trees(space: Sequence[Range], trials: Sequence[Score], worth: Sequence[float]) -> list[Any]:
    """Return the share of every hyper-parameter in each of the trees: TREES by len(space)."""
    import optuna
    from optuna.importance import FanovaImportanceEvaluator

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    distributions = {r.name: distribution(r) for r in space}
    for trial, rank in zip(trials, worth, strict=True):
        params = {r.name: param(r, dict(trial.values)[r.name]) for r in space}
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=distributions, value=rank)
        )
    found = []
    for seed in range(TREES):
        evaluator = FanovaImportanceEvaluator(n_trees=1, seed=seed)
        shares = evaluator.evaluate(study)
        found.append([float(shares[r.name]) for r in space])
    return found
