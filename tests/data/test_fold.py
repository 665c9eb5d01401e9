"""Folds by name: what they parse to, which rows they hold."""

import numpy as np
import pytest

from steepest.data import Fold, all_folds
from steepest.errors import UsageError

LABELS = np.repeat([0, 1, 2], [30, 20, 10])


def test_the_folds_of_a_deal_hold_every_example_once():
    """They are disjoint, stratified, and together all there is."""
    held = [fold.rows(LABELS)[1] for fold in all_folds(5)]
    assert sorted(np.concatenate(held).tolist()) == list(range(60))
    for fold, rows in zip(all_folds(5), held, strict=True):
        assert np.bincount(LABELS[rows]).tolist() == [6, 4, 2]
        assert not set(fold.rows(LABELS)[0]) & set(rows)


def test_a_repeat_deals_anew_and_the_same_name_holds_the_same_rows():
    first, again = Fold(5, 1), Fold(5, 1, repeat=1)
    assert first.rows(LABELS)[1].tolist() == Fold.parse("1/5").rows(LABELS)[1].tolist()
    assert first.rows(LABELS)[1].tolist() != again.rows(LABELS)[1].tolist()


@pytest.mark.parametrize("text", ["", "5", "0/5", "6/5", "1/1", "1/5@", "a/b", 3, None])
def test_what_is_no_fold_is_refused(text):
    with pytest.raises(UsageError, match="fold"):
        Fold.parse(text)
