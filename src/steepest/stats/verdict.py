"""A verdict: what the statistics allow one to say of two arms, and its one plain sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Literal

Word = Literal["better", "worse", "equivalent", "not distinguishable"]


@dataclass(frozen=True)
class Verdict:
    """What may be said of arm `a` against arm `b`; scores and differences in the metric's own unit.

    The interval and the word say the same: "better" and "worse" mean that it excludes 0,
    "equivalent" that it includes 0 and lies inside ±margin, "not distinguishable" neither.
    """

    a: str
    b: str
    word: Word
    delta: float  # mean of a − b over the pairs
    low: float  # simultaneous interval of delta; infinite where n = 1
    high: float
    n: int  # pairs: seeds, or tunings
    p: float  # adjusted for the family; p < 1 − level if and only if better or worse
    superiority: float  # P(a beats b) over the pairs, ties half, a diverged run loses
    detectable: float  # the smallest difference found with 80 % power at the family's level
    more_seeds: int | None  # further pairs that would likely decide; None: decided, or above 1,000
    level: float
    margin: float  # of equivalence
    family: int  # comparisons that share the level
    small: bool  # the interval lies inside ±margin, whatever the word
    diverged_a: int
    diverged_b: int
    method: str


def sentence(
    verdict: Verdict,
    labels: Mapping[str, str] | None = None,
    points: bool = True,
    unit: str = "seeds",
) -> str:
    """Return the verdict as one sentence; `labels` maps arms to the names to show.

    With `points`, scores are fractions and differences are said in points (hundredths).
    `unit` is what was repeated: "seeds" or "tunings".
    """
    names = _names(verdict, labels)
    said = claim(verdict, labels, points)
    text = f"{said}: {amount(verdict.delta, points)} ({_evidence(verdict, points)})"
    return "; ".join([text, *_remarks(verdict, names, points, unit)])


def claim(verdict: Verdict, labels: Mapping[str, str] | None = None, points: bool = True) -> str:
    """Return what the verdict says, without its evidence."""
    a, b = _names(verdict, labels)
    margin = f"±{amount(verdict.margin, points, sign=False)}"
    return {
        "better": f"{a} is better than {b}",
        "worse": f"{a} is worse than {b}",
        "equivalent": f"{a} and {b} are equivalent within {margin}",
        "not distinguishable": f"{a} and {b} are not distinguishable",
    }[verdict.word]


def _names(verdict: Verdict, labels: Mapping[str, str] | None) -> tuple[str, str]:
    names = labels or {}
    return names.get(verdict.a, verdict.a), names.get(verdict.b, verdict.b)


def _evidence(verdict: Verdict, points: bool) -> str:
    if not isfinite(verdict.low):
        return "one pair has no interval"
    low, high = (_number(x, points, sign=False) for x in (verdict.low, verdict.high))
    return f"{100 * verdict.level:g} % interval {low} to {high}, n = {verdict.n}"


def _remarks(verdict: Verdict, names: tuple[str, str], points: bool, unit: str) -> list[str]:
    """Return what the reader should know besides the claim."""
    said = []
    if verdict.small and verdict.word in {"better", "worse"}:
        margin = amount(verdict.margin, points, sign=False)
        said.append(f"less than the ±{margin} that would matter")
    if verdict.word == "not distinguishable" and isfinite(verdict.detectable):
        large = amount(verdict.detectable, points, sign=False)
        said.append(f"this study could have detected {large}")
        if verdict.more_seeds is not None:
            said.append(f"about {verdict.more_seeds} more {unit} would likely decide")
    for name, count in zip(names, (verdict.diverged_a, verdict.diverged_b), strict=True):
        if count:
            said.append(f"{count} of {verdict.n} runs of {name} diverged")
    return said


def amount(value: float, points: bool, sign: bool = True) -> str:
    """Return a difference with its unit: in points (hundredths), or in the metric's own."""
    return _number(value, points, sign) + (" points" if points else "")


def _number(value: float, points: bool, sign: bool = True) -> str:
    plus = "+" if sign else ""
    return f"{100 * value:{plus}.2f}" if points else f"{value:{plus}.3g}"
