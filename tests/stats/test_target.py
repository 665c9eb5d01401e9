import numpy as np
import pytest
from scipy import stats

from steepest.errors import UsageError
from steepest.seeds import stream
from steepest.stats.interval import mean_interval
from steepest.stats.target import (
    Reached,
    median_time,
    reached_curve,
    restricted_mean,
    time_to_target,
)


def censored_sample(n=30):
    rng = stream(0, "censored", n)
    need, watched = rng.integers(1, 15, size=n), rng.integers(3, 15, size=n)
    return Reached(tuple(map(float, np.minimum(need, watched))), tuple(map(bool, need <= watched)))


def test_the_first_time_at_the_target_counts():
    """A metric that reaches, falls and reaches again counts from the first time; nan never does."""
    found = time_to_target(
        [[1, 2, 3, 4], [1, 2, 3]], [[0.1, 0.9, 0.2, 0.95], [np.nan, 0.8, 0.9]], 0.9
    )
    assert found == Reached((2.0, 3.0), (True, True))


def test_for_a_loss_the_target_is_reached_from_above():
    """With lower_is_better the metric has to fall to the target."""
    found = time_to_target([[10, 20, 30]], [[2.0, 1.0, 0.5]], 1.0, lower_is_better=True)
    assert found == Reached((20.0,), (True,))


def test_a_run_that_stops_early_is_censored_and_a_diverged_one_never_arrives():
    """Censored runs keep how long they were watched; a diverged run is watched for ever."""
    found = time_to_target(
        [[1, 2], [1, 2], [1, 2]], [[0.1, 0.2], [0.1, np.nan], [0.5, 0.6]], 0.5, diverged=[0, 1, 0]
    )
    assert found == Reached((2.0, np.inf, 1.0), (False, False, True))


def test_the_share_reached_is_scipys_kaplan_meier():
    """The curve is one minus scipy's survival function of right-censored data."""
    runs = censored_sample()
    times, reached = np.array(runs.times), np.array(runs.reached)
    theirs = stats.ecdf(stats.CensoredData(uncensored=times[reached], right=times[~reached])).sf
    ours = reached_curve(runs)
    assert 0 < (~reached).sum() < len(reached)
    assert ours.share[0] == 0.0
    assert np.asarray(ours.share) == pytest.approx(1 - theirs.evaluate(np.asarray(ours.times)))


def test_dropping_censored_runs_would_flatter():
    """The share reached with the censored runs is below the share without them."""
    runs = censored_sample()
    kept = Reached(tuple(np.array(runs.times)[list(runs.reached)]), (True,) * sum(runs.reached))
    whole, flattering = (np.array(reached_curve(r).times) for r in (runs, kept))
    shares, flattered = (np.array(reached_curve(r).share) for r in (runs, kept))
    for time in (3.0, 5.0, 8.0):
        assert shares[whole <= time][-1] < flattered[flattering <= time][-1]


def test_the_median_without_censoring_is_the_middle_value():
    """Of odd many runs that all arrive, the median is the middle time."""
    found = median_time(Reached((5.0, 1.0, 4.0, 2.0, 3.0, 7.0, 6.0), (True,) * 7))
    assert (found.median, found.low, found.high, found.text) == (4.0, 1.0, 7.0, "4")


def test_the_median_is_not_reached_when_most_runs_are_censored():
    """More than half censored: the median and its high end are infinite, and said in words."""
    found = median_time(Reached((1.0, 2.0, *[9.0] * 8), (True, True, *[False] * 8)))
    assert (found.median, found.low, found.high) == (np.inf, 2.0, np.inf)
    assert found.text == "not reached"


def test_few_runs_cannot_bound_a_median():
    """With five runs no order statistics hold a median with 95 %."""
    found = median_time(Reached((1.0, 2.0, 3.0, 4.0, 5.0), (True,) * 5))
    assert (found.median, found.low, found.high) == (3.0, 0.0, np.inf)


@pytest.mark.parametrize("n", [6, 10, 25])
def test_the_interval_of_the_median_covers_it(n):
    """At least 95 % of intervals hold the true median, with a fifth of the runs censored early."""
    rng = stream(0, "median", n)
    held = []
    for _ in range(1500):
        need, watched = rng.exponential(1.0, n), rng.exponential(4.0, n)
        runs = Reached(tuple(np.minimum(need, watched)), tuple(need <= watched))
        found = median_time(runs)
        held.append(found.low <= np.log(2) <= found.high)
    assert np.mean(held) >= 0.945


def test_the_restricted_mean_is_the_mean_where_nobody_stops_early():
    """With a common horizon it is the mean of min(time, horizon), with that mean's interval."""
    runs = Reached((1.0, 5.0, 3.0, 8.0, 8.0, np.inf), (True, True, True, False, False, False))
    found, plain = restricted_mean(runs, 8.0), mean_interval([1.0, 5.0, 3.0, 8.0, 8.0, 8.0])
    assert (found.mean, found.low, found.high) == pytest.approx((plain.mean, plain.low, plain.high))


def test_the_restricted_mean_is_the_kaplan_meier_area():
    """Where runs stop early it is near the area under the curve, and above what censoring hides."""
    runs = censored_sample()
    curve = reached_curve(runs)
    edges = np.append(np.array(curve.times)[np.array(curve.times) < 10], 10.0)
    left = 1 - np.array(curve.share)[: len(edges) - 1]
    found = restricted_mean(runs, 10.0)
    assert found.mean == pytest.approx(left @ np.diff(edges), rel=0.01)
    assert found.mean > np.minimum(runs.times, 10.0).mean()


def test_one_run_has_a_time_without_an_interval():
    """One run gives its own time and infinite ends."""
    found = restricted_mean(Reached((3.0,), (True,)), 8.0)
    assert (found.mean, found.low, found.high) == (3.0, -np.inf, np.inf)
    assert reached_curve(Reached((3.0,), (False,))).share == (0.0,)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: time_to_target([[1]], [[1], [2]], 0.5), "1 runs have times, 2 a metric"),
        (lambda: time_to_target([[1, 2]], [[1]], 0.5), "run 0 has times"),
        (lambda: median_time(Reached((), ())), "0 times of 0 runs"),
        (lambda: restricted_mean(censored_sample(), np.inf), "horizon is inf"),
    ],
)
def test_bad_input_gets_one_clear_message(call, words):
    """Runs that do not fit together are refused with a sentence."""
    with pytest.raises(UsageError, match=words):
        call()
