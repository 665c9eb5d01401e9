"""Trials and claims over folds: one score a trial, one basis for the verdicts of a study."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from steepest.stats.resample import Basis
from steepest.study.design import Study
from steepest.study.grain import grain_of
from steepest.study.protocol import Score
from steepest.study.record import Record


def over_folds(study: Study, scored: Iterable[tuple[int, Score]]) -> list[Score]:
    """Return one score for every trial (its number, the score of one fold): the mean of its folds.

    A trial that lacks a fold is left out, as is a failed one; it has diverged where a fold did. Its
    key is that of its first fold.
    """
    by_trial: dict[int, list[Score]] = {}
    for trial, score in scored:
        by_trial.setdefault(trial, []).append(score)
    wanted = len(study.folds_of(0))
    return [_mean(folds) for folds in by_trial.values() if len(folds) == wanted]


def _mean(folds: Sequence[Score]) -> Score:
    if len(folds) == 1:
        return folds[0]
    mean = float(np.mean([s.score for s in folds]))
    return replace(folds[0], score=mean, diverged=any(s.diverged for s in folds))


def ratio_of(study: Study, records: Sequence[Record], tests: Sequence[Mapping[str, Any]]) -> float:
    """Return test over training examples of a nested study's runs; 0 where none is nested."""
    if not study.nested:
        return 0.0
    trained = [r.metrics.get("examples_per_epoch") for r in records]
    tested = [t.get("examples") for t in tests]
    pairs = [(a, b) for a, b in zip(tested, trained, strict=True) if a and b]
    if not pairs:  # all diverged at once
        return 1 / (study.nested - 1)
    return float(np.mean([a for a, _ in pairs]) / np.mean([b for _, b in pairs]))


def basis_of(
    study: Study, finals: Sequence[tuple[Sequence[Record], Sequence[Mapping[str, Any]]]]
) -> Basis:
    """Return what verdicts rest on, from the (records, tests) of arms: the least training data."""
    tested = (test.get("examples") for _, tests in finals for test in tests)
    return Basis(
        ratio=max(ratio_of(study, *final) for final in finals),
        grain=grain_of(study.metric, tested, study.seeds if study.rounds > 1 else 1),
    )
