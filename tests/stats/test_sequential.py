"""Looks that share an error rate: published bounds, and counts by simulation."""

import numpy as np
import pytest
from scipy.special import ndtri, stdtrit

from steepest.errors import UsageError
from steepest.stats.compare import compare_arms
from steepest.stats.resample import Basis
from steepest.stats.sequential import Ahead, looks, spending

PUBLISHED = {  # Lan-DeMets bounds of O'Brien-Fleming kind, two-sided 5 %: Jennison & Turnbull 2000
    (0.5, 1.0): (2.963, 1.969),
    (0.2, 0.4, 0.6, 0.8, 1.0): (4.877, 3.357, 2.680, 2.290, 2.031),
}


@pytest.mark.parametrize("fractions", PUBLISHED)
def test_bounds_are_the_published_ones(fractions):
    found = [float(-ndtri(look.nominal / 2)) for look in looks(fractions)]
    assert found == pytest.approx(PUBLISHED[fractions], abs=2e-3)


@pytest.mark.parametrize("fractions", [(0.5, 1.0), (0.1, 0.3, 0.35, 1.0), (0.25, 0.5, 0.75)])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 6])
def test_all_looks_together_spend_what_they_may(fractions, alpha):
    """A sum of gains without any difference crosses some bound as often as was to be spent."""
    t = np.array(fractions)
    steps = np.sqrt(np.diff(t, prepend=0.0))
    z = (np.random.default_rng(1).standard_normal((200_000, len(t))) * steps).cumsum(1) / np.sqrt(t)
    found = looks(fractions, alpha)
    bound = np.array([-ndtri(look.nominal / 2) for look in found])
    share = float((np.abs(z) > bound).any(axis=1).mean())
    assert share == pytest.approx(spending(fractions[-1], alpha), abs=4 * (alpha / 2e5) ** 0.5)
    assert found[-1].spent == pytest.approx(spending(fractions[-1], alpha))


def test_one_look_at_everything_is_no_stricter_than_ever():
    (look,) = looks([1.0])
    assert look.nominal == pytest.approx(0.05)


@pytest.mark.parametrize("wrong", [(0.5, 0.5), (0.6, 0.4), (0.0, 1.0), (0.5, 1.5)])
def test_fractions_grow_up_to_one(wrong):
    with pytest.raises(UsageError, match="growing fractions"):
        looks(wrong)


def test_advice_at_an_early_look_is_for_the_level_of_a_later_one():
    """So many more seeds decide with 80 % power at their own look; the early level asks for more.

    Held against simulated extensions, whose gains have the mean and spread that were seen.
    """
    gain = np.array([0.0, 0.02, 0.005, 0.015, 0.0])
    early = looks([5 / 40])[0].nominal
    scores = {"a": 0.8 + gain, "b": np.full(5, 0.8)}
    strict = compare_arms(scores, margin=0.0, level=Basis(1 - early))[0]
    ahead = Basis(1 - early, ahead=Ahead((5,), 40, 0.05))
    found = compare_arms(scores, margin=0.0, level=ahead)[0]
    assert found.word == strict.word == "not distinguishable"
    assert 1 < found.more_seeds < strict.more_seeds
    n = 5 + found.more_seeds
    level = 1 - looks([5 / 40, n / 40])[-1].nominal
    drawn = np.random.default_rng(0).normal(gain.mean(), gain.std(ddof=1), (4000, n))
    half = -stdtrit(n - 1, (1 - level) / 2) * drawn.std(axis=1, ddof=1) / np.sqrt(n)
    assert 0.78 < float((drawn.mean(axis=1) > half).mean()) < 0.9
    none = Basis(1 - early, ahead=Ahead((5,), 6, 0.05))
    assert compare_arms(scores, margin=0.0, level=none)[0].more_seeds is None
