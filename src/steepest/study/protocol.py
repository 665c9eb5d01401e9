"""The protocol as pure functions: which runs a study needs, which trial won, who goes on.

Nothing here executes or stores; the runner asks, a test can check.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from steepest import codec
from steepest.errors import UsageError
from steepest.identity import keys_of
from steepest.spec import RunSpec
from steepest.study.boundary import edges, more
from steepest.study.design import Arm, Study
from steepest.study.proposal import Proposal, Told, length_of, of_length
from steepest.study.record import Place, PlannedRun
from steepest.study.space import Values


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
    length: int = 0  # it was given: epochs, or updates where runs are measured in them


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


def plan_tuning(
    study: Study, digest: str, tuning: int, told: Mapping[str, Sequence[Told]] | None = None
) -> list[Planned]:
    """Return the next tuning trials of all arms; none for an arm with nothing to tune.

    `told` holds by arm what came of all earlier ones, in their order.
    """
    planned = []
    for arm in study.arms:
        known = (told or {}).get(arm.name, ())
        for i, proposal in enumerate(study.ask(arm, tuning, known), start=len(known)):
            planned += _trial(study, digest, arm, (tuning, i), proposal)
    return planned


def _trial(
    study: Study, digest: str, arm: Arm, number: tuple[int, int], proposal: Proposal
) -> list[Planned]:
    """Return the runs of a trial: one, or one for every fold."""
    tuning, trial = number
    planned, values, outer = [], proposal.values, study.outer_fold(tuning)
    for fold, seed in study.folds_of(tuning):
        place = {"arm": arm.name, "role": "tuning", "seed": seed, "trial": trial, "tuning": tuning}
        spec = study.spec(arm, values, seed, fold, outer)
        if proposal.length is not None:
            spec = of_length(spec, proposal.length)
        planned.append(plan_run(spec, digest, place | {"values": values}, study.together))
    return planned


def told_of(study: Study, planned: Iterable[Planned], scores: Mapping[str, Score]) -> list[Told]:
    """Return what a search is told of an arm's trials; `scores` by key lack the failed ones."""
    sign = -1.0 if study.lower_is_better else 1.0
    told = []
    for p in _firsts(planned):
        known = scores.get(p.run.key)
        worth = None if known is None else sign * known.score
        if known is not None and (known.diverged or not math.isfinite(known.score)):
            worth = -math.inf
        told.append(Told(p.values, worth, length_of(p.spec)))
    return told


def _firsts(planned: Iterable[Planned]) -> list[Planned]:
    """Return the first run of every trial."""
    found: dict[int, Planned] = {}
    for p in planned:
        found.setdefault(p.place.trial, p)
    return list(found.values())


def choose(study: Study, arm: Arm, tuning: int, scores: Iterable[Score]) -> Choice:
    """Return the best trial: diverged ones only if all diverged, the earlier one in a tie.

    Of successive halving, the longest trials alone are compared.
    """
    trials = tuple(scores)
    if not trials:
        return Choice(arm.name, tuning, (), (), ())
    sign = -1.0 if study.lower_is_better else 1.0

    def worth(trial: Score) -> tuple[bool, bool, float]:
        finite = math.isfinite(trial.score)
        return not trial.diverged, finite, sign * trial.score if finite else 0.0

    best = max(comparable(study, trials), key=worth)
    at_edge = edges(study.search, arm.space, best.values, [t.values for t in trials])
    return Choice(arm.name, tuning, best.values, at_edge, trials)


def comparable(study: Study, trials: Sequence[Score]) -> list[Score]:
    """Return the trials whose scores may be compared: in successive halving those in full."""
    longest = max((t.length for t in trials), default=0)
    return [t for t in trials if not shortens(study) or t.length == longest]


def shortens(study: Study) -> bool:
    """Tell whether some trials are trained for a shorter time than others for the search's sake."""
    return study.search.startswith("halving")


def plan_wider(
    study: Study, digest: str, choices: Iterable[Choice], first: int, extra: int = 2
) -> list[Planned]:
    """Return the same number of further trials for every arm: outward at an edge, else inward.

    Their numbers go on from `first`. Only a space of choices that is exhausted gives fewer.
    """
    planned = []
    for choice in choices:
        arm, tried = study.arm(choice.arm), [t.values for t in choice.trials]
        fits = partial(_fits, study, arm)
        found = more(study.search, arm.space, tried, choice.values, extra, fits) if tried else []
        for i, values in enumerate(found, start=first):
            planned += _trial(study, digest, arm, (choice.tuning, i), Proposal(values))
    return planned


def _fits(study: Study, arm: Arm, values: Values) -> bool:
    """Tell whether a trial outside the ranges is still a possible run."""
    try:
        study.spec(arm, values, 0)
    except UsageError:
        return False
    return True


def plan_final(study: Study, digest: str, choices: Iterable[Choice]) -> list[Planned]:
    """Return the runs of the selected cells with fresh seeds, paired across arms."""
    planned = []
    for choice in choices:
        arm = study.arm(choice.arm)
        for seed in study.final_seeds(choice.tuning):
            place = {"arm": arm.name, "role": "final", "seed": seed, "tuning": choice.tuning}
            outer = study.outer_fold(choice.tuning)
            spec = study.spec(arm, choice.values, seed, None, outer)
            place |= {"values": choice.values}
            planned.append(plan_run(spec, digest, place, study.together))
    return planned


def score_of(study: Study, metrics: Mapping[str, Any]) -> float:
    """Return the study's metric from stored metrics, NaN where it was not measured."""
    value = (metrics.get("validation") or {}).get(study.metric)
    return float("nan") if value is None else float(value)


def count_runs(study: Study) -> tuple[int, int]:
    """Return (tuning runs, final runs) of a study before any widening."""
    trials = sum(rung.count for a in study.arms for rung in study.rungs(a))
    tuned = trials * len(study.folds_of(0)) * study.rounds
    return tuned, len(study.arms) * study.seeds * study.rounds


def count_trainings(study: Study) -> float:
    """Return how many trainings in full the runs of a study amount to, before any widening."""
    tuned = 0.0
    for arm in study.arms:
        rungs = study.rungs(arm)
        tuned += sum(r.count * r.length for r in rungs) / rungs[-1].length if rungs else 0.0
    return (tuned * len(study.folds_of(0)) + len(study.arms) * study.seeds) * study.rounds
