"""Callbacks of `fit`: when they stop, save, restore and set the rate."""

import numpy as np
import pytest

import steepest
from steepest.errors import UsageError
from steepest.train.callback import (
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
)

HARD = {"optimizer": "adam(lr=0.05)", "epochs": 60, "batch_size": 16, "verbose": 0}


def _fit(blobs, *callbacks, **options):
    model = steepest.Model("mlp(hidden=(6,))")
    return model, model.fit(blobs.x, blobs.y, callbacks=callbacks, **(HARD | options))


@pytest.mark.parametrize(
    ("values", "patience", "min_delta", "stops_at"),
    [
        ([3, 2, 1, 1, 1, 1], 2, 0.0, 5),  # equal is no improvement
        ([3, 2, 2.5, 1.9, 2, 2], 2, 0.0, 6),  # patience starts anew
        ([1, 0.9998, 0.9996, 0.9994], 3, 0.001, 4),  # smaller than min_delta is none
        ([1, 0.99, 0.98, 0.97], 1, 0.001, None),
        ([1, float("nan"), float("nan")], 2, 0.0, 3),  # NaN never improves
    ],
)
def test_early_stopping_waits_for_patience(values, patience, min_delta, stops_at):
    rule = EarlyStopping(patience=patience, min_delta=min_delta)
    asked = [i for i in range(1, len(values) + 1) if rule.stops(values[:i])]
    assert (asked[0] if asked else None) == stops_at


def test_accuracy_is_maximized_and_loss_minimized():
    rising = [0.1, 0.2, 0.3]
    assert EarlyStopping(monitor="val_accuracy").best(rising) == 2
    assert EarlyStopping(monitor="val_f1").best(rising) == 2
    assert EarlyStopping(monitor="val_loss").best(rising) == 0


def test_early_stopping_restores_the_best_weights(blobs):
    """After stopping, the model evaluates to the best epoch's validation loss."""
    held = (blobs.test_x, blobs.test_y)
    rule = EarlyStopping(patience=3, min_delta=0.0)
    model, history = _fit(blobs, rule, validation_data=held)
    losses = history.history["val_loss"]
    assert history.status == "stopped"
    assert history.best == int(np.argmin(losses)) == len(losses) - 4
    assert model.evaluate(*held)["loss"] == pytest.approx(min(losses), rel=1e-6)


def test_the_best_weights_are_restored_at_the_natural_end(blobs):
    held = (blobs.test_x, blobs.test_y)
    rule = EarlyStopping(patience=1000, min_delta=0.0)
    model, history = _fit(blobs, rule, validation_data=held)
    losses = history.history["val_loss"]
    assert history.status == "finished"
    assert history.best == int(np.argmin(losses)) < 59
    assert model.evaluate(*held)["loss"] == pytest.approx(min(losses), rel=1e-6)


def test_without_restoring_the_last_weights_stay(blobs):
    held = (blobs.test_x, blobs.test_y)
    rule = EarlyStopping(patience=3, min_delta=0.0, restore_best=False)
    model, history = _fit(blobs, rule, validation_data=held)
    assert history.best is None
    assert model.evaluate(*held)["loss"] == pytest.approx(history.history["val_loss"][-1], rel=1e-6)


def test_a_table_of_rates_holds_until_its_next_entry(blobs):
    _, history = _fit(blobs, LearningRateScheduler({0: 1e-3, 2: 5e-4, 3: 1e-4}), epochs=5)
    assert history.history["lr"] == pytest.approx([1e-3, 1e-3, 5e-4, 1e-4, 1e-4])


def test_a_function_of_epoch_and_rate_sets_the_rate(blobs):
    """As in Keras: it is given the rate of the epoch before; one of the epoch alone works too."""
    _, history = _fit(blobs, LearningRateScheduler(lambda _, rate: rate / 2), epochs=3)
    assert history.history["lr"] == pytest.approx([0.025, 0.0125, 0.00625])
    _, history = _fit(blobs, LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1)), epochs=3)
    assert history.history["lr"] == pytest.approx([0.1, 0.05, 0.1 / 3])


def test_a_schedule_and_a_scheduler_are_refused_together(blobs):
    with pytest.raises(UsageError, match="not both"):
        _fit(blobs, LearningRateScheduler({0: 0.1}), schedule="cosine", epochs=1)


def test_a_checkpoint_holds_the_best_epoch(blobs, tmp_path):
    """With save_best_only the file has the weights of the lowest validation loss."""
    held = (blobs.test_x, blobs.test_y)
    path = tmp_path / "best.safetensors"
    _, history = _fit(blobs, ModelCheckpoint(path), validation_data=held)
    losses = history.history["val_loss"]
    assert losses[-1] > min(losses)
    assert steepest.load(path).evaluate(*held)["loss"] == pytest.approx(min(losses), rel=1e-6)


def test_a_checkpoint_of_every_epoch_holds_the_last(blobs, tmp_path):
    path = tmp_path / "last.safetensors"
    model, _ = _fit(blobs, ModelCheckpoint(path, save_best_only=False), epochs=3)
    assert steepest.load(path).predict(blobs.x).tobytes() == model.predict(blobs.x).tobytes()


def test_an_h5_path_names_the_right_suffix():
    with pytest.raises(UsageError, match=r"'best\.h5'.*name the file 'best\.safetensors'"):
        ModelCheckpoint("best.h5")


def test_functions_see_every_epoch_and_may_stop(blobs):
    """0-based epochs with Keras' logs; True stops; begin and end are called once."""
    seen, ends = [], []
    callback = LambdaCallback(
        on_epoch_end=lambda epoch, logs: (seen.append((epoch, logs["val_loss"])), epoch == 2)[1],
        on_train_begin=lambda: ends.append("begin"),
        on_train_end=lambda: ends.append("end"),
    )
    _, history = _fit(blobs, callback)
    assert [epoch for epoch, _ in seen] == [0, 1, 2]
    assert [loss for _, loss in seen] == history.history["val_loss"]
    assert history.status == "stopped"
    assert ends == ["begin", "end"]


def test_a_metric_that_is_not_measured_is_refused(blobs):
    with pytest.raises(UsageError, match="cannot monitor 'val_acc'; did you mean 'val_accuracy'"):
        _fit(blobs, EarlyStopping(monitor="val_acc"), epochs=2)
    with pytest.raises(UsageError, match="cannot monitor 'val_loss'"):
        _fit(blobs, EarlyStopping(), epochs=2, validation_split=0.0)


def test_lines_are_shown_where_stderr_is_no_terminal(blobs, capsys):
    _fit(blobs, epochs=2, verbose=1)
    assert [line.split("  ")[0] for line in capsys.readouterr().err.splitlines()] == [
        "epoch 1/2", "epoch 2/2",
    ]  # fmt: skip
    _fit(blobs, epochs=2, verbose=0)
    assert capsys.readouterr() == ("", "")
