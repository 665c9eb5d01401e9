"""A diverged run keeps its last finite score and loses its pair."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest.stats.compare import compare_arms


def judge(a, b, lost_a=(), lost_b=(), **more):
    n = len(a)
    masks = {
        "a": [i in lost_a for i in range(n)],
        "b": [i in lost_b for i in range(n)],
    }
    return compare_arms({"a": a, "b": b}, diverged=masks, **more)[0]


def test_a_diverged_run_loses_its_pair_even_with_the_higher_score():
    """Its last finite score never counts above its partner's."""
    found = judge([0.9, 0.9, 0.9, 0.9], [0.8, 0.8, 0.8, 0.8], lost_a=[0])
    assert found.superiority == 3 / 4
    assert found.delta == pytest.approx(0.3 / 4)
    assert (found.diverged_a, found.diverged_b) == (1, 0)


def test_a_diverged_run_keeps_a_score_below_its_partners():
    """The last finite score enters the difference where it is the lower one."""
    found = judge([0.1, 0.9, 0.9], [0.8, 0.8, 0.8], lost_a=[0])
    assert found.delta == pytest.approx((-0.7 + 0.1 + 0.1) / 3)


def test_two_diverged_runs_tie():
    """Where both diverge, neither wins and the difference is 0."""
    found = judge([0.5, 0.9], [0.1, 0.9], lost_a=[0], lost_b=[0])
    assert (found.superiority, found.delta) == (0.5, 0.0)
    assert (found.diverged_a, found.diverged_b) == (1, 1)


def test_an_arm_that_wins_half_its_pairs_is_not_better():
    """Half the runs diverged: the t interval alone would say better, the pairs do not."""
    a, b = np.full(20, 0.95), np.full(20, 0.90)
    a[:10] += np.linspace(0, 0.001, 10)
    found = judge(a, b, lost_a=range(10, 20))
    assert found.delta > 0.02
    assert (found.word, found.low, found.p) == ("not distinguishable", 0.0, 1.0)
    mirrored = judge(b, a, lost_b=range(10, 20))
    assert (mirrored.word, mirrored.high, mirrored.p) == ("not distinguishable", 0.0, 1.0)


def test_an_arm_that_wins_most_pairs_may_be_better_despite_a_divergence():
    """One of twenty runs diverged without a worse score; the arm is still better."""
    a = 0.95 + np.linspace(0, 0.001, 20)
    assert judge(a, np.full(20, 0.90), lost_a=[3]).word == "better"


@pytest.mark.parametrize("side", ["lost_a", "lost_b"])
def test_an_arm_that_diverged_is_not_equivalent(side):
    """A pair lost by divergence widens the interval to the margin."""
    a = 0.9 + np.linspace(0, 1e-4, 10)
    b = a[::-1].copy()
    assert judge(a, b).word == "equivalent"
    found = judge(a, b, **{side: [2]})
    assert found.word == "not distinguishable"
    assert (found.low == -0.005) == (side == "lost_a")
    assert (found.high == 0.005) == (side == "lost_b")
    assert found.more_seeds is None or found.more_seeds >= 1


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2, 25),
    shift=st.sampled_from([0.0, 0.002, 0.02]),
    spread=st.sampled_from([0.0, 0.001, 0.01]),
    rate=st.sampled_from([0.1, 0.5, 0.9]),
    lower=st.booleans(),
)
def test_word_and_interval_agree_under_divergence(seed, n, shift, spread, rate, lower):
    """Whatever diverged, the interval shown says what the word says, and no more."""
    rng = np.random.default_rng(seed)
    a, b = shift + spread * rng.normal(size=n), spread * rng.normal(size=n)
    lost_a, lost_b = (np.flatnonzero(rng.random(n) < rate) for _ in range(2))
    v = judge(a, b, lost_a, lost_b, lower_is_better=lower)
    better_end = -v.high if lower else v.low
    worse_end = -v.low if lower else v.high
    assert (v.word == "better") == (better_end > 0)
    assert (v.word == "worse") == (worse_end < 0)
    assert (v.p < 0.05) == (v.word in {"better", "worse"})
    if v.word == "better" and v.diverged_a:
        assert v.superiority > 0.5
    if v.word == "equivalent":
        assert set(lost_a) == set(lost_b)
        assert v.small
