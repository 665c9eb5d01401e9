import numpy as np
import pytest
from scipy import stats

from steepest.errors import UsageError
from steepest.seeds import stream
from steepest.stats.aggregate import interquartile_mean, performance_profile, score_profile


@pytest.mark.parametrize("shape", [(1,), (3,), (8,), (5, 7)])
def test_the_interquartile_mean_is_scipys_trimmed_mean(shape):
    """A quarter is cut at each end, as by scipy's trim_mean."""
    scores = stream(0, "iqm").normal(size=shape)
    assert interquartile_mean(scores) == pytest.approx(stats.trim_mean(scores, 0.25, axis=None))


def test_the_score_profile_falls_from_one_to_nothing():
    """All runs score above the lowest threshold, none above the highest."""
    scores = stream(0, "profile").uniform(size=(6, 4))
    share = score_profile(scores, np.linspace(-0.01, 1.0, 30))
    assert (share[0], share[-1]) == (1.0, 0.0)
    assert (np.diff(share) <= 0).all()
    assert score_profile(scores, [0.5]) == pytest.approx([(scores > 0.5).mean()])


def test_the_performance_profile_counts_wins_at_ratio_one():
    """At ratio 1 a solver's share is the problems it is fastest at; at infinity those it solved."""
    costs = [[1.0, 9.0, 3.0, np.inf], [2.0, 3.0, np.inf, np.inf]]
    share = performance_profile(costs, [1.0, 2.0, 3.0, 1e9])
    assert share[0].tolist() == [0.5, 0.5, 0.75, 0.75]
    assert share[1].tolist() == [0.25, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: interquartile_mean([]), "no values"),
        (lambda: score_profile([0.1], [0.5]), "runs, problems"),
        (lambda: performance_profile([1.0], [1.0]), "solvers, problems"),
        (lambda: performance_profile([[0.0]], [1.0]), "above 0"),
        (lambda: performance_profile([[np.nan]], [1.0]), "infinity means not reached"),
    ],
)
def test_bad_input_gets_one_clear_message(call, words):
    """Tables that make no sense are refused with a sentence."""
    with pytest.raises(UsageError, match=words):
        call()
