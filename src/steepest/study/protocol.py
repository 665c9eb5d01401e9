"""The protocol as pure functions: which runs a study needs, which trial won, who goes on.

Nothing here executes or stores; the runner asks, a test can check.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from steepest import codec
from steepest.identity import keys_of
from steepest.spec import RunSpec
from steepest.study.design import Arm, Study
from steepest.study.record import Place, PlannedRun
from steepest.study.space import Values, further


@dataclass(frozen=True)
class Planned:
    """A run in its place, with the values of its trial."""

    place: Place
    run: PlannedRun
    spec: RunSpec
    values: Values


@dataclass(frozen=True)
class Score:
    """What a trial reached on validation data."""

    values: Values
    key: str
    score: float  # of the last finite epoch; NaN where there is none
    diverged: bool


@dataclass(frozen=True)
class Choice:
    """The winning trial of an arm in one tuning."""

    arm: str
    tuning: int
    values: Values
    boundary: tuple[str, ...]  # ranges at whose edge it lies
    trials: tuple[Score, ...]


def plan_run(spec: RunSpec, digest: str, place: dict[str, Any], together: int = 1) -> Planned:
    """Return the run of a spec in its place; `place` lacks the key alone."""
    values = place.pop("values")
    key, cell = keys_of(spec, digest, together)
    size = 0 if spec.batch_size == "full" else int(spec.batch_size)
    run = PlannedRun(
        key, cell, codec.canonical(spec.plain()), spec.data, spec.model.name,
        spec.optimizer.name, spec.seed, size, spec.rule.lr, spec.epochs,
    )  # fmt: skip
    return Planned(Place(key, **place), run, spec, values)


def plan_tuning(study: Study, digest: str, tuning: int) -> list[Planned]:
    """Return the tuning trials of all arms; none for an arm with nothing to tune."""
    planned = []
    for arm in study.arms:
        cells = study.cells(arm, tuning)
        if cells == [()]:
            continue
        planned += [_trial(study, digest, arm, tuning, i, values) for i, values in enumerate(cells)]
    return planned


def _trial(
    study: Study, digest: str, arm: Arm, tuning: int, number: int, values: Values
) -> Planned:
    seed = study.tuning_seed(tuning)
    place = {"arm": arm.name, "role": "tuning", "seed": seed, "trial": number, "tuning": tuning}
    spec = study.spec(arm, values, seed)
    return plan_run(spec, digest, place | {"values": values}, study.together)


def choose(study: Study, arm: Arm, tuning: int, scores: Iterable[Score]) -> Choice:
    """Return the best trial: diverged ones only if all diverged, the earlier one in a tie."""
    trials = tuple(scores)
    if not trials:
        return Choice(arm.name, tuning, (), (), ())
    sign = -1.0 if study.lower_is_better else 1.0

    def worth(trial: Score) -> tuple[bool, bool, float]:
        finite = math.isfinite(trial.score)
        return not trial.diverged, finite, sign * trial.score if finite else 0.0

    best = max(trials, key=worth)
    return Choice(arm.name, tuning, best.values, _edges(arm, best.values, trials), trials)


def _edges(arm: Arm, values: Values, trials: tuple[Score, ...]) -> tuple[str, ...]:
    found = dict(values)
    tried = {r.name: [dict(t.values)[r.name] for t in trials] for r in arm.space}
    return tuple(r.name for r in arm.space if r.is_edge(found[r.name], tried[r.name]))


def plan_wider(
    study: Study, digest: str, choices: Iterable[Choice], first: int, extra: int = 2
) -> list[Planned]:
    """Return the same number of further trials for every arm: outward at an edge, else inward.

    Their numbers go on from `first`. Only a space of choices that is exhausted gives fewer.
    """
    planned = []
    for choice in choices:
        arm, tried = study.arm(choice.arm), [t.values for t in choice.trials]
        more = further(arm.space, tried, choice.values, extra) if tried else []
        planned += [
            _trial(study, digest, arm, choice.tuning, first + i, values)
            for i, values in enumerate(more)
        ]
    return planned


def plan_final(study: Study, digest: str, choices: Iterable[Choice]) -> list[Planned]:
    """Return the runs of the selected cells with fresh seeds, paired across arms."""
    planned = []
    for choice in choices:
        arm = study.arm(choice.arm)
        for seed in study.final_seeds(choice.tuning):
            place = {"arm": arm.name, "role": "final", "seed": seed, "tuning": choice.tuning}
            spec = study.spec(arm, choice.values, seed)
            place |= {"values": choice.values}
            planned.append(plan_run(spec, digest, place, study.together))
    return planned


def score_of(study: Study, metrics: Mapping[str, Any]) -> float:
    """Return the study's metric from stored metrics, NaN where it was not measured."""
    value = (metrics.get("validation") or {}).get(study.metric)
    return float("nan") if value is None else float(value)


def count_runs(study: Study) -> tuple[int, int]:
    """Return (tuning runs, final runs) of a study before any widening."""
    tuned = sum(len(study.cells(a, 0)) for a in study.arms if a.space) * study.tunings
    return tuned, len(study.arms) * study.seeds * study.tunings
