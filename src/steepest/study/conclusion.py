"""What a study may conclude from its records: scores, verdicts, times to the target, warnings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from steepest.errors import NothingMatchedError
from steepest.stats.compare import compare_arms
from steepest.stats.curve import Tolerance, tolerance
from steepest.stats.resample import Basis, resampled_interval
from steepest.stats.target import Reached, median_time, time_to_target
from steepest.stats.verdict import Verdict
from steepest.study.audit import Outcome, audit
from steepest.study.caution import warnings
from steepest.study.cross import basis_of, over_folds
from steepest.study.design import Study
from steepest.study.effect import Factorial, factorial
from steepest.study.extension import Extension, extension_of
from steepest.study.outcome import ArmResult, Judged, Rows, by_tuning, units
from steepest.study.protocol import Choice, Score, choose, comparable, score_of
from steepest.study.query import (
    count_openers,
    list_openings,
    list_trials,
    read_curves,
    read_evaluations,
)
from steepest.study.record import Record, StudyRecord, Trial, decode
from steepest.study.remark import Reviewed
from steepest.study.reported import Reported, beside
from steepest.study.store import Store
from steepest.study.stored import value_of


@dataclass(frozen=True, eq=False)
class Conclusion:
    """All a report or a terminal says of a study."""

    study: Study
    record: StudyRecord
    arms: tuple[ArmResult, ...]
    verdicts: tuple[Verdict, ...]
    reference: str | None  # the study's, if it has finished runs
    target: float | None
    warnings: tuple[str, ...]
    failed: tuple[str, ...]
    factorial: Factorial | None = None  # where arms are combinations of factors
    reported: tuple[Reported, ...] = ()  # what a source published, beside ours
    outcomes: tuple[Outcome, ...] = ()  # of its claims
    extension: Extension | None = None  # this look, where the study may be extended

    @property
    def repeated(self) -> str:
        """What the intervals are over: seeds of tuned cells, or tunings of arms."""
        if self.study.nested:
            return "outer folds"
        return "tunings" if self.study.tunings > 1 else "seeds"

    @property
    def labels(self) -> dict[str, str]:
        """The names verdicts use: tuned cells with one tuning, arms with several."""
        return {a.name: a.label for a in self.arms}


@dataclass(frozen=True)
class _Evidence:
    """What the store holds of a study."""

    study: Study
    trials: Sequence[Trial]
    final: Sequence[Trial]  # whole pairs only
    tests: dict[str, Any]
    curves: dict[str, Rows]


def conclude(study: Study, record: StudyRecord, store: Store) -> Conclusion:
    """Return what the store allows to say.

    Arms without a finished run are left out, and so are seeds that not all the others finished.
    Raises NothingMatchedError where fewer than two arms remain.
    """
    trials = list_trials(store, record.id)
    tests = read_evaluations(store, [t.place.key for t in trials])
    final = {t.place.key: t.record for t in trials if t.place.role == "final"}
    curves = {k: _exact(rows, final[k]) for k, rows in read_curves(store, list(final)).items()}
    failed = tuple(_failure(t) for t in trials if t.record.status == "failed")
    known = _Evidence(study, trials, _complete_seeds(study, trials, tests), tests, curves)
    names = [a.name for a in study.arms if any(t.place.arm == a.name for t in known.final)]
    if len(names) < 2:
        why = f"; {len(failed)} runs failed, first: {failed[0]}" if failed else ""
        raise NothingMatchedError(f"study '{study.name}' has no finished comparison yet{why}")
    target = study.target if study.target is not None else _target(known)
    arms = tuple(_arm(known, name, target) for name in names)
    reference = study.reference if study.reference in names else None
    family = len(arms) - 1 if reference else len(arms) * (len(arms) - 1) // 2
    look = extension_of(study, store, len(arms[0].scores), family)
    basis = basis_of(study, [(a.records, a.tests) for a in arms])
    basis = replace(look.basis, grain=basis.grain) if look else basis
    verdicts = tuple(judge(study, arms, reference, basis))
    seen = Reviewed(
        study, arms, verdicts, _undeclared(record, arms, look), len(failed),
        list_openings(store, record.id), 0 if study.nested else count_openers(store, record),
    )  # fmt: skip
    said = ((f"A study that may be extended: {look.text}.",) if look else ()) + warnings(seen)
    beyond = factorial(study, arms, basis), beside(study, arms), audit(study, arms)
    found = Conclusion(study, record, arms, verdicts, reference, target, said, failed, *beyond)
    return replace(found, extension=look)


def note_look(store: Store, found: Conclusion) -> None:
    """Count a look at the verdicts of a study; one of several declared ones with its spending."""
    scored = sum(len(a.scores) for a in found.arms)
    store.record_look(found.record.id, scored, found.extension)


def _undeclared(record: StudyRecord, arms: Sequence[ArmResult], look: Extension | None) -> int:
    """Return how many looks at fewer or other runs came before; the same runs again are no look.

    Those at a study that had declared its extension spend its error rate and are left out.
    """
    if look is not None:
        return max(record.looks + record.earlier_looks - look.recorded, 0)
    scored = sum(len(a.scores) for a in arms)
    own = record.looks if record.seen not in (0, scored) else 0
    return own + record.earlier_looks


def _failure(trial: Trial) -> str:
    place = trial.place
    return f"{place.arm}, {place.role} run, seed {place.seed}: {trial.record.reason}"


def _complete_seeds(study: Study, trials: Sequence[Trial], tests: dict[str, Any]) -> list[Trial]:
    """Return the final runs of those (tuning, seed) that all arms with any have: whole pairs."""
    wanted = {(k, s) for k in range(study.rounds) for s in study.final_seeds(k)}
    final = [
        t
        for t in trials
        if t.place.role == "final"
        and _unit(t) in wanted
        and t.record.status in ("finished", "diverged")
        and (t.record.status == "diverged" or study.held in tests[t.place.key])
    ]
    by_arm: dict[str, set[tuple[int, int]]] = {}
    for t in final:
        by_arm.setdefault(t.place.arm, set()).add(_unit(t))
    common = set.intersection(*by_arm.values()) if by_arm else set()
    return sorted((t for t in final if _unit(t) in common), key=_unit)


def _unit(trial: Trial) -> tuple[int, int]:
    return trial.place.tuning, trial.place.seed


def _exact(rows: Rows, record: Record) -> Rows:
    """Return a run's epochs with a fraction for a last one that its updates ended within."""
    whole = record.metrics.get("examples_per_epoch")
    if not rows or not whole or rows[-1]["examples"] >= rows[-1]["epoch"] * whole:
        return rows
    return [*rows[:-1], rows[-1] | {"epoch": rows[-1]["examples"] / whole}]


def _target(known: _Evidence) -> float | None:
    """Return the default goal: the median arm's validation accuracy at the end, rounded down."""
    if known.study.metric == "loss":
        return None
    ends: dict[str, list[float]] = {}
    for t in known.final:
        _, heights = _climb(known.curves[t.place.key])
        ends.setdefault(t.place.arm, []).append(heights[-1])
    middle = float(np.median([np.mean(v) for v in ends.values()]))
    return math.floor(100 * middle) / 100 if middle > 0 else None


def _climb(rows: Rows) -> tuple[list[float], list[float]]:
    """Return epochs and validation accuracies; one epoch at 0 where none was measured."""
    measured = [r for r in rows if r["val_accuracy"] is not None]
    if not measured:
        return [1.0], [0.0]
    return [r["epoch"] for r in measured], [r["val_accuracy"] for r in measured]


def _arm(known: _Evidence, name: str, target: float | None) -> ArmResult:
    study, mine = known.study, [t for t in known.final if t.place.arm == name]
    scores = np.array([_score(study, t, known.tests) for t in mine])
    diverged = np.array([t.record.status == "diverged" for t in mine])
    tunings = np.array([t.place.tuning for t in mine])
    choices = tuple(_choice(study, name, k, known.trials) for k in range(study.rounds))
    curves = tuple(known.curves[t.place.key] for t in mine)
    arrivals = _arrivals(curves, target, diverged)
    repeated = scores if study.rounds == 1 else by_tuning(scores, tunings)
    records = tuple(t.record for t in mine)
    tests = tuple(known.tests[t.place.key].get(study.held, {}) for t in mine)
    basis = basis_of(study, [(records, tests)])
    return ArmResult(
        name, choices, tuple(t.place.seed for t in mine), tunings, scores, diverged,
        records, curves, resampled_interval(repeated, basis), arrivals,
        median_time(arrivals) if arrivals else None, _tolerance(study, choices[0]),
        tests,
    )  # fmt: skip


def _score(study: Study, trial: Trial, tests: dict[str, Any]) -> float:
    """Return the test score; a run that never was finite scores as badly as can be."""
    value = tests[trial.place.key].get(study.held, {}).get(study.metric)
    if value is not None and math.isfinite(value):
        return float(value)
    return 1e3 if study.lower_is_better else 0.0


def _choice(study: Study, name: str, tuning: int, trials: Sequence[Trial]) -> Choice:
    arm = study.arm(name)
    found = [
        (
            t.place.trial,
            Score(
                tuple((r.name, value_of(decode(t.record.spec), r)) for r in arm.space),
                t.place.key,
                score_of(study, t.record.metrics),
                t.record.status == "diverged",
                int(decode(t.record.spec).get("updates") or t.record.epochs),
            ),
        )
        for t in trials
        if t.place.arm == name
        and t.place.role == "tuning"
        and t.place.tuning == tuning
        and t.record.status in ("finished", "diverged")
    ]
    return choose(study, arm, tuning, over_folds(study, found))


def _arrivals(curves: Sequence[Rows], target: float | None, diverged: np.ndarray) -> Reached | None:
    if target is None:
        return None
    climbs = [_climb(rows) for rows in curves]
    return time_to_target(
        [epochs for epochs, _ in climbs],
        [heights for _, heights in climbs],
        target,
        diverged=diverged.tolist(),
    )


def _tolerance(study: Study, choice: Choice) -> Tolerance | None:
    trials = comparable(study, choice.trials)
    rates = [dict(t.values).get("optimizer.lr") for t in trials]
    if len(rates) < 3 or None in rates or study.lower_is_better:
        return None
    scores = [float("nan") if t.diverged else t.score for t in trials]
    if not np.isfinite(scores).any():
        return None
    return tolerance([float(r) for r in rates if r is not None], scores)


def judge(
    study: Study, arms: Sequence[Judged], reference: str | None, basis: Basis | None = None
) -> list[Verdict]:
    """Return the verdicts of a study: over seeds, or over tunings or outer folds if several."""
    scores, lost = units(arms, study.rounds)
    return compare_arms(
        scores,
        reference=reference,
        diverged=lost,
        margin=study.margin,
        level=basis or Basis(),
        lower_is_better=study.lower_is_better,
    )
