import numpy as np
import pytest
from scipy import stats

from steepest.errors import UsageError
from steepest.seeds import stream
from steepest.stats import interval
from steepest.stats.interval import bca, mean_band, mean_interval, paired_interval, student_t


def sample(n, *names):
    return stream(0, "interval", n, *names).gamma(3.0, size=n)


@pytest.mark.parametrize("n", [2, 5, 19])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_below_twenty_values_the_interval_is_student_t(n, level):
    """Below n = 20 the interval equals scipy's t interval of the mean."""
    x = sample(n)
    found = mean_interval(x, level)
    ends = stats.ttest_1samp(x, 0).confidence_interval(level)
    assert found.method == "Student t"
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), rel=1e-12)


@pytest.mark.parametrize("n", [20, 60])
def test_bca_without_the_expansion_is_scipys(n):
    """At the normal quantile our BCa ends equal scipy.stats.bootstrap's up to resampling noise."""
    x = sample(n)
    theirs = stats.bootstrap(
        (x,), np.mean, n_resamples=30_000, rng=np.random.default_rng(1), vectorized=True
    ).confidence_interval
    weights = interval._weights(n)
    low, high = interval._bca_ends(x[:, None], weights, stats.norm.ppf(0.975))
    noise = 0.03 * (theirs.high - theirs.low)
    assert low[0] == pytest.approx(theirs.low, abs=noise)
    assert high[0] == pytest.approx(theirs.high, abs=noise)


def test_bca_is_as_wide_as_t_and_leans_to_the_long_tail():
    """On right-skewed data the BCa interval reaches further up than down, unlike Student's t."""
    x = stream(0, "lean").gamma(1.0, size=40)
    found, (low, high) = mean_interval(x), student_t(x[:, None], 0.95)
    assert found.method == "BCa bootstrap"
    assert found.high - found.mean > 1.1 * (found.mean - found.low)
    assert found.high - found.low == pytest.approx(float(high[0] - low[0]), rel=0.15)


def test_bca_is_deterministic_and_the_same_alone_or_among_others():
    """Columns do not influence each other, and a second call gives the same bits."""
    x = stream(0, "columns").normal(size=(25, 70))
    low, high = mean_band(x)
    again = mean_band(x)
    assert (low == again[0]).all()
    assert (high == again[1]).all()
    alone = [mean_interval(x[:, i]) for i in (0, 69)]
    assert [a.low for a in alone] == pytest.approx([low[0], low[69]], rel=1e-12)


def test_bca_moves_with_the_data():
    """Shifting and scaling the values shifts and scales the interval."""
    x = sample(30)[:, None]
    low, high = bca(x, 0.9)
    assert bca(2 * x - 7, 0.9)[0] == pytest.approx(2 * low - 7, rel=1e-9)
    assert bca(-x, 0.5)[0] == pytest.approx(-bca(x, 0.5)[1], rel=5e-3)
    assert (low < x.mean()).all()
    assert (x.mean() < high).all()


def test_resampling_weights_are_means_of_n_draws():
    """Every row of weights sums to 1 in steps of 1 / n, and values enter equally often."""
    weights = interval._weights(20)
    assert weights.shape == (interval.RESAMPLES, 20)
    assert np.allclose(weights.sum(axis=1), 1)
    assert np.allclose(weights * 20, np.round(weights * 20))
    assert weights.mean(axis=0) == pytest.approx(np.full(20, 1 / 20), rel=0.05)


def test_one_value_has_an_infinite_interval():
    """One run says nothing of the spread."""
    found = mean_interval([0.7])
    assert (found.mean, found.low, found.high, found.n) == (0.7, -np.inf, np.inf, 1)


@pytest.mark.parametrize("n", [2, 3, 19, 20, 50])
def test_equal_values_are_a_point_without_rounding(n):
    """Zero variance gives the value itself at both ends, to the last bit."""
    found = mean_interval([0.1] * n)
    assert (found.mean, found.low, found.high) == (0.1, 0.1, 0.1)


@pytest.mark.parametrize("n", [2, 12, 20, 35])
def test_a_paired_difference_is_student_t_at_every_size(n):
    """The paired interval equals scipy's paired t interval, also from n = 20 on."""
    a, b = sample(n, "a"), sample(n, "b")
    ends = stats.ttest_rel(a, b).confidence_interval(0.95)
    found = paired_interval(a, b)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), rel=1e-12)
    assert found.mean == pytest.approx(a.mean() - b.mean())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mean_interval([]), "no values"),
        (lambda: mean_interval([0.1, np.nan]), r"index \[1\] is not finite"),
        (lambda: mean_interval([[0.1], [0.2]]), "mean_band"),
        (lambda: mean_interval([0.1, 0.2], level=95), "between 0 and 1"),
        (lambda: paired_interval([1.0, 2.0], [1.0]), "equal lengths"),
    ],
)
def test_bad_input_gets_one_clear_message(call, words):
    """What no interval can hold is refused with a sentence."""
    with pytest.raises(UsageError, match=words):
        call()
