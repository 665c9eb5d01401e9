import numpy as np
import pytest
from scipy import stats

from steepest.seeds import stream
from steepest.stats.power import (
    critical,
    detectable,
    equivalence_power,
    equivalence_size,
    power,
    sample_size,
)


@pytest.mark.parametrize("n", [3, 5, 10, 30, 300])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 6, 0.05 / 21])
def test_power_is_the_noncentral_t_tail(n, alpha):
    """Power agrees with scipy's noncentral t distribution."""
    c = critical(n, alpha)
    assert c == pytest.approx(stats.t.ppf(1 - alpha / 2, n - 1))
    for shift in (0.0, 1.0, c, c + 2.0):
        expected = stats.nct.sf(c, n - 1, shift)
        assert power(shift / np.sqrt(n), 1.0, n, alpha) == pytest.approx(expected, abs=1e-5)


def test_power_agrees_with_simulation():
    """The share of simulated studies that find a planted difference is the predicted one."""
    n, size, R = 8, 0.9, 20_000
    x = stream(0, "power").normal(size, 1.0, size=(n, R))
    t = x.mean(axis=0) / (x.std(axis=0, ddof=1) / np.sqrt(n))
    assert (t > critical(n, 0.05)).mean() == pytest.approx(power(size, 1.0, n), abs=0.01)


def test_the_textbook_sample_size():
    """Half a standard deviation needs 34 pairs (Cohen 1988; 80 %, two-sided 5 %)."""
    assert sample_size(0.5, 1.0) == 34


@pytest.mark.parametrize("difference", [0.2, 0.7, 3.0])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_the_sample_size_is_the_smallest_with_that_power(difference, alpha):
    """That many pairs reach the power wanted, one fewer do not."""
    n = sample_size(difference, 1.0, alpha)
    assert power(difference, 1.0, n, alpha) >= 0.8
    assert power(difference, 1.0, n - 1, alpha) < 0.8


@pytest.mark.parametrize("n", [2, 3, 10, 200])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 21])
def test_the_detectable_difference_has_that_power(n, alpha):
    """`detectable` inverts `power`."""
    assert power(detectable(2.5, n, alpha), 2.5, n, alpha) == pytest.approx(0.8, abs=1e-9)


def test_equivalence_power_agrees_with_simulation():
    """The share of simulated intervals inside the margin is the predicted one."""
    n, R, margin = 12, 20_000, 1.2
    for truth in (0.0, 0.5):
        x = stream(0, "equivalence", str(truth)).normal(truth, 1.0, size=(n, R))
        half = critical(n, 0.05) * x.std(axis=0, ddof=1) / np.sqrt(n)
        inside = (np.abs(x.mean(axis=0)) + half < margin).mean()
        assert inside == pytest.approx(equivalence_power(truth, 1.0, n, margin), abs=0.012)


def test_the_equivalence_size_is_the_smallest_with_that_power():
    """That many pairs show equivalence with 80 %, one fewer do not; beyond the margin none do."""
    n = equivalence_size(0.1, 1.0, 0.5)
    assert equivalence_power(0.1, 1.0, n, 0.5) >= 0.8
    assert equivalence_power(0.1, 1.0, n - 1, 0.5) < 0.8
    assert equivalence_size(0.5, 1.0, 0.5) is None


def test_degenerate_studies():
    """No difference has no sample size, one pair finds nothing, no spread hides nothing."""
    assert sample_size(0.0, 1.0) is None
    assert sample_size(1e-9, 1.0) is None
    assert power(1.0, 1.0, 1) == equivalence_power(0.0, 1.0, 1, 1.0) == 0.0
    assert detectable(1.0, 1) == np.inf
    assert detectable(0.0, 5) == 0.0
    assert power(0.1, 0.0, 2) == equivalence_power(0.1, 0.0, 2, 0.2) == 1.0
