"""A run driven to its end: early stopping, best weights, divergence, measurements."""

import numpy as np
import pytest

from steepest.errors import DataError, UsageError
from steepest.spec import from_plain
from steepest.train.evaluate import evaluate
from steepest.train.finish import complete, evaluate_test
from steepest.train.session import read_state


def _spec(**values):
    return from_plain({"model": "mlp(hidden=(6,))", "epochs": 6, "batch_size": 16} | values)


FAST = {"optimizer": "adam(lr=0.05)", "epochs": 60}
STOP = {"patience": 4, "min_delta": 0.0}


def test_a_finished_run_is_measured_at_its_last_weights(blobs):
    """Validation equals the last epoch's; the training accuracy is measured anew for the gap."""
    result = complete(_spec(), blobs)
    assert (result.status, len(result.epochs), result.best) == ("finished", 6, None)
    assert result.state is result.last
    assert result.measure.loss == result.epochs[-1].validation.loss
    (train,) = evaluate(result.session, result.session.split.train)
    assert result.training.accuracy == train.accuracy
    assert result.training.examples == 72
    assert result.gap == train.accuracy - result.measure.accuracy


@pytest.mark.parametrize("validation", [0.1, 0.3, 0.5])
def test_the_gap_is_measured_whatever_the_sizes_of_the_split(blobs, validation):
    """Training rows are no multiple of the validation rows: each is measured once."""
    result = complete(_spec(validation=validation, epochs=1), blobs)
    n = result.session.split.train.shape[1]
    assert result.training.examples == n == result.training.confusion.sum()
    assert result.measure.confusion.sum() == blobs.n - n


def test_the_best_state_is_that_of_the_lowest_validation_loss(blobs):
    result = complete(_spec(**FAST), blobs, keep="best")
    losses = [row["val_loss"] for row in result.rows]
    assert result.best.epoch == 1 + int(np.argmin(losses)) < len(losses)
    assert result.state is result.last


def test_early_stopping_restores_and_measures_the_best(blobs):
    """It stops after `patience` epochs without improvement; session and measures are the best's."""
    result = complete(_spec(**FAST, early_stopping=STOP), blobs)
    losses = [row["val_loss"] for row in result.rows]
    best = int(np.argmin(losses))
    assert result.status == "stopped"
    assert len(losses) == best + 1 + 4
    assert result.state.epoch == best + 1
    assert result.measure.loss == losses[best]
    held = read_state(result.session, 0).arrays["params"]
    assert held.tobytes() == result.best.arrays["params"].tobytes()


def test_the_best_is_restored_at_the_natural_end_too(blobs):
    """A run that ends before patience does has the best weights all the same."""
    result = complete(_spec(**FAST, early_stopping=STOP | {"patience": 1000}), blobs)
    assert result.status == "finished"
    assert result.state.epoch == 1 + int(np.argmin([row["val_loss"] for row in result.rows])) < 60


def test_without_restoring_the_last_weights_are_kept(blobs):
    stop = STOP | {"restore_best": False}
    result = complete(_spec(**FAST, early_stopping=stop), blobs)
    assert result.status == "stopped"
    assert result.state.epoch == len(result.rows)
    assert result.measure.loss == result.rows[-1]["val_loss"]


def test_an_epochs_reader_may_stop_the_run(blobs):
    """Returning True stops; `read()` is the state of that epoch."""
    states = []

    def look(epoch, read):
        states.append(read())
        return epoch.epoch == 3

    result = complete(_spec(), blobs, on_epoch=look)
    assert (result.status, len(result.epochs)) == ("stopped", 3)
    assert states[-1].epoch == 3
    assert states[-1].arrays["params"].tobytes() == result.last.arrays["params"].tobytes()


def test_a_diverged_run_has_its_last_finite_weights(blobs):
    """Two finite epochs, then a rate of 1e38: status, rows and weights say so."""
    spec = _spec(optimizer="sgd(lr=0.01)", schedule="table(rows={2: 1e38})")
    seen = []
    result = complete(spec, blobs, on_epoch=lambda e, _: seen.append(e.diverged), keep="best")
    assert result.status == "diverged"
    assert seen == [False, False, True]
    assert (len(result.epochs), len(result.rows)) == (3, 2)
    assert result.state.epoch == 2
    assert np.isfinite(result.last.arrays["params"]).all()
    assert result.measure.loss == result.rows[-1]["val_loss"]
    assert np.isfinite(result.training.loss)
    assert np.isfinite(evaluate_test(result).loss)


def test_a_run_that_diverges_at_once_has_no_weights(blobs):
    result = complete(_spec(optimizer="sgd(lr=1e30)"), blobs)
    assert result.status == "diverged"
    assert result.rows == ()
    assert result.state is result.measure is result.training is None
    assert np.isnan(result.gap)
    with pytest.raises(DataError, match="diverged in its first epoch"):
        evaluate_test(result)


def test_the_test_set_is_measured_on_demand(blobs):
    result = complete(_spec(**FAST), blobs)
    measure = evaluate_test(result)
    assert measure.examples == 30
    assert measure.accuracy > 0.7


def test_without_validation_the_training_loss_chooses(blobs):
    result = complete(_spec(validation=0.0), blobs, keep="best")
    assert result.measure is None
    assert np.isnan(result.gap)
    losses = [row["train_loss"] for row in result.rows]
    assert result.best.epoch == 1 + int(np.argmin(losses))


def test_a_metric_that_is_not_measured_cannot_be_monitored(blobs):
    with pytest.raises(UsageError, match="cannot monitor 'val_lost'; did you mean 'val_loss'"):
        complete(_spec(early_stopping={"monitor": "val_lost"}), blobs)
    with pytest.raises(UsageError, match="keep must be one of last, best"):
        complete(_spec(), blobs, keep="all")
