"""A later change wins over an earlier one, however either is written."""

import pytest

from steepest.errors import UsageError
from steepest.part import Part
from steepest.spec import from_plain
from steepest.study.change import is_written, merge


def _rate(plain):
    return from_plain(plain).rule.lr


@pytest.mark.parametrize(
    ("base", "changes", "rate"),
    [
        ({"lr": 0.5}, [("optimizer", "sgd")], 0.5),
        ({"learning_rate": 0.5}, [("optimizer", "sgd(lr=0.1)")], 0.1),
        ({"lr": 0.5}, [("optimizer", "sgd(lr=0.01)")], 0.01),  # the rule's default, but written
        ({"lr": 0.5}, [("optimizer", {"name": "sgd", "lr": 0.1})], 0.1),
        ({"lr": 0.5}, [("optimizer.lr", 0.1)], 0.1),
        ({"lr": 0.5}, [("optimizer.learning-rate", 0.1)], 0.1),
        ({"optimizer": "sgd(lr=0.1)"}, [("lr", 0.5)], 0.5),
        ({"lr": 0.5}, [("optimizer", "sgd(lr=0.1)"), ("lr", 0.2)], 0.2),
        ({"learning_rate": 0.5}, [("lr", 0.2), ("optimizer.lr", 0.3)], 0.3),
        ({"wd": 0.5, "lr": 0.2}, [("optimizer", "sgd(weight_decay=0.1)")], 0.2),
    ],
)
def test_the_last_word_on_the_learning_rate_counts(base, changes, rate):
    """Base, arm and trial may write it in any way; nothing is overruled by an earlier word."""
    assert _rate(merge(base, changes)) == rate


def test_an_option_is_set_in_a_part_of_any_form():
    """Text, call, table and part take an option; the others stay."""
    forms = ("adam", "adam(beta1=0.8)", {"name": "adam", "beta1": 0.8}, Part("adam"))
    for before in forms:
        made = merge({"optimizer": before}, [("optimizer.eps", 1e-5)])["optimizer"]
        assert made["name"] == "adam"
        assert made["eps"] == 1e-5
        assert made.get("beta1") == (0.8 if "0.8" in str(before) else None)
    assert merge({}, [("model.hidden", [3])])["model"] == {"name": "mlp", "hidden": [3]}
    assert merge({}, [("early_stopping.patience", 3)]) == {"early_stopping": {"patience": 3}}


def test_what_is_written_is_known_even_at_its_default():
    """A default that is written down is a choice; one that is left out is not."""
    assert is_written({"optimizer": "adam(lr=0.001)"}, "optimizer.lr")
    assert is_written(merge({"learning-rate": 0.1}, []), "optimizer.lr")
    assert not is_written({"optimizer": "adam"}, "optimizer.lr")
    assert not is_written({}, "optimizer.lr")
    assert is_written({"epochs": 3}, "epochs")
    assert not is_written({"optimizer": "adam(beta1=0.8)"}, "optimizer.lr")


def test_a_part_that_is_no_text_is_named():
    with pytest.raises(UsageError, match="optimizer must be a name"):
        merge({"optimizer": 3}, [("optimizer.lr", 0.1)])
