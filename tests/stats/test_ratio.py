"""Ratios: exact where they must be, unbounded where nothing bounds them, and they cover."""

import numpy as np
import pytest

from steepest.errors import UsageError
from steepest.seeds import stream
from steepest.stats.ratio import mean_ratio, time_ratio
from steepest.stats.target import Reached

ALL = (True, True, True)


def test_an_exact_multiple_is_its_ratio():
    """Halves in every pair: the interval is a point, whatever a is."""
    a = np.array([3.0, 5.0, 4.0, 8.0])
    found = mean_ratio(a, a / 2)
    assert (found.mean, found.low, found.high) == pytest.approx((2, 2, 2))


def test_a_denominator_that_may_be_zero_bounds_nothing():
    found = mean_ratio([1.0, 1.1, 0.9], [0.5, -0.4, 0.1])
    assert (found.low, found.high) == (-np.inf, np.inf)
    assert mean_ratio([1.0], [2.0]).high == np.inf
    with pytest.raises(UsageError, match="equal lengths"):
        mean_ratio([1.0, 2.0], [1.0])


def test_fiellers_interval_covers():
    """Of 2,000 samples of 6 correlated pairs, 95 % hold the true ratio, within 3 errors."""
    generator = np.random.default_rng(5)
    shared = generator.normal(size=(2000, 6))
    a = 3 + 0.3 * shared + 0.2 * generator.normal(size=shared.shape)
    b = 2 + 0.3 * shared + 0.2 * generator.normal(size=shared.shape)
    ends = [mean_ratio(x, y) for x, y in zip(a, b, strict=True)]
    covered = np.mean([e.low <= 1.5 <= e.high for e in ends])
    assert abs(covered - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 2000)


def test_equal_times_are_known_to_one_unit_only():
    """Three pairs of 8 and 4 epochs: twice as long, but not exactly twice."""
    found = time_ratio(Reached((8.0,) * 3, ALL), Reached((4.0,) * 3, ALL))
    assert found.exact
    assert found.mean == pytest.approx(2)
    assert 1.5 < found.low < 2 < found.high < 2.6
    finer = time_ratio(Reached((8.0,) * 3, ALL), Reached((4.0,) * 3, ALL), steps=(0.01, 0.01))
    assert 1.99 < finer.low < 2 < finer.high < 2.01


def test_pairs_of_one_tuning_are_one_value():
    """Ten seeds of each of five tunings, whose luck they share: about 5 % are decided wrongly."""
    units, wrong, studies = np.repeat(np.arange(5), 10), {False: 0, True: 0}, 400
    draw = stream(0, "tunings of times")
    for _ in range(studies):
        luck, noise = draw.normal(0, 0.3, (2, 5)), draw.normal(0, 0.1, (2, 50))
        slow, fast = (
            Reached(tuple(50 * np.exp(k[units] + e)), (True,) * 50)
            for k, e in zip(luck, noise, strict=True)
        )
        for by_tuning in wrong:
            found = time_ratio(slow, fast, steps=(1, 1), units=units if by_tuning else None)
            wrong[by_tuning] += not found.low <= 1 <= found.high
    assert wrong[True] / studies < 0.08
    assert wrong[False] / studies > 0.3
    assert found.n == 5


def test_a_run_that_did_not_arrive_opens_one_end():
    """The slow one: at least so many times; the fast one: at most; both: anything."""
    slow = Reached((10.0, 10.0, 10.0), (True, False, True))
    fast = Reached((2.0, 2.0, 2.5), ALL)
    open_above = time_ratio(slow, fast)
    assert open_above.low > 2
    assert open_above.high == np.inf
    assert not open_above.exact
    late = Reached((10.0, 10.0, 10.0), (True, True, False))
    open_below = time_ratio(Reached((2.0, 2.0, 2.5), ALL), late)
    assert open_below.low == 0
    assert open_below.high < 0.5
    both = time_ratio(slow, late)
    assert (both.low, both.high) == (0, np.inf)


def test_a_diverged_run_is_watched_as_long_as_any():
    found = time_ratio(Reached((np.inf, 9.0), (False, True)), Reached((3.0, 3.0), (True, True)))
    assert found.mean == pytest.approx(3)
    assert found.high == np.inf
