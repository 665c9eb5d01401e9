"""Looks that share an error rate: published bounds, and counts by simulation."""

import numpy as np
import pytest
from scipy.special import ndtri

from steepest.errors import UsageError
from steepest.stats.sequential import looks, spending

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
