"""How fine a score can be: shares of examples are counts, and so are their means over runs."""

from collections.abc import Iterable
from math import sqrt

from steepest.study.claim import MEASURES


def grain_of(metric: str, examples: Iterable[int | None], runs: int = 1) -> float:
    """Return the distance of neighbouring values of a metric; 0 for one that is no share.

    `examples` are how many each run was measured on, None where it was not; the fewest count. A
    mean over `runs` of them rounds less, by the root of their number: the errors of rounding are
    independent. Precision, recall and F1 averaged over classes change by about as much as accuracy
    when a single example changes its class.

    >>> grain_of("accuracy", [100]), grain_of("loss", [100])
    (0.01, 0.0)
    """
    _, share = MEASURES[metric]
    counts = [count for count in examples if count]
    return 1 / (min(counts) * sqrt(runs)) if share and counts else 0.0
