"""Measurements from a confusion matrix equal scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics

from steepest.train.measure import Measure, confusion, stability


def _pairs(seed, classes, missing):
    generator = np.random.default_rng(seed)
    true, predicted = generator.integers(0, classes, (2, 200))
    keep = ~np.isin(true, missing)
    return true[keep], predicted[keep]


@pytest.mark.parametrize("missing", [(), (1,), (0, 4)])
@pytest.mark.parametrize("never", [(), (2,), (0,)])
@pytest.mark.parametrize("seed", range(5))
def test_macro_averages_equal_scikit_learns(seed, missing, never):
    """Precision, recall, F1, per class and macro, with zero_division=0; classes may be absent."""
    true, predicted = _pairs(seed, 5, missing)
    predicted = np.where(np.isin(predicted, never), 3, predicted)
    counts = confusion(true, predicted, 5)
    ours = Measure(0.0, len(true), counts)
    labels = np.unique(np.concatenate([true, predicted]))
    theirs = metrics.precision_recall_fscore_support(
        true, predicted, labels=labels, zero_division=0
    )
    for mine, oracle in zip(
        (ours.class_precision, ours.class_recall, ours.class_f1), theirs[:3], strict=True
    ):
        assert mine[labels] == pytest.approx(oracle, abs=1e-15)
    macro = metrics.precision_recall_fscore_support(
        true, predicted, average="macro", zero_division=0
    )
    assert (ours.precision, ours.recall, ours.f1) == pytest.approx(macro[:3], abs=1e-15)
    assert ours.accuracy == metrics.accuracy_score(true, predicted)


def test_the_confusion_counts_true_by_predicted():
    true, predicted = _pairs(0, 4, ())
    assert np.array_equal(
        confusion(true, predicted, 4), metrics.confusion_matrix(true, predicted, labels=range(4))
    )


def test_a_regression_has_only_a_loss():
    measure = Measure(0.5, 3)
    assert measure.plain() == {"loss": 0.5, "examples": 3}
    assert np.isnan([measure.accuracy, measure.precision, measure.recall, measure.f1]).all()


def test_plain_values_name_the_classes():
    found = Measure(0.1, 4, np.array([[1, 1], [0, 2]])).plain(("cat", "dog"))
    assert found["class_accuracy"] == {"cat": 0.5, "dog": 1.0}
    assert found["confusion"] == [[1, 1], [0, 2]]


def test_stability_is_the_deviation_of_changes_over_the_last_half():
    """A straight line is perfectly stable; the first half does not count."""
    assert stability([0.9, 0.1, 0.5, 0.6, 0.7, 0.8]) == pytest.approx(0.0, abs=1e-12)
    zigzag = [0, 0, 0, 0, 0.5, 0.6, 0.5, 0.6]
    assert stability(zigzag) == pytest.approx(np.std([0.1, -0.1, 0.1]))
    assert np.isnan([stability([]), stability([0.5]), stability([0.5, 0.6, 0.7])]).all()
