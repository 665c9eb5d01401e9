"""Schedules against plain loops and known values."""

import math

import numpy as np
import pytest

from steepest.optim import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    InverseTime,
    Step,
    Table,
    Warmup,
)

LR, PER_EPOCH, EPOCHS = 0.4, 7, 30
STEPS = np.arange(PER_EPOCH * EPOCHS)


def rates(schedule):
    return schedule.rates(LR, STEPS, PER_EPOCH, EPOCHS)


def table_loop(step):
    epoch, rate = step // PER_EPOCH, LR
    for start, value in ((3, 0.2), (10, 0.05)):
        if epoch >= start:
            rate = value
    return rate


LOOPS = {
    "constant": (Constant(), lambda _: LR),
    "table": (Table(((10, 0.05), (3, 0.2))), table_loop),
    "step": (Step(every=4, gamma=0.5), lambda s: LR * 0.5 ** (s // PER_EPOCH // 4)),
    "exponential": (Exponential(0.9), lambda s: LR * 0.9 ** (s // PER_EPOCH)),
    "inverse_time": (InverseTime(0.01), lambda s: LR / (1 + 0.01 * s)),
    "cosine": (
        Cosine(0.1),
        lambda s: LR * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * s / len(STEPS)))),
    ),
    "warmup": (
        Warmup(2.0, Exponential(0.9)),
        lambda s: LR * (s + 1) / 14 if s < 14 else LR * 0.9 ** ((s - 14) // PER_EPOCH),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_equals_a_plain_loop(name):
    """Every schedule of the table, step by step; float64."""
    schedule, loop = LOOPS[name]
    found = rates(schedule)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [loop(int(s)) for s in STEPS], rtol=1e-14)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_a_function_of_the_step_alone(name):
    """An epoch's rates asked for alone are those of the whole run: resuming changes nothing."""
    schedule = LOOPS[name][0]
    part = schedule.rates(LR, STEPS[70:77], PER_EPOCH, EPOCHS)
    np.testing.assert_array_equal(part, rates(schedule)[70:77])


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_start_from_defaults(name):
    """Every schedule but the table can be made without arguments, and gives positive rates."""
    schedule = Table(()) if name == "table" else SCHEDULES[name]()
    assert (rates(schedule) > 0).all()


def test_known_values():
    """A step every ten epochs by 0.1; half a cosine at its middle; Keras' decay at step 100."""
    step = rates(Step())
    assert step[9 * PER_EPOCH] == LR
    assert step[10 * PER_EPOCH] == pytest.approx(0.1 * LR)
    assert rates(Cosine())[len(STEPS) // 2] == pytest.approx(LR / 2)
    assert rates(InverseTime(0.5))[100] == pytest.approx(LR / 51)


@pytest.mark.parametrize("after", [Constant(), Cosine(), Exponential(0.9), Step(3), InverseTime()])
def test_warm_up_joins_continuously(after):
    """It rises by equal steps to lr, and what follows begins at lr: no jump, no repeated rise."""
    found = rates(Warmup(epochs=3.0, after=after))
    rising = found[: 3 * PER_EPOCH]
    np.testing.assert_allclose(np.diff(rising), LR / (3 * PER_EPOCH))
    assert rising[-1] == pytest.approx(LR)
    assert found[3 * PER_EPOCH] == pytest.approx(LR)
    assert (np.diff(found[3 * PER_EPOCH :]) <= 0).all()


def test_warm_up_leaves_the_rest_of_the_run_to_what_follows():
    """A cosine after a warm-up of a whole number of epochs ends where one of that length ends."""
    found = rates(Warmup(epochs=5.0, after=Cosine()))[5 * PER_EPOCH :]
    rest = STEPS[: len(STEPS) - 5 * PER_EPOCH]
    np.testing.assert_array_equal(found, Cosine().rates(LR, rest, PER_EPOCH, EPOCHS - 5))


def test_a_warm_up_of_part_of_an_epoch_leaves_the_rest_too():
    """The cosine ends with the run, counted in epochs or in updates."""
    whole = rates(Warmup(epochs=0.5, after=Cosine()))
    left = EPOCHS - round(0.5 * PER_EPOCH) / PER_EPOCH
    rest = np.arange(len(STEPS) - round(0.5 * PER_EPOCH))
    np.testing.assert_array_equal(whole[-len(rest) :], Cosine().rates(LR, rest, PER_EPOCH, left))
    assert whole[-1] < LR / len(STEPS)


def test_a_warm_up_of_half_an_epoch():
    """Fractions of epochs round to steps, at least one."""
    found = rates(Warmup(epochs=0.5))
    assert np.flatnonzero(found == found.max())[0] == 3
    assert rates(Warmup(epochs=0.0))[0] == LR
