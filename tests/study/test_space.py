"""Trials of a space: how many, which, and which further ones."""

import pytest

from steepest.errors import UsageError
from steepest.study.boundary import more
from steepest.study.further import beyond
from steepest.study.space import SPACES, Range, default_space, draw, parse_space

LR = Range("optimizer.lr", 0.01, 1.0, log=True)
MOMENTUM = Range("optimizer.momentum", 0.8, 0.99)
SIZES = Range("batch_size", choices=(16, 32, 64))


def test_one_range_is_a_grid_with_both_ends():
    """A single trial is the middle; no trials are the arm as it stands."""
    values = [dict(v)["optimizer.lr"] for v in draw([LR], 5, 0)]
    assert values == [0.01, 0.0316, 0.1, 0.316, 1.0]
    assert draw([LR], 1, 0) == [(("optimizer.lr", 0.1),)]
    assert draw([LR], 0, 0) == draw([], 5, 0) == [()]


def test_choices_are_tried_in_order_and_never_twice():
    """A budget larger than the list exhausts it; a smaller one spreads over it."""
    assert [v for ((_, v),) in draw([SIZES], 5, 0)] == [16, 32, 64]
    assert [v for ((_, v),) in draw([SIZES], 2, 0)] == [16, 32]
    whole = Range("epochs", 1, 3, integer=True)
    assert [v for ((_, v),) in draw([whole], 5, 0)] == [1, 2, 3]


def test_several_ranges_are_a_sobol_sequence_of_a_power_of_two():
    """It differs from tuning to tuning, repeats within one, and fills the halves evenly."""
    space = [LR, MOMENTUM, SIZES]
    trials = draw(space, 16, 3)
    assert len(set(trials)) == 16
    assert trials == draw(space, 16, 3) != draw(space, 16, 4)
    rates = [dict(t)["optimizer.lr"] for t in trials]
    assert sum(rate < 0.1 for rate in rates) == 8
    assert all(0.8 <= dict(t)["optimizer.momentum"] <= 0.99 for t in trials)
    with pytest.raises(UsageError, match=r"12 trials over 3 .* power of two, such as 8 or 16"):
        draw(space, 12, 0)


def test_a_larger_budget_takes_up_more_hyper_parameters():
    """Below 10 trials only the learning rate is tuned, for every rule."""
    assert all(len(default_space(rule, 9)) == 1 for rule in [*SPACES, "mine:Rule"])
    assert [r.name for r in default_space("adam", 16)] == ["optimizer.lr", "optimizer.beta1"]
    assert len(default_space("adam", 64)) == 4
    assert default_space("adam", 0) == ()


def test_a_share_near_one_is_not_rounded_to_it():
    """Three digits would make beta2 = 0.9999 a one, which no average survives."""
    beta = Range("optimizer.beta2", 0.95, 0.9999)
    assert beta.at(1.0) == 0.9999
    assert Range("optimizer.lr", 1e-4, 1.0, log=True).at(1.0) == 1.0


@pytest.mark.parametrize(
    ("one", "tried", "best", "more"),
    [
        (LR, [0.01, 0.1, 1.0], 1.0, [10.0, 100.0]),
        (LR, [0.01, 0.1, 1.0], 0.01, [0.001, 0.0001]),
        (LR, [0.01, 0.1, 1.0], 0.1, [0.0316, 0.316]),
        (LR, [0.1], 0.1, [0.316, 1.0]),
        (MOMENTUM, [0.8, 0.9], 0.9, [0.95, 0.975]),  # never reaches 1
        (MOMENTUM, [0.8, 0.9], 0.8, [0.4, 0.2]),
        (Range("epochs", 1, 5, integer=True), [1, 3, 5], 5, [7, 9]),
        (Range("epochs", 1, 3, integer=True), [1, 2, 3], 2, [4, 5]),  # nothing is left between
        (Range("optimizer.x", -1.0, 1.0), [-1.0, 0.0, 1.0], -1.0, [-2.0, -3.0]),
    ],
)
def test_further_values_go_outward_at_an_edge_and_inward_elsewhere(one, tried, best, more):
    """They are new, as many as asked for, and stay where a value makes sense."""
    assert beyond(one, tried, best, 2) == pytest.approx(more)


def test_further_trials_vary_the_range_at_whose_edge_the_best_lies():
    """The other values stay the best trial's; a list of choices gives what is left of it."""
    grid = [
        (("optimizer.lr", a), ("optimizer.momentum", m)) for a in (0.1, 0.2) for m in (0.8, 0.9)
    ]
    tried = [*grid, (("optimizer.lr", 0.15), ("optimizer.momentum", 0.99))]
    found = more("grid", [LR, MOMENTUM], tried, tried[-1], 2)
    assert [dict(v)["optimizer.lr"] for v in found] == [0.15, 0.15]
    assert [dict(v)["optimizer.momentum"] for v in found] == [0.995, 0.9975]
    assert more("grid", [SIZES], [(("batch_size", 16),)], (("batch_size", 16),), 2) == [
        (("batch_size", 32),), (("batch_size", 64),),
    ]  # fmt: skip


def test_an_edge_is_the_outermost_value_tried():
    """A choice has no edge, and neither has a single trial."""
    assert LR.is_edge(1.0, [0.1, 1.0])
    assert not LR.is_edge(0.1, [0.01, 0.1, 1.0])
    assert not LR.is_edge(0.1, [0.1])
    assert not SIZES.is_edge(64, [16, 64])


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        ({"lr": {"low": 1.0, "high": 0.1}}, "lr: needs low < high, not low = 1.0, high = 0.1"),
        ({"lr": {"low": 0.0, "high": 1.0, "log": True}}, "lr: needs low < high and low > 0"),
        ({"lr": {"low": 0.1, "higher": 1.0}}, "lr: unknown key 'higher'; did you mean 'high'?"),
        ({"lr": {"low": 0.1}}, r"lr\.high must be a number, not None"),
        ({"lr": {"low": "a", "high": 1.0}}, r"lr\.low must be a number, not 'a'"),
        ({"lr": {"low": 0.1, "high": 1.0, "log": "yes"}}, r"lr\.log must be true or false"),
        ({"lr": []}, "lr: an empty list of choices"),
        ({"lr": 0.1}, "lr: write a list of choices"),
        ({"lr": {"low": 0.1, "high": float("nan")}}, "lr: needs low < high"),
        ({"lr": {"low": 0.1, "high": float("inf")}}, "lr: needs low < high"),
    ],
)
def test_an_impossible_space_is_one_sentence(space, sentence):
    with pytest.raises(UsageError, match=f"f.toml: space.{sentence}"):
        parse_space(space, "f.toml: space")


def test_a_space_may_use_the_short_names():
    """`lr` is the option of the optimizer, as everywhere."""
    ranges = parse_space({"lr": [0.1], "weight-decay": [0.0], "batch": [16]}, "s")
    assert [r.name for r in ranges] == ["optimizer.lr", "optimizer.weight_decay", "batch_size"]


def test_few_choices_are_all_tried_once():
    """Nine combinations for sixteen trials: every one, none twice."""
    space = (Range("model.dropout", choices=(0.0, 0.1, 0.2)), SIZES)
    found = draw(space, 16, 0)
    assert len(found) == len(set(found)) == 9
    assert len(draw(space, 8, 0)) == 8
