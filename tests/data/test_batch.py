"""Splits, folds, orders and batches."""

import numpy as np
import pytest

from steepest.data.batch import batches, folds, order, some, split
from steepest.errors import UsageError
from steepest.seeds import stream

SIZES = (100, 37, 10, 3, 2, 1)
LABELS = stream(0, "labels").permutation(np.repeat(np.arange(len(SIZES)), SIZES))


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.2, 1 / 3, 0.5, 0.9])
def test_split_is_stratified_and_complete(fraction):
    """A class of c gives floor or ceil of c * fraction, at least one each side if c >= 2."""
    train, validation = split(LABELS, fraction, seed=3)
    assert np.array_equal(np.sort(np.concatenate([train, validation])), np.arange(len(LABELS)))
    assert train.dtype == validation.dtype == np.int64
    assert (np.diff(train) > 0).all()
    assert (np.diff(validation) > 0).all()
    counts = np.bincount(LABELS[validation], minlength=len(SIZES))
    for size, count in zip(SIZES, counts, strict=True):
        low, high = int(np.floor(size * fraction)), int(np.ceil(size * fraction))
        assert min(max(low, 1), size - 1) <= count <= max(high, 1)
        assert size == 1 or 0 < count < size


def test_a_smaller_data_set_is_stratified():
    """So many examples in all, other ones with another seed; as many as there are: all."""
    chosen = some(LABELS, 60, seed=3)
    assert len(np.unique(chosen)) == 60
    counts = np.bincount(LABELS[chosen], minlength=len(SIZES))
    assert (abs(counts - 60 * np.array(SIZES) / sum(SIZES)) < 1).all()
    assert some(LABELS, 60, seed=4).tolist() != chosen.tolist()
    assert some(LABELS, len(LABELS), seed=3).tolist() == list(range(len(LABELS)))
    with pytest.raises(UsageError, match="examples = 154: the data set has 153 training examples"):
        some(LABELS, 154, seed=3)


def test_split_has_the_exact_size_when_classes_allow():
    """Largest remainders bring the total to round(n * fraction)."""
    y = np.repeat(np.arange(7), 13)
    for fraction in (0.1, 0.15, 0.25, 0.31):
        assert len(split(y, fraction, seed=0)[1]) == round(len(y) * fraction)


def test_split_depends_on_the_seed_alone_and_is_not_the_last_rows():
    """One seed gives one split, another seed another; sorted labels do not matter."""
    y = np.repeat(np.arange(4), 50)
    first, again, other = (split(y, 0.2, seed)[1] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.min() < 50
    assert not np.array_equal(first[y[first] == 3], np.arange(190, 200))


def test_split_of_float_targets_is_plain():
    """Targets without classes are drawn at random, to the exact number."""
    y = stream(0, "y").random((50, 2)).astype(np.float32)
    train, validation = split(y, 0.3, seed=0)
    assert (len(train), len(validation)) == (35, 15)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_split_refuses_a_fraction_outside(fraction):
    with pytest.raises(UsageError, match="between 0 and 1"):
        split(LABELS, fraction, seed=0)


def test_split_refuses_an_empty_side():
    """Two classes of one example each cannot be split, nor can one float target."""
    with pytest.raises(UsageError, match="held-out side empty"):
        split(np.array([0, 1]), 0.5, seed=0)
    with pytest.raises(UsageError, match="empty"):
        split(np.array([0.5], np.float32), 0.5, seed=0)


@pytest.mark.parametrize("k", [2, 3, 5, 10])
def test_folds_partition_and_balance(k):
    """Every example validates once; folds, and classes within folds, differ by at most one."""
    pairs = folds(LABELS, k, seed=1)
    assert np.array_equal(np.sort(np.concatenate([v for _, v in pairs])), np.arange(len(LABELS)))
    counts = np.array([np.bincount(LABELS[v], minlength=len(SIZES)) for _, v in pairs])
    assert np.ptp(counts, axis=0).max() <= 1
    assert np.ptp(counts.sum(axis=1)) <= 1
    for train, validation in pairs:
        assert not np.intersect1d(train, validation).size
        assert len(train) + len(validation) == len(LABELS)


def test_folds_vary_with_seed_and_repeat():
    first, repeated, other = folds(LABELS, 3, 0), folds(LABELS, 3, 0, repeat=1), folds(LABELS, 3, 1)
    assert not np.array_equal(first[0][1], repeated[0][1])
    assert not np.array_equal(first[0][1], other[0][1])


@pytest.mark.parametrize("k", [0, 1, 154])
def test_folds_refuse_a_wrong_number(k):
    with pytest.raises(UsageError, match="folds of 153"):
        folds(LABELS, k, seed=0)


def test_order_is_a_permutation_of_its_own_for_each_epoch():
    first, again, next_epoch = order(100, 0, 1), order(100, 0, 1), order(100, 0, 2)
    assert np.array_equal(np.sort(first), np.arange(100))
    assert first.dtype == np.int64
    assert np.array_equal(first, again)
    assert not np.array_equal(first, next_epoch)


def test_balanced_order_draws_classes_equally_and_examples_equally():
    """With classes of 900, 90 and 10, each is drawn a third of the time, within 4 sigma."""
    y = stream(1, "y").permutation(np.repeat([0, 1, 2], [900, 90, 10]))
    draws = np.concatenate([order(1000, 0, epoch, balanced_labels=y) for epoch in range(30)])
    share = np.bincount(y[draws]) / len(draws)
    assert np.abs(share - 1 / 3).max() < 4 * np.sqrt(2 / 9 / len(draws))
    rare = np.bincount(draws, minlength=1000)[y == 2]
    assert np.abs(rare - 1000).max() < 4 * np.sqrt(1000)


def test_balanced_order_refuses_other_lengths():
    with pytest.raises(UsageError, match="3 labels to balance 4"):
        order(4, 0, 0, balanced_labels=np.array([0, 1, 1]))


@pytest.mark.parametrize(
    ("n", "batch_size", "expected"),
    [(128, 64, (2, 0)), (130, 64, (2, 2)), (5, 64, (0, 5)), (7, 1, (7, 0)), (9, "full", (1, 0))],
)
def test_batches_drop_nothing(n, batch_size, expected):
    full, tail = batches(n, batch_size)
    assert (full, tail) == expected
    assert (n if batch_size == "full" else full * batch_size + tail) == n


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "all", True, None])
def test_batches_refuse_a_wrong_size(batch_size):
    with pytest.raises(UsageError, match="batch_size must be"):
        batches(10, batch_size)
