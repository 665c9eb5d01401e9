"""What a study's design leaves open: unequal work, too few seeds or examples, a reopened test."""

import math
from collections import Counter
from collections.abc import Iterator

import numpy as np

from steepest.stats.power import detectable, sample_size
from steepest.stats.verdict import Verdict
from steepest.study.outcome import ArmResult
from steepest.study.remark import SCOPE, VERDICT, VOID, Remark, Reviewed

FEW = 5  # seeds
ALPHA = 0.05  # of all comparisons of a study at once
MOST = 1_000  # seeds; more than this is no advice
UNEQUAL = 1.1  # ratio of updates, or of examples, from which it is remarked on
NORMAL = 1.96  # half the width of a 95 % interval in standard errors


def design(seen: Reviewed) -> Iterator[Remark]:
    """Yield remarks on the study's design, from what its runs took and what they could find."""
    yield from _work(seen)
    yield from _seeds(seen)
    yield from _openings(seen)
    yield from _examples(seen)


def _mean(arm: ArmResult, name: str) -> float | None:
    values = [getattr(r, name) for r in arm.records if r.status == "finished"]
    known = [float(v) for v in values if v]
    return float(np.mean(known)) if known else None


def _work(seen: Reviewed) -> Iterator[Remark]:
    """Remark on unequal numbers of updates, or of examples where the updates are equal."""
    for name, word in (("updates", "updates"), ("examples", "training examples")):
        counts = {a.name: c for a in seen.arms if (c := _mean(a, name)) is not None}
        if len(counts) < 2:
            return
        most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
        ratio = counts[most] / counts[least]
        if ratio < UNEQUAL:
            continue
        yield Remark(
            VERDICT,
            f"The arms did not train equally long: {most} took {ratio:.3g} times the {word} of "
            f"{least} ({counts[most]:,.0f} against {counts[least]:,.0f} a run){_why(seen)}. What "
            "separates them may be the work, not the method.",
        )
        return


def _why(seen: Reviewed) -> str:
    stopped = [bool(r.metrics.get("stopped")) for a in seen.arms for r in a.records]
    if any(stopped):
        return f"; {sum(stopped)} of {len(stopped)} runs stopped early"
    passes = {r.metrics.get("epochs") for a in seen.arms for r in a.records}
    return ", at equal epochs" if len(passes) == 1 else ""


def _seeds(seen: Reviewed) -> Iterator[Remark]:
    """Remark on too few seeds, with the difference that could have been found."""
    several = "outer folds" if seen.study.nested else "tunings"
    repeated = several if seen.study.rounds > 1 else "seeds"
    n = seen.study.rounds if seen.study.rounds > 1 else len(seen.arms[0].scores)
    if n == 1:
        yield Remark(VOID, f"1 {repeated[:-1]} is few: no difference can be told from luck.")
        return
    open_ones = [v for v in seen.verdicts if v.word == "not distinguishable"]
    known = [v for v in open_ones or seen.verdicts if math.isfinite(v.detectable)]
    if not known:
        return
    size, margin = float(np.median([v.detectable for v in known])), seen.study.margin
    found = (
        f"a true difference of {seen.amount(size)} would be found in four of five such studies, a "
        "smaller one less often"
    )
    if n < FEW:
        yield Remark(VERDICT, f"{n} {repeated} are few: {found}.")
    elif open_ones and margin and size > margin and not seen.study.nested:
        more = _needed(known[0], size, margin)
        would = f"about {more:,}" if more and more <= MOST else "no practical number of"
        yield Remark(
            SCOPE,
            f"{n} {repeated} do not resolve the margin of {seen.amount(margin)} (undecided: "
            f"{len(open_ones)} of {len(seen.verdicts)} comparisons): {found}; "
            f"{would} {repeated} would.",
        )


def _needed(verdict: Verdict, size: float, margin: float) -> int | None:
    """Return how many pairs find a difference of `margin`, from the `size` that these could find.

    At the level of a study's only look: what an early look spends is no measure of a longer study.
    """
    spread = size / detectable(1.0, verdict.n, (1 - verdict.level) / verdict.family)
    return sample_size(margin, spread, ALPHA / verdict.family)


def _openings(seen: Reviewed) -> Iterator[Remark]:
    """Remark on runs whose test set was opened again, and on other studies of the same one."""
    counts = Counter(o.key for o in seen.openings if o.split == "test")
    again = sum(n > 1 for n in counts.values())
    if again:
        times = sorted(o.time[:16].replace("T", " ") for o in seen.openings)
        yield Remark(
            VOID,
            f"The test set was opened more than once for {again} of {len(counts)} runs (first "
            f"{times[0]}, last {times[-1]} UTC): what was changed in between was changed knowing "
            "its scores, unless the first run was interrupted.",
        )
    if seen.others:
        count = "another study" if seen.others == 1 else f"{seen.others} other studies"
        yield Remark(
            SCOPE,
            f"The test set of the same data was opened by {count} in this store: to pick among "
            "studies by these scores is to select on the test set.",
        )


def _examples(seen: Reviewed) -> Iterator[Remark]:
    """Remark on a validation set whose accuracy is coarser than the margin asked for."""
    many = any(len(a.choices[0].trials) > 1 for a in seen.arms if a.choices)
    if not seen.points or not many or seen.study.folds:  # folds: all examples validate
        return
    parts = [r.metrics.get("validation") or {} for a in seen.arms for r in a.records]
    known = [(p["examples"], p["accuracy"]) for p in parts if p.get("examples")]
    if not known:
        return
    n, accuracy = (float(np.median([row[k] for row in known])) for k in (0, 1))
    half = NORMAL * math.sqrt(max(accuracy * (1 - accuracy), 0.0) / n)
    if half > 2 * seen.study.margin > 0:
        yield Remark(
            SCOPE,
            f"Tuning chose by {n:,.0f} validation examples, whose accuracy of "
            f"{100 * accuracy:.1f} % is known to ±{100 * half:.1f} points only: trials closer than "
            f"that are chosen among by luck, and the margin asked for is "
            f"{seen.amount(seen.study.margin)}.",
        )
