"""What a careful reviewer would remark about a study, in sentences, the gravest first."""

from collections.abc import Iterator, Sequence

from steepest.study.caution_design import design
from steepest.study.caution_learning import learning
from steepest.study.outcome import ArmResult
from steepest.study.remark import PLACE, SCOPE, VERDICT, VOID, Remark, Reviewed, listed


def warnings(seen: Reviewed) -> tuple[str, ...]:
    """Return remarks, sorted by how much of the study they put in question."""
    found = [*_results(seen), *learning(seen), *design(seen), *_search(seen)]
    return tuple(r.text for r in sorted(found, key=lambda remark: -remark.weight))


def _results(seen: Reviewed) -> Iterator[Remark]:
    there = {a.name for a in seen.arms}
    gone = [a.name for a in seen.study.arms if a.name not in there]
    if gone:
        has = "has" if len(gone) == 1 else "have"
        text = f"{', '.join(gone)} {has} no finished final run and cannot be compared."
        yield Remark(VOID, text)
    if seen.study.reference in gone:
        text = f"Without the reference {seen.study.reference} all pairs are compared."
        yield Remark(VOID, text)
    if seen.failed:
        text = f"{seen.failed} run(s) failed; seeds that not every arm finished are left out."
        yield Remark(VOID, text)
    if seen.looks > 0:
        yield Remark(
            VOID,
            f"This study was extended after {seen.looks} look(s) at its verdicts; if it was "
            "extended because of what they showed, its error rate is larger than stated.",
        )
    for arm in seen.arms:
        if arm.diverged.any():
            lost = f"{int(arm.diverged.sum())} of {len(arm.scores)} runs of {arm.name} diverged"
            yield Remark(VERDICT, f"{lost}; they lose their pairs.")


def _search(seen: Reviewed) -> Iterator[Remark]:
    """Remark on the search: unequal budgets, edges, trials lost, a single tuning."""
    counts = {a.name: len(a.choices[0].trials) for a in seen.arms}
    if len(set(counts.values())) > 1:
        numbers = ", ".join(f"{name} {n}" for name, n in counts.items())
        text = f"The arms had unequal numbers of tuning trials: {numbers}."
        yield Remark(VERDICT, text)
    yield from _edges(seen)
    yield from _lost_trials(seen.arms)
    if seen.study.rounds == 1 and any(a.choices[0].values for a in seen.arms):
        yield Remark(
            SCOPE,
            "Each arm was tuned once, so the verdicts compare tuned cells, not optimizers in "
            "general; --tunings 5 repeats the tuning and speaks of the optimizers.",
        )


def _edges(seen: Reviewed) -> Iterator[Remark]:
    """Name the arms whose best trial lies at the edge of a range, those of the same range once."""
    by_range: dict[str, list[str]] = {}
    for arm in seen.arms:
        names = sorted({n for c in arm.choices for n in c.boundary})
        if names:
            short = ", ".join(n.partition(".")[2] or n for n in names)
            by_range.setdefault(short, []).append(arm.name)
    advice = "." if seen.study.widen else ". Repeat with --widen."
    for short, arms in by_range.items():
        best = "best trial" if len(arms) == 1 else "best trials"
        lies = "lies at the edge of its" if len(arms) == 1 else "lie at the edges of their"
        yield Remark(
            PLACE,
            f"The {best} of {listed(arms)} {lies} searched range ({short}): a wider range may do "
            f"better{advice}",
        )


def _lost_trials(arms: Sequence[ArmResult]) -> Iterator[Remark]:
    """Count the tuning trials that diverged: the infeasible part of what was searched."""
    found = []
    for arm in arms:
        trials = [t for c in arm.choices for t in c.trials]
        lost = sum(t.diverged for t in trials)
        found += [f"{arm.name} {lost} of {len(trials)}"] if lost else []
    if found:
        text = f"Tuning trials that diverged, which counts as worst: {', '.join(found)}."
        yield Remark(SCOPE, text)
