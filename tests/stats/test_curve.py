import itertools

import numpy as np
import pytest

from steepest.errors import UsageError
from steepest.seeds import stream
from steepest.stats.curve import expected_best, tolerance


def test_the_width_is_measured_between_the_crossings():
    """A parabola in log10(lr), finely sampled, is within 5 % over its exact width."""
    place = np.linspace(-4, 0, 401)
    found = tolerance(10**place, 1 - 0.2 * (place + 2) ** 2)
    assert found.decades == pytest.approx(1.0, abs=1e-3)
    assert (found.low, found.high) == pytest.approx((10**-2.5, 10**-1.5), rel=1e-3)
    assert found.best_rate == pytest.approx(0.01)
    assert (found.best_at_boundary, found.open_low, found.open_high) == (False,) * 3


def test_order_does_not_matter_and_repeats_are_averaged():
    """Seeds of one rate count as their mean."""
    found = tolerance([1.0, 0.1, 0.01, 0.1], [0.5, 0.9, 0.5, 1.1])
    assert found == tolerance([0.01, 0.1, 1.0], [0.5, 1.0, 0.5])
    assert found.decades == pytest.approx(0.2)


def test_for_a_loss_the_best_is_the_smallest():
    """Within 5 % of the smallest loss."""
    found = tolerance([0.01, 0.1, 1.0], [2.0, 1.0, 1.1], lower_is_better=True)
    assert found.best_rate == 0.1
    assert found.decades == pytest.approx(0.05 + 0.5)


def test_the_best_at_an_end_is_flagged():
    """Where the best or its stretch touches the rates tried, the width is only a lower bound."""
    found = tolerance([0.01, 0.1, 1.0], [0.5, 0.9, 1.0])
    assert (found.best_at_boundary, found.open_low, found.open_high) == (True, False, True)
    inner = tolerance([0.01, 0.1, 1.0], [0.5, 1.0, 0.99])
    assert (inner.best_at_boundary, inner.open_high, inner.high) == (False, True, 1.0)


def test_nothing_is_added_next_to_a_diverged_trial():
    """A diverged neighbour has no score to interpolate to."""
    found = tolerance([0.01, 0.1, 1.0], [0.95, 1.0, np.nan])
    assert found.decades == pytest.approx(1.0)
    assert (found.low, found.high, found.open_high) == (0.01, 0.1, False)
    alone = tolerance([0.01, 0.1, 1.0], [np.nan, 1.0, np.inf])
    assert alone.decades == 0.0


def test_separate_stretches_are_summed_and_the_best_one_is_named():
    """Two peaks count both; low and high are those of the higher one."""
    found = tolerance([1e-4, 1e-3, 1e-2, 1e-1], [0.96, 0.5, 1.0, 0.5])
    single = tolerance([1e-3, 1e-2, 1e-1], [0.5, 1.0, 0.5])
    assert found.decades == pytest.approx(single.decades + 0.01 / 0.46)
    assert (found.low, found.high) == (single.low, single.high)


def test_the_expected_best_is_the_mean_over_all_draws():
    """It equals the average best over every sequence of k draws with replacement."""
    scores = [0.3, 0.9, 0.5, 0.7]
    for k, value in enumerate(expected_best(scores)[:3], start=1):
        draws = [max(draw) for draw in itertools.product(scores, repeat=k)]
        assert value == pytest.approx(np.mean(draws))


def test_the_expected_best_rises_from_the_mean_towards_the_best():
    """One trial is worth the mean; more are worth more; for a loss it falls."""
    scores = stream(0, "trials").normal(size=30)
    rising = expected_best(scores)
    assert rising[0] == pytest.approx(scores.mean())
    assert (np.diff(rising) > 0).all()
    assert rising[-1] < scores.max()
    assert expected_best(-scores, lower_is_better=True) == pytest.approx(-rising)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tolerance([0.1], [np.nan]), "every trial diverged"),
        (lambda: tolerance([0.0, 0.1], [0.5, 0.5]), "rates are above 0"),
        (lambda: tolerance([0.1, 0.2], [0.5, -0.5]), "scores are not below it"),
        (lambda: tolerance([0.1, 0.2], [0.5]), "each rate needs one score"),
        (lambda: expected_best([[0.1]]), "one axis of trials"),
        (lambda: expected_best([np.nan]), "last finite score"),
    ],
)
def test_bad_input_gets_one_clear_message(call, words):
    """Trials that make no sense are refused with a sentence."""
    with pytest.raises(UsageError, match=words):
        call()
