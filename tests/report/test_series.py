"""From runs to lines: exact means and ranges, nothing lost by thinning but points."""

import pytest

from steepest.report.content import Arrival, Curve
from steepest.report.series import (
    arrival_rows,
    by_arm,
    keep,
    known_axes,
    known_metrics,
    mean_rows,
    seed_rows,
    summary,
)

NAN = float("nan")


def curve(arm, seed, losses, **columns):
    return Curve(arm, seed, tuple(range(1, len(losses) + 1)), val_loss=tuple(losses), **columns)


def test_mean_rows_are_exact():
    """Each row holds arm, axis, then mean, lowest, highest and number of runs."""
    groups = by_arm([curve("b", 1, [4.0, 2.0]), curve("b", 0, [2.0, 1.0]), curve("a", 0, [8.0])])
    rows = mean_rows(groups, {"a": 0, "b": 1}, ["epoch"], ["val_loss"], 100)
    assert rows == [[0, 1, 8.0, 8.0, 8.0, 1], [1, 1, 3.0, 2.0, 4.0, 2], [1, 2, 1.5, 1.0, 2.0, 2]]


def test_diverged_run_leaves_the_mean():
    """A value that is not finite, or an epoch never reached, is not averaged and not counted."""
    groups = by_arm([curve("a", 0, [1.0, 2.0, 3.0]), curve("a", 1, [3.0, NAN])])
    rows = mean_rows(groups, {"a": 0}, ["epoch"], ["val_loss"], 100)
    assert [row[2:] for row in rows] == [[2.0, 1.0, 3.0, 2], [2.0, 2.0, 2.0, 1], [3.0, 3.0, 3.0, 1]]


def test_seconds_are_averaged_over_seeds():
    """The axis of a mean line is the mean of the runs' axes."""
    runs = [curve("a", s, [1.0], seconds=(t,)) for s, t in enumerate((2.0, 4.0))]
    assert mean_rows(by_arm(runs), {"a": 0}, ["seconds"], ["val_loss"], 9)[0][1] == 3.0


def test_summary_of_nothing_is_absent():
    assert summary([None, NAN]).mean is None


@pytest.mark.parametrize(("count", "most"), [(1, 2), (2, 2), (7, 3), (100, 60), (1000, 120)])
def test_thinning_keeps_the_ends(count, most):
    """At most `most` places are kept, the first and the last among them, ascending."""
    kept = keep(count, most)
    assert len(kept) <= most
    assert kept == sorted(set(kept))
    assert (kept[0], kept[-1]) == (0, count - 1)


def test_seed_rows_respect_the_cap():
    """Rows of single runs stay under the cap by leaving out whole seeds, the same for each arm."""
    groups = by_arm([curve(arm, s, [1.0] * 100) for arm in "ab" for s in range(50)])
    rows, kept = seed_rows(groups, {"a": 0, "b": 1}, ["epoch"], ["val_loss"], 1200)
    assert kept == 10
    assert len(rows) == 1200
    assert {(row[0], row[1]) for row in rows} == {(i, s) for i in (0, 1) for s in range(10)}


def test_axes_need_every_curve():
    """An axis is offered only if all runs have it, a metric if any run has it."""
    runs = [curve("a", 0, [1.0], updates=(5,)), curve("a", 1, [1.0])]
    assert known_axes(runs) == ["epoch"]
    assert known_axes(runs[:1]) == ["epoch", "updates"]
    assert known_metrics(runs) == ["val_loss"]


def test_arrival_counts_all_runs():
    """The denominator holds the runs that never arrived; equal times make one step."""
    runs = [
        Arrival("a", 0, reached=True, epochs=3),
        Arrival("a", 1, reached=True, epochs=3),
        Arrival("a", 2, reached=True, epochs=5),
        Arrival("a", 3, reached=False, epochs=10),
    ]
    assert arrival_rows(runs, "epochs") == [(0, 0), (3, 0.5), (5, 0.75), (10, 0.75)]
