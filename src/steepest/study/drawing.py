"""Trials that are drawn without looking at any score: a balanced grid, and points at random."""

import math
from collections.abc import Sequence
from itertools import product

import numpy as np

from steepest.seeds import stream
from steepest.study.space import Range, Values, line

PATIENCE = 100  # draws for each trial that is wanted or known
DENSE = 4  # as many values as this times the trials: they are listed and shuffled


def grid(space: Sequence[Range], trials: int) -> list[Values]:
    """Return all combinations of evenly spaced values, at most `trials` of them.

    The ranges get numbers of values as equal as the budget allows, earlier ones the larger; a list
    of choices never more than it has.

    >>> rate = Range("optimizer.lr", 0.01, 1.0, log=True)
    >>> [dict(v)["batch_size"] for v in grid([rate, Range("batch_size", choices=(32, 64))], 5)]
    [32, 64, 32, 64]
    """
    counts = _balanced([min(r.size, trials) for r in space], trials)
    lines = [line(r, count) for r, count in zip(space, counts, strict=True)]
    return [tuple(pair for values in row for pair in values) for row in product(*lines)]


def _balanced(most: Sequence[float], trials: int) -> list[int]:
    """Return how many values each range gets: their product is at most `trials`."""
    counts = [1] * len(most)
    while True:
        order = sorted(range(len(most)), key=lambda i: counts[i])  # stable: earlier ones first
        for i in order:
            larger = math.prod(counts) // counts[i] * (counts[i] + 1)
            if counts[i] < most[i] and larger <= trials:
                counts[i] += 1
                break
        else:
            return counts


def uniform(
    space: Sequence[Range], count: int, generator: np.random.Generator, but: Sequence[Values] = ()
) -> list[Values]:
    """Return `count` different trials at random, none of `but`; fewer where no more are left."""
    size = math.prod(r.size for r in space)
    if size <= DENSE * (count + len(but)):
        rows = product(*(_all(r) for r in space))
        left = [v for row in rows if (v := _named(space, row)) not in but]
        return [left[i] for i in generator.permutation(len(left))[:count]]
    found: dict[Values, None] = {}
    for _ in range(PATIENCE * (count + len(but))):  # rounding may leave few different values
        if len(found) == count:
            break
        shares = generator.random(len(space)).tolist()
        values = _named(space, [r.at(s) for r, s in zip(space, shares, strict=True)])
        if values not in but:
            found[values] = None
    return list(found)


def scatter(space: Sequence[Range], count: int, tuning: int) -> list[Values]:
    """Return the first `count` trials at random of a tuning: the same for every arm and search."""
    return uniform(space, count, stream(tuning, "search", "random"))


def _all(one: Range) -> list[object]:
    whole = range(round(one.low), round(one.high) + 1)
    return list(one.choices) if one.choices else list(whole)


def _named(space: Sequence[Range], row: Sequence[object]) -> Values:
    return tuple((r.name, value) for r, value in zip(space, row, strict=True))
