import pytest

from steepest.compress.schedule import PRUNING_SCHEDULES, Cubic, Iterative, OneShot
from steepest.errors import UsageError


@pytest.mark.parametrize("schedule", [OneShot(), Iterative(3), Iterative(9), Cubic(), Cubic(1.0)])
@pytest.mark.parametrize("epochs", [0, 1, 2, 5, 10])
def test_schedules_rise_to_the_final_sparsity(schedule, epochs):
    """Sparsity never falls, and is reached before the last epoch."""
    found = [schedule.at(0.9, e, epochs) for e in range(max(epochs, 1))]
    assert found == sorted(found)
    assert found[-1] == 0.9
    assert found[0] > 0


def test_cubic_follows_its_equation():
    """Zhu & Gupta 2017, equation 1: s (1 - (1 - t)³) after cut 1, 2, 3, 4 of 4."""
    found = [Cubic(1.0).at(0.8, e, 4) for e in range(4)]
    assert found == pytest.approx([0.8 * (1 - (1 - t) ** 3) for t in (0.25, 0.5, 0.75, 1.0)])


def test_iterative_removes_the_same_fraction_each_round():
    """What is left shrinks by one ratio: 0.9 in 2 rounds leaves √0.1, then 0.1."""
    left = [1 - Iterative(2).at(0.9, e, 6) for e in range(6)]
    assert left == pytest.approx([0.1**0.5] * 3 + [0.1] * 3)


def test_impossible_schedules_are_refused():
    """Rounds are whole and positive, `until` a fraction."""
    for make in (lambda: Iterative(0), lambda: Iterative(1.5), lambda: Cubic(0.0)):
        with pytest.raises(UsageError):
            make()
    assert set(PRUNING_SCHEDULES) == {"one_shot", "iterative", "cubic"}
