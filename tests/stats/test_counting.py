"""Scores that are counts over a test set of known size: rounding is the least that is believed."""

import numpy as np
import pytest

from steepest.seeds import stream
from steepest.stats.compare import compare_arms
from steepest.stats.factorial import Scale, Table, level_means, main_effects
from steepest.stats.interval import mean_band, mean_interval, paired_interval
from steepest.stats.resample import Basis, resampled_interval


def test_equal_counts_are_known_to_their_rounding_only():
    """Three perfect scores of 100 examples each: an interval, at any n, and no equivalence."""
    basis = Basis(grain=0.01)
    found = resampled_interval([1.0, 1.0, 1.0], basis)
    half = 4.302653 * 0.01 / 12**0.5 / 3**0.5
    assert (found.low, found.high) == pytest.approx((1 - half, 1 + half))
    (verdict,) = compare_arms({"a": [1.0] * 3, "b": [1.0] * 3}, level=basis)
    assert verdict.word == "not distinguishable"
    assert verdict.high == pytest.approx(half * 2**0.5)
    (many,) = compare_arms({"a": [1.0] * 30, "b": [1.0] * 30}, level=basis)
    assert many.word == "equivalent"
    folds = resampled_interval([1.0] * 5, Basis(ratio=0.25, grain=0.01))
    assert folds.low < 1 < folds.high
    drop = paired_interval([1.0] * 3, [1.0] * 3, least=basis.least)
    assert drop.high == pytest.approx(half * 2**0.5)


def test_many_equal_counts_are_not_resampled():
    """From twenty values on the bootstrap would show a point; columns that spread keep it."""
    x = stream(0, "counting").normal(0.9, 0.05, (30, 2))
    x[:, 1] = 0.9
    low, high = mean_band(x, least=0.001)
    alone = mean_interval(x[:, 0])
    assert (low[0], high[0]) == (alone.low, alone.high)
    assert low[1] < 0.9 < high[1]
    assert mean_interval(x[:, 1], least=0.001).method == "Student t"
    assert mean_interval(x[:, 1]).low == 0.9


@pytest.mark.parametrize(("n", "examples"), [(2, 100), (3, 100), (3, 36)])
def test_ceilings_are_seldom_called_equivalent(n, examples):
    """True accuracies at the margin's two ends, where most runs score 100 %: at most 2.5 %."""
    margin, draw, studies = 0.5 / examples, stream(0, "ceiling", n, examples), 2000
    true = 1 - 0.2 / examples
    wrong = 0
    for _ in range(studies):
        a = draw.binomial(examples, true, n) / examples
        b = draw.binomial(examples, true - margin, n) / examples
        (verdict,) = compare_arms({"a": a, "b": b}, margin=margin, level=Basis(grain=1 / examples))
        wrong += verdict.word == "equivalent"
    assert wrong / studies <= 0.025


def test_effects_and_means_of_levels_have_the_floor():
    """Averages over two combinations round by less than single scores."""
    cells = {(a, b): np.ones(3) for a in "01" for b in "xy"}
    table = Table((("f", ("0", "1")), ("g", ("x", "y"))), cells)
    basis = Basis(grain=0.01)
    (effect, _) = main_effects(table, Scale(basis=basis))
    half = effect.verdict.high * 3**0.5 / 6.205347  # t of 2 degrees at 1 − 0.05 / 4
    assert half == pytest.approx(0.01 / 6**0.5 / 2**0.5)
    one = level_means(table, 0, 1, basis)["0", "x"]
    assert one.low < 1 < one.high
    assert level_means(table, 0, 1)["0", "x"].low == 1
