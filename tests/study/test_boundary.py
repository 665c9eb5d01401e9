"""Edges of what was searched at random, and where to go on."""

import pytest

from steepest.study.boundary import edges, more
from steepest.study.space import Range

RATE = Range("optimizer.lr", 0.01, 1.0, log=True)
SHARE = Range("model.dropout", 0.0, 0.5)
SIZES = Range("batch_size", choices=(16, 32))


def point(rate, share, size=16):
    return (("optimizer.lr", rate), ("model.dropout", share), ("batch_size", size))


SPACE = (RATE, SHARE, SIZES)
TRIED = [point(0.02, 0.1), point(0.1, 0.3), point(0.6, 0.2), point(0.97, 0.45)]


@pytest.mark.parametrize(
    ("best", "names"),
    [
        (point(0.97, 0.2), ("optimizer.lr",)),  # the outer twentieth, on the log scale
        (point(0.6, 0.45), ()),  # the outermost that was tried, yet well inside the range
        (point(0.012, 0.01), ("optimizer.lr", "model.dropout")),
        (point(0.1, 0.2), ()),
    ],
)
def test_points_at_random_are_at_the_edge_in_its_outer_twentieth(best, names):
    assert edges("random", SPACE, best, [*TRIED, best]) == names


def test_a_grid_has_its_outermost_values_as_edges():
    """The same point is an edge of a grid and none of points at random."""
    best = point(0.6, 0.45)
    tried = [t for t in TRIED if dict(t)["optimizer.lr"] < 0.9]
    assert edges("grid", SPACE, best, [*tried, best]) == ("optimizer.lr", "model.dropout")


def test_what_was_widened_moves_the_edge():
    """A rate of 3, tried beyond the range, makes 1 an inner value and itself the edge."""
    tried = [*TRIED, point(3.16, 0.1)]
    assert edges("tpe", SPACE, point(0.97, 0.2), tried) == ()
    assert edges("tpe", SPACE, point(3.16, 0.1), tried) == ("optimizer.lr",)


def test_further_trials_go_outward_from_an_edge_and_near_the_best_elsewhere():
    """A quarter of the range a step; all else stays the best trial's; choices alone are listed."""
    best = point(0.97, 0.45)
    found = more("random", SPACE, TRIED, best, 2)
    assert [dict(v)["optimizer.lr"] for v in found] == pytest.approx([3.16, 10.0], rel=0.01)
    assert {dict(v)["model.dropout"] for v in found} == {0.45}
    inside = more("random", SPACE, TRIED, point(0.1, 0.3), 2)
    assert all(0.02 < dict(v)["optimizer.lr"] < 0.6 for v in inside)
    assert more("tpe", (SIZES,), [(("batch_size", 16),)], (("batch_size", 16),), 2) == [
        (("batch_size", 32),)
    ]


def test_auto_over_several_ranges_is_a_sobol_sequence_and_judged_as_one():
    """The outermost of points at random is no edge by itself."""
    best = point(0.6, 0.45)
    tried = [*[t for t in TRIED if dict(t)["optimizer.lr"] < 0.9], best]
    assert edges("auto", SPACE, best, tried) == edges("sobol", SPACE, best, tried)
    assert edges("auto", SPACE[:1], best[:1], [t[:1] for t in tried]) == ("optimizer.lr",)


@pytest.mark.parametrize("search", ["grid", "random"])
def test_what_is_no_run_is_not_proposed(search):
    """Outward from a batch of 1 there is none of 0."""
    sizes = (Range("batch_size", 1, 8, integer=True),)
    tried = [(("batch_size", n),) for n in (1, 4, 8)]
    found = more(search, sizes, tried, tried[0], 3, lambda v: dict(v)["batch_size"] >= 1)
    assert found
    assert all(dict(v)["batch_size"] >= 1 for v in found)
