"""Architectures: counting, summaries, errors."""

import pytest

from steepest.errors import UsageError
from steepest.nn import (
    Arch,
    Chain,
    Conv2D,
    Flatten,
    GroupNorm,
    Linear,
    MaxPool,
    Shortcut,
    zoo,
)


def test_parameters_are_counted():
    """784-128-64-10 has 109,386; without hidden layers 7,850; by hand for another."""
    assert zoo.mlp().count_params((28, 28, 1), 10) == 109_386
    assert zoo.mlp(hidden=()).count_params((28, 28, 1), 10) == 7850
    bare = Arch("bare", Chain(Linear(7, bias=False), Linear(2)))
    assert bare.count_params((5,), 2) == 5 * 7 + 7 * 2 + 2


def test_operations_are_counted():
    """A product of an example counts 2 in·out, the bias and the activation one each."""
    flops = zoo.mlp(hidden=(8,)).count_flops((6,), 3)
    assert flops == 2 * (6 * 8 + 8 * 3) + (8 + 3) + 8


def test_the_summary_has_a_row_a_layer():
    """Names, output shapes, parameters and totals."""
    text = zoo.mlp(hidden=(8,), dropout=0.5).summary((4, 4, 1), 3)
    rows = text.splitlines()
    assert [r.split()[:2] for r in rows[1:-1]] == [
        ["0", "Flatten"],
        ["1", "Linear"],
        ["2", "ReLU"],
        ["3", "Dropout"],
        ["4", "Linear"],
    ]
    assert rows[2].split()[-1] == str(16 * 8 + 8)
    assert rows[-1].startswith("mlp: 163 parameters, ")


@pytest.mark.parametrize(
    "layer", [Conv2D(4, stride=0), Conv2D(4, groups=0), GroupNorm(0), MaxPool(0), Shortcut(2)]
)
def test_impossible_sizes_are_one_sentence(layer):
    """Nothing of it reaches an engine."""
    with pytest.raises(UsageError, match="does not fit inputs of shape"):
        Arch("own", Chain(layer, Flatten(), Linear(2))).declare((4, 4, 4), 2)


def test_unknown_words_are_errors_that_name_the_known_ones():
    """An activation and initial values by a wrong name."""
    with pytest.raises(UsageError, match="unknown activation 'rellu'; did you mean 'relu'"):
        zoo.mlp(activation="rellu")
    with pytest.raises(UsageError, match="unknown initial values 'hee'; did you mean 'he'"):
        zoo.mlp(initial="hee")
