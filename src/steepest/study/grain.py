"""How fine a score can be: shares of examples are counts, and so are their means over runs."""

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import Any

from steepest.study.claim import MEASURES


def grain_of(metric: str, parts: Sequence[Mapping[str, Any]], runs: int = 1) -> float:
    """Return the distance of neighbouring values of a metric; 0 for one that is no share.

    `parts` are the measurements of runs, each with its number of examples; the fewest count. A mean
    over `runs` of them rounds as coarsely as a count over `runs` times as many examples would, but
    for the square root: their rounding errors are independent. Precision, recall and F1 averaged
    over classes change by about as much as accuracy when a single example changes its class.

    >>> grain_of("accuracy", [{"examples": 100}]), grain_of("loss", [{"examples": 100}])
    (0.01, 0.0)
    """
    _, share = MEASURES[metric]
    counts = list(_counts(parts))
    return 1 / (min(counts) * sqrt(runs)) if share and counts else 0.0


def _counts(parts: Iterable[Mapping[str, Any]]) -> Iterable[int]:
    return (int(p["examples"]) for p in parts if p.get("examples"))
