"""What a careful reviewer would remark about a study, in sentences."""

from collections.abc import Iterator, Sequence

import numpy as np

from steepest.study.design import Study
from steepest.study.outcome import ArmResult

FEW = 5  # seeds


def warnings(study: Study, arms: Sequence[ArmResult], looks: int, failed: int) -> Iterator[str]:
    """Yield remarks; `looks` are those that came before this one at fewer or other runs."""
    yield from _missing(study, arms)
    yield from _budget(arms)
    yield from _lost_trials(arms)
    for arm in arms:
        yield from _about(study, arm)
    if study.tunings == 1 and any(a.choices[0].values for a in arms):
        yield (
            "Each arm was tuned once, so the verdicts compare tuned cells, not optimizers in "
            "general; --tunings 5 repeats the tuning and speaks of the optimizers."
        )
    if len(arms[0].scores) < FEW:
        n = len(arms[0].scores)
        count = "1 seed is" if n == 1 else f"{n} seeds are"
        yield f"{count} few; small differences cannot be found."
    if looks > 0:
        yield (
            f"This study was extended after {looks} look(s) at its verdicts; if it was extended "
            "because of what they showed, its error rate is larger than stated."
        )
    if failed:
        yield f"{failed} run(s) failed; seeds that not every arm finished are left out."


def _missing(study: Study, arms: Sequence[ArmResult]) -> Iterator[str]:
    there = {a.name for a in arms}
    gone = [a.name for a in study.arms if a.name not in there]
    if gone:
        has = "has" if len(gone) == 1 else "have"
        yield f"{', '.join(gone)} {has} no finished final run and cannot be compared."
    if study.reference in gone:
        yield f"Without the reference {study.reference} all pairs are compared."


def _budget(arms: Sequence[ArmResult]) -> Iterator[str]:
    """Say where tuning was not the same for all: a short list of choices, or nothing to tune."""
    counts = {a.name: len(a.choices[0].trials) for a in arms}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {n}" for name, n in counts.items())
        yield f"The arms had unequal numbers of tuning trials: {listed}."


def _lost_trials(arms: Sequence[ArmResult]) -> Iterator[str]:
    """Count the tuning trials that diverged: the infeasible part of what was searched."""
    found = []
    for arm in arms:
        trials = [t for c in arm.choices for t in c.trials]
        lost = sum(t.diverged for t in trials)
        found += [f"{arm.name} {lost} of {len(trials)}"] if lost else []
    if found:
        yield f"Tuning trials that diverged, which counts as worst: {', '.join(found)}."


def _about(study: Study, arm: ArmResult) -> Iterator[str]:
    edges = sorted({n for c in arm.choices for n in c.boundary})
    if edges:
        names = ", ".join(n.partition(".")[2] or n for n in edges)
        advice = "." if study.widen else ". Repeat with --widen."
        yield (
            f"The best trial of {arm.name} lies at the edge of its searched range ({names}): "
            f"a wider range may do better{advice}"
        )
    if arm.diverged.any():
        lost = f"{int(arm.diverged.sum())} of {len(arm.scores)} runs of {arm.name} diverged"
        yield f"{lost}; they lose their pairs."
    losses = [[r["val_loss"] for r in rows if r["val_loss"] is not None] for rows in arm.curves]
    falling = [run[-1] < run[-2] for run in losses if len(run) > 1]
    if falling and np.mean(falling) > 0.9:
        yield (
            f"{arm.name} was still improving when training ended: "
            "a longer run may change its place."
        )
