"""Early stopping as a function of the values so far."""

import numpy as np
import pytest

from steepest.errors import UsageError
from steepest.optim.stopping import EarlyStopping, is_maximized
from steepest.seeds import stream


def counting(values, rule):
    """Return the epoch at which a loop with a counter, as Keras has it, stops; None if never."""
    best, wait = np.inf, 0
    sign = -1.0 if is_maximized(rule.monitor) else 1.0
    for epoch, value in enumerate(values):
        wait += 1
        if sign * value < best - rule.min_delta:
            best, wait = sign * value, 0
        if wait >= rule.patience:
            return epoch
    return None


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy"])
@pytest.mark.parametrize("patience", [1, 3, 6])
def test_it_stops_where_a_counter_would(patience, monitor):
    """On random walks the pure function stops at the epoch where Keras' counter does."""
    rule = EarlyStopping(patience=patience, min_delta=0.1, monitor=monitor)
    for seed in range(30):
        values = list(np.cumsum(stream(seed, "walk").standard_normal(40) * 0.3))
        stops = [e for e in range(40) if rule.stops(values[: e + 1])]
        assert (stops[0] if stops else None) == counting(values, rule)


def test_the_best_epoch_is_the_last_clear_improvement():
    """An improvement below min_delta does not count, in either direction."""
    assert EarlyStopping(min_delta=0.01).best([1.0, 0.5, 0.495, 0.6]) == 1
    assert EarlyStopping(min_delta=0.01, monitor="val_accuracy").best([0.5, 0.9, 0.905]) == 1


def test_no_value_yet():
    """Before the first epoch nothing stops."""
    assert not EarlyStopping(patience=1).stops([])


@pytest.mark.parametrize("options", [{"patience": -1}, {"min_delta": float("nan")}])
def test_what_no_run_could_mean_is_refused(options):
    with pytest.raises(UsageError, match="must be at least 0"):
        EarlyStopping(**options)
