"""TPE: trials proposed where earlier ones were good (Bergstra et al. 2011), by Optuna's sampler.

Law: a batch is a function of the trials told so far, in their order, and of a named stream. The
sampler is made anew for every batch and is told everything, so neither the number of workers nor a
kill between two batches can change what it asks.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steepest.errors import UsageError
from steepest.seeds import stream
from steepest.study.drawing import scatter, uniform
from steepest.study.proposal import Proposal, Rung, Told
from steepest.study.space import Range, Values

AGAIN = 10  # how often a proposal that was tried before is asked anew


@dataclass(frozen=True)
class Tpe:
    """`startup` trials at random, then `batch` at a time; joint over the ranges (multivariate)."""

    startup: int = 8
    batch: int = 4

    adapts = True

    def __post_init__(self) -> None:
        for name in ("startup", "batch"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise UsageError(f"tpe: {name} must be a whole number of at least 1, not {value!r}")

    def rungs(self, space: Sequence[Range], trials: int, length: int) -> tuple[Rung, ...]:
        """Return the trials, all of full length."""
        return (Rung(most(space, trials), length),)

    def ask(
        self, space: Sequence[Range], budget: Rung, told: Sequence[Told], tuning: int
    ) -> list[Proposal]:
        """Return the next batch."""
        left = most(space, budget.count) - len(told)
        if not told:
            values = scatter(space, min(self.startup, left), tuning)
        else:
            values = _sampled(space, min(self.batch, left), told, tuning)
        return [Proposal(v) for v in values]


def most(space: Sequence[Range], trials: int) -> int:
    """Return the trials of a budget: no more than there are different ones."""
    size = 1.0
    for one in space:
        size *= one.size
    return int(min(trials, size))


def _sampled(space: Sequence[Range], count: int, told: Sequence[Told], tuning: int) -> list[Values]:
    """Return `count` new trials from Optuna's sampler, at random where it only repeats itself."""
    if count <= 0:
        return []
    generator = stream(tuning, "search", "tpe", len(told))
    study = _study(space, told, int(generator.integers(2**31)))
    tried = [t.values for t in told]
    distributions = {r.name: distribution(r) for r in space}
    for _ in range(AGAIN * count):
        params = study.ask(distributions).params
        values = tuple((r.name, _value(r, params[r.name])) for r in space)
        if values not in tried:
            tried.append(values)
        if len(tried) == len(told) + count:
            break
    fresh = tried[len(told) :]
    return fresh + uniform(space, count - len(fresh), generator, tried)


def _study(space: Sequence[Range], told: Sequence[Told], seed: int) -> Any:
    """Return an Optuna study that knows the trials told; a diverged one is the worst."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # options marked as experimental
        sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=0, multivariate=True, constant_liar=True
        )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    distributions = {r.name: distribution(r) for r in space}
    for t in told:
        if t.score is not None:
            params = {r.name: param(r, dict(t.values)[r.name]) for r in space}
            study.add_trial(
                optuna.trial.create_trial(
                    params=params, distributions=distributions, value=float(t.score)
                )
            )
    return study


def distribution(one: Range) -> Any:
    """Return a choice by its number; an interval as the share of the way from low to high."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if one.choices:
        return CategoricalDistribution(tuple(range(len(one.choices))))
    return FloatDistribution(0.0, 1.0)


def param(one: Range, value: Any) -> Any:
    """Return a value as its distribution knows it."""
    if one.choices:
        return one.choices.index(value)
    return min(max(one.share(value), 0.0), 1.0)  # rounding may lead a hair outside


def _value(one: Range, param: Any) -> Any:
    return one.choices[param] if one.choices else one.at(param)
