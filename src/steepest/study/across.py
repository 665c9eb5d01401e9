"""What several problems say together of the same arms: ranks, profiles, robust means, tests."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from steepest.errors import NothingMatchedError
from steepest.stats.across import Contest, contests, fewest_problems, mean_ranks, stratified_iqm
from steepest.stats.compare import pairs_of
from steepest.stats.interval import Array, Interval
from steepest.study.conclusion import Conclusion
from steepest.study.cross import basis_of
from steepest.study.outcome import ArmResult, units
from steepest.study.problem import Problems


@dataclass(frozen=True, eq=False)
class Across:
    """All a summary says of several problems; arms are those that finished on every problem."""

    problems: Problems
    labels: tuple[str, ...]  # of the problems that have a finished comparison
    found: tuple[Conclusion, ...]  # one a problem
    arms: tuple[str, ...]
    reference: str | None
    means: Mapping[str, Array]  # arm -> (P,) mean test scores
    iqm: Mapping[str, Interval]
    ranks: Mapping[str, float]
    contests: tuple[Contest, ...]
    costs: Mapping[str, Mapping[str, Array]]  # what is spent -> arm -> (P,), smaller is better
    notes: tuple[str, ...]

    @property
    def lower_is_better(self) -> bool:
        """Tell whether a smaller metric is a better one."""
        return self.found[0].study.lower_is_better


def summarize(problems: Problems, found: Mapping[str, Conclusion]) -> Across:
    """Return the summary of `found`: problem -> conclusion.

    Raises NothingMatchedError where fewer than two problems, or arms on all of them, are there.
    """
    labels = tuple(label for label in problems.labels if label in found)
    if len(labels) < 2:
        raise NothingMatchedError(
            f"study '{problems.name}': {len(labels)} of {len(problems.labels)} problems have a "
            "finished comparison; a summary needs two"
        )
    conclusions = tuple(found[label] for label in labels)
    arms = tuple(a.name for a in problems.studies[0].arms if _is_everywhere(a.name, conclusions))
    if len(arms) < 2:
        raise NothingMatchedError(
            f"study '{problems.name}': fewer than two arms finished on every problem"
        )
    study = problems.studies[0]
    reference = study.reference if study.reference in arms else None
    lower = study.lower_is_better
    scores = [_scores(c, arms) for c in conclusions]
    means = {arm: np.array([s[i].mean() for s in scores]) for i, arm in enumerate(arms)}
    wide = max(_widening(c) for c in conclusions)
    middle = stratified_iqm([_scaled(s, lower) for s in scores], wide=wide)
    iqm = dict(zip(arms, middle, strict=True))

    def gap_of(a: str, b: str) -> Array:
        return np.array([_gap(c, a, b) for c in conclusions])

    tests = tuple(contests(means, reference=reference, lower_is_better=lower, gap_of=gap_of))
    return Across(
        problems, labels, conclusions, arms, reference, means, iqm,
        mean_ranks(means, lower_is_better=lower), tests, _costs(conclusions, arms, means),
        (*_notes(problems, labels, arms, tests), *_diverged(labels, conclusions, arms)),
    )  # fmt: skip


def _is_everywhere(arm: str, found: Sequence[Conclusion]) -> bool:
    return all(any(a.name == arm for a in c.arms) for c in found)


def _result(found: Conclusion, arm: str) -> ArmResult:
    return next(a for a in found.arms if a.name == arm)


def _scores(found: Conclusion, arms: Sequence[str]) -> Array:
    """Return test scores (S, n) of one problem, n seeds or tunings."""
    scores, _ = units([_result(found, arm) for arm in arms], found.study.rounds)
    return np.stack([scores[arm] for arm in arms])


def _gap(found: Conclusion, a: str, b: str) -> float:
    """Return a − b on one problem, the mean over pairs; a diverged run wins none of its own."""
    scores, lost = units([_result(found, a), _result(found, b)], found.study.rounds)
    sign = -1.0 if found.study.lower_is_better else 1.0
    return sign * float(pairs_of(scores, lost, [(a, b)], sign).gain.mean())


def _widening(found: Conclusion) -> float:
    """Return how much wider a problem's folds make an interval, which share training data."""
    if not found.study.nested:
        return 1.0
    basis = basis_of(found.study, [(a.records, a.tests) for a in found.arms])
    return basis.widening(found.study.rounds)


def _scaled(scores: Array, lower_is_better: bool) -> Array:
    """Return losses relative to the problem's mean over arms: losses have a scale each."""
    return scores / scores.mean() if lower_is_better else scores


def _costs(
    found: Sequence[Conclusion], arms: Sequence[str], means: Mapping[str, Array]
) -> dict[str, dict[str, Array]]:
    """Return what performance profiles are drawn of: errors, and epochs to the target if known.

    No error at all counts as half the smallest error there is: a ratio to nothing is undefined.
    """
    lower = found[0].study.lower_is_better
    errors = {arm: values if lower else 1 - values for arm, values in means.items()}
    positive = [float(e) for values in errors.values() for e in values if e > 0]
    least = min(positive, default=1.0) / 2
    costs = {"loss" if lower else "error": {a: np.maximum(v, least) for a, v in errors.items()}}
    medians = {arm: [_result(c, arm).median for c in found] for arm in arms}
    if all(m is not None for row in medians.values() for m in row):
        times = {
            arm: np.array([m.median if math.isfinite(m.median) else np.inf for m in row if m])
            for arm, row in medians.items()
        }
        costs["epochs to the target"] = times
    return costs


def _notes(
    problems: Problems, labels: Sequence[str], arms: Sequence[str], tests: Sequence[Contest]
) -> list[str]:
    said = []
    missing = [label for label in problems.labels if label not in labels]
    if missing:
        said.append(f"No finished comparison on {', '.join(missing)}; the summary is without.")
    gone = [a.name for a in problems.studies[0].arms if a.name not in arms]
    if gone:
        said.append(f"{', '.join(gone)} did not finish on every problem and stands in no summary.")
    if not tests[0].is_decidable:
        need = fewest_problems(len(tests), tests[0].level)
        said.append(
            f"{len(labels)} problems cannot decide across problems: the smallest p that "
            f"{len(tests)} comparison{'s' if len(tests) > 1 else ''} on them can give is "
            f"{tests[0].least:.2g}, above {1 - tests[0].level:.2g}. {need} problems at least would "
            "be needed, and more if the same arm does not lead on all of them."
        )
    return said


def _diverged(
    labels: Sequence[str], found: Sequence[Conclusion], arms: Sequence[str]
) -> Iterator[str]:
    """Say which arms had runs that diverged: they win no pair, but count in means and ranks."""
    for arm in arms:
        where = [n for n, c in zip(labels, found, strict=True) if _result(c, arm).diverged.any()]
        if where:
            yield (
                f"Runs of {arm} diverged on {', '.join(where)}: they win no comparison; means, "
                "ranks and profiles hold the last score that was finite."
            )
