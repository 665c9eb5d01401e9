"""The loop: every example once an epoch, counts, divergence, runs side by side."""

from dataclasses import replace

import numpy as np
import pytest

from steepest.data import from_arrays, load, take_classes
from steepest.spec import from_plain
from steepest.train.loop import LOOK, last_finite, train, train_session
from steepest.train.session import epoch_tables, open_session, read_state


def _spec(**values):
    return from_plain({"model": "mlp(hidden=(6,))", "epochs": 3, "batch_size": 16} | values)


def _counts(spec, dataset):
    """Return how often each row of the data is gathered in each epoch, by spying on the index."""
    session = open_session([spec], dataset)
    found = []
    for _ in train_session(session):
        order = epoch_tables(session, len(found))["order"][0]
        found.append(np.bincount(order, minlength=dataset.n))
    return session, found


@pytest.mark.parametrize("size", [1, 7, 16, 24, 71, 72, 1000, "full"])
def test_every_training_example_is_seen_once_an_epoch(blobs, size):
    """Tails are trained, not dropped or padded; the counts say so."""
    spec = _spec(batch_size=size)
    session, epochs = _counts(spec, blobs)
    n = session.split.train.shape[1]
    assert n == 72
    for counts in epochs:
        assert counts[session.split.train[0]].tolist() == [1] * n
        assert counts.sum() == n
    batch = n if size == "full" else min(size, n)
    assert session.steps == -(-n // batch)
    *_, (last, _) = train(spec, blobs)
    assert last.updates == 3 * session.steps
    assert last.examples == 3 * n


def test_the_examples_of_every_batch_reach_the_program(blobs):
    """With lr = 0, the epoch's loss is the mean over exactly the training rows, tail included."""
    spec = _spec(optimizer="sgd(lr=0.0)", batch_size=16, epochs=1)
    session = open_session([spec], blobs)
    from steepest.train.evaluate import evaluate

    ((epoch,),) = train_session(session)
    (measure,) = evaluate(session, session.split.train)
    assert epoch.train_loss == pytest.approx(measure.loss, rel=1e-6)
    assert epoch.train_accuracy == measure.accuracy


@pytest.mark.parametrize(("size", "steps"), [(1, 72), ("full", 1)])
def test_extreme_batches_learn(blobs, size, steps):
    """Batch 1 and the whole set train to more than chance, and count their updates."""
    spec = _spec(batch_size=size, epochs=30, optimizer="adam(lr=0.01)")
    *_, (last, _) = train(spec, blobs)
    assert last.updates == 30 * steps
    assert last.validation.accuracy > 0.6


def test_split_and_balance_are_drawn_by_the_seed(blobs):
    """Training and validation rows are apart, stratified, and differ by seed."""
    a, b = (open_session([_spec(seed=s)], blobs).split for s in (0, 1))
    assert not set(a.train[0]) & set(a.validation[0])
    assert np.bincount(blobs.y[a.validation[0]]).tolist() == [6, 6, 6]
    assert a.validation.tolist() != b.validation.tolist()


def test_balanced_draws_make_classes_equally_likely(blobs):
    """Of 9:1 classes, each gets about half of the draws."""
    rare = np.flatnonzero(blobs.y == 1)[:6]
    rows = np.sort(np.concatenate([np.flatnonzero(blobs.y == 0), rare]))
    dataset = from_arrays("rare", blobs.x[rows], blobs.y[rows], (blobs.x[:0], blobs.y[:0]))
    session, epochs = _counts(_spec(balanced=True, epochs=40), dataset)
    drawn = sum(counts[dataset.y == 1].sum() for counts in epochs)
    assert 0.44 < drawn / (40 * session.split.train.shape[1]) < 0.56


def test_divergence_stops_within_64_steps_and_is_marked():
    """A loss that is not finite ends the run after at most LOOK steps, and nothing follows."""
    digits = load("digits")
    spec = _spec(optimizer="sgd(lr=1e30)", batch_size=1, epochs=5)
    epochs = [epoch for epoch, _ in train(spec, digits)]
    assert [e.diverged for e in epochs] == [True]
    assert epochs[0].updates == LOOK == 64
    assert epochs[0].examples == 64
    assert last_finite(epochs) is None


def test_a_late_divergence_keeps_its_finite_epochs(blobs):
    """The last finite epoch is what the run is scored by."""
    spec = _spec(optimizer="sgd(lr=0.01)", schedule="table(rows={2: 1e38})", epochs=5)
    epochs = [epoch for epoch, _ in train(spec, blobs)]
    assert [e.diverged for e in epochs] == [False, False, True]
    assert last_finite(epochs) is epochs[1]


def test_runs_side_by_side_equal_separate_ones_though_one_diverges(blobs):
    """R = 3 with other seeds and rates; the middle run diverges; the neighbours' bits are alone."""
    base = _spec(model="mlp(hidden=(6,),dropout=0.2)", optimizer="momentum(lr=0.05)")
    wild = from_plain(base.plain() | {"optimizer": "momentum(lr=1e30)", "seed": 1})
    specs = [base, wild, replace(base, seed=7)]
    session = open_session(specs, blobs)
    rows = list(train_session(session))
    assert [e.diverged for e in rows[0]] == [False, True, False]
    assert all(e[1].diverged for e in rows)
    for run in (0, 2):
        *_, (alone, own) = train(specs[run], blobs)
        ours, theirs = read_state(session, 3, run), read_state(own, 3)
        for name, values in theirs.arrays.items():
            assert ours.arrays[name].tobytes() == values.tobytes(), name
        assert rows[-1][run].train_loss == alone.train_loss
        assert rows[-1][run].validation.loss == alone.validation.loss


def test_the_generator_ends_when_all_runs_have_diverged(blobs):
    specs = [_spec(optimizer="sgd(lr=1e30)", seed=s) for s in (0, 1)]
    assert len(list(train_session(open_session(specs, blobs)))) == 1


def test_who_stops_asking_stops_the_run(blobs):
    """Training is lazy: one epoch is asked for, one is trained."""
    loop = train(_spec(epochs=10_000), blobs)
    epoch, session = next(loop)
    assert epoch.epoch == 1
    loop.close()
    assert np.isfinite(read_state(session, 1).arrays["params"]).all()


def test_flops_are_those_of_the_programs(blobs):
    """An epoch costs its full batches and its tail; epochs add up."""
    spec = _spec(batch_size=16)
    session = open_session([spec], blobs)
    (first,), *_, (last,) = train_session(session)
    full, tail = session.bound["train"].program, session.bound["train tail"].program
    assert first.flops == 4 * full.flops + tail.flops
    assert last.flops == pytest.approx(3 * first.flops)


def test_without_validation_nothing_is_held_out(blobs):
    *_, (epoch, session) = train(_spec(validation=0.0), blobs)
    assert epoch.validation is None
    assert session.split.train.shape[1] == blobs.n
    assert "val_loss" not in epoch.row()


@pytest.mark.torch
def test_the_engines_agree_on_a_run(blobs):
    """NumPy and torch train the same run: losses equal to 1e-10 in float64."""
    pytest.importorskip("torch", reason="torch is not installed")
    spec = _spec(precision="float64", optimizer="adam", model="mlp(hidden=(6,),dropout=0.2)")
    *_, (a, _) = train(spec, blobs)
    *_, (b, _) = train(replace(spec, engine="torch"), blobs)
    assert a.train_loss == pytest.approx(b.train_loss, rel=1e-10)
    assert a.validation.loss == pytest.approx(b.validation.loss, rel=1e-10)


def test_taken_classes_make_a_smaller_task(blobs):
    pair = take_classes(blobs, ["c", "a"])
    *_, (epoch, session) = train(_spec(classes=["c", "a"]), pair)
    assert session.task.classes == 2
    assert epoch.validation.confusion.shape == (2, 2)
