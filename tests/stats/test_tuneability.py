"""The typical best of k trials, and the interval that holds for any distribution."""

import math

import numpy as np
import pytest

from steepest.errors import UsageError
from steepest.seeds import stream
from steepest.stats.tuneability import quantile_places, typical_best


def test_the_median_is_that_of_all_subsets():
    """Every subset of k of the trials counted: half of them reach the value at least."""
    from itertools import combinations

    scores = [0.3, 0.9, 0.1, 0.7, 0.5, 0.6]
    for found in typical_best(scores, 6):
        bests = sorted(max(c) for c in combinations(scores, found.trials))
        assert found.value == bests[(len(bests) - 1) // 2]


def test_more_trials_never_cost():
    """The value and both ends rise with k; past what n trials can bound there is no upper end."""
    found = typical_best(stream(0, "t").random(16), 16)
    values = [t.value for t in found]
    lows = [t.low for t in found]
    assert values == sorted(values)
    assert lows == sorted(lows)
    assert [t.high is None for t in found] == [k > 3 for k in range(1, 17)]


def test_lower_is_better_is_the_mirror():
    scores = [0.3, 0.9, 0.1, 0.7, 0.5, 0.6, 0.2, 0.8]
    up, down = typical_best(scores, 8), typical_best([-s for s in scores], 8, lower_is_better=True)
    assert [t.value for t in up] == [-t.value for t in down]
    assert [(t.low, t.high) for t in up if t.high] == [
        (-t.high, -t.low) for t in down if t.low is not None
    ]


def test_diverged_trials_count_as_worst():
    """Half of the trials diverged: one trial alone is as likely to be lost."""
    found = typical_best([math.nan, 0.5, math.nan, 0.6], 4)
    assert found[0].value == -math.inf
    assert found[3].value == 0.6


@pytest.mark.parametrize("kind", ["smooth", "cliff"])
def test_intervals_cover_the_median_best(kind):
    """Of 1,000 searches with 16 trials at least 95 % at every k, whatever the distribution."""
    generator, seen = stream(1, "cover", kind), np.zeros(16)
    for _ in range(1000):
        place = generator.random(16)
        scores = place if kind == "smooth" else np.where(place < 0.4, 0.1, 0.9 + place / 100)
        for t in typical_best(scores, 16):
            q = 0.5 ** (1 / t.trials)
            truth = q if kind == "smooth" else 0.1 if q < 0.4 else 0.9 + q / 100
            seen[t.trials - 1] += t.low <= truth and (t.high is None or truth <= t.high)
    assert seen.min() >= 0.95 * 1000


def test_a_quantile_needs_enough_values():
    """Five values cannot bound their median with 95 %; six can."""
    assert quantile_places(5, 0.5) == (None, None)
    assert quantile_places(6, 0.5) == (0, 5)


@pytest.mark.parametrize("most", [0, 4])
def test_no_more_trials_than_there_are(most):
    with pytest.raises(UsageError, match=r"typical_best of . trials from scores of shape \(3,\)"):
        typical_best([0.1, 0.2, 0.3], most)
