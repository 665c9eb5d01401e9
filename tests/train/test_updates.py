"""Runs that end after a number of updates, and runs on folds."""

from dataclasses import replace

import numpy as np
import pytest

from steepest.data import Fold, all_folds
from steepest.errors import UsageError
from steepest.identity import run_key
from steepest.spec import RunSpec, from_plain
from steepest.train.finish import complete
from steepest.train.loop import train, train_session
from steepest.train.partition import held_rows, passes, split_rows, steps_of
from steepest.train.session import epoch_tables, open_session, read_state


def _spec(**values):
    return from_plain({"model": "mlp(hidden=(6,))", "batch_size": 16} | values)


@pytest.mark.parametrize("size", [1, 16, 64, "full"])
def test_every_batch_size_makes_the_updates_it_is_given(blobs, size):
    """Batch 1, 16, 64 and full end after 50 updates; the last epoch holds what is left."""
    spec = _spec(batch_size=size, updates=50)
    *_, (last, session) = train(spec, blobs)
    per_epoch, n = session.steps, session.split.train.shape[1]
    assert last.updates == 50
    assert last.epoch == session.epochs == -(-50 // per_epoch)
    whole, rest = divmod(50, per_epoch)
    assert last.examples == whole * n + rest * session.batch
    assert last.flops == pytest.approx(whole * session.flops + session.flops_of(rest))
    assert steps_of(spec, blobs) == per_epoch


@pytest.mark.parametrize("size", [1, 16, "full"])
def test_every_batch_size_sees_the_examples_of_equal_epochs(blobs, size):
    """At equal epochs the examples are equal and the updates are not."""
    spec = _spec(batch_size=size, epochs=2)
    *_, (last, session) = train(spec, blobs)
    assert last.examples == 2 * 72
    assert last.updates == 2 * session.steps


def test_updates_of_whole_epochs_are_those_epochs(blobs):
    """Ten updates of five an epoch leave the bits of two epochs, tail included."""
    by_epochs = complete(_spec(epochs=2, schedule="cosine"), blobs)
    by_updates = complete(_spec(updates=10, schedule="cosine"), blobs)
    assert by_updates.rows[-1]["updates"] == 10
    same = by_epochs.last.arrays["params"] == by_updates.last.arrays["params"]
    assert same.all()


@pytest.mark.parametrize("cut", [1, 2])
def test_a_run_of_updates_resumes_to_the_same_bits(blobs, cut):
    """Also into the partial epoch at its end."""
    spec = _spec(updates=13, optimizer="adam", schedule="warmup(after='cosine')")
    whole = complete(spec, blobs)
    states = [read_state(session, e.epoch) for e, session in train(spec, blobs)]
    assert whole.rows[-1]["epoch"] == len(states) == 3
    *_, (last, session) = train(spec, blobs, state=states[cut - 1])
    assert last.updates == 13
    for name, values in read_state(session, 3).arrays.items():
        assert values.tobytes() == whole.last.arrays[name].tobytes()


@pytest.mark.parametrize("schedule", ["cosine", "warmup(epochs=0.02, after='cosine')"])
@pytest.mark.parametrize(("size", "updates"), [(1, 30), (16, 30), ("full", 30)])
def test_the_schedule_stretches_to_the_updates(blobs, schedule, size, updates):
    """A cosine has come down at the last update, within an epoch or over many."""
    spec = _spec(batch_size=size, updates=updates, schedule=schedule, optimizer="sgd(lr=1.0)")
    session = open_session([spec], blobs)
    rates = [epoch_tables(session, e)["lr"][0] for e in range(session.epochs)]
    assert rates[-1] < 0.02
    assert passes(spec, session.steps) == updates / session.steps


def test_runs_of_updates_share_a_program(blobs):
    """Two seeds side by side equal the two alone."""
    specs = [_spec(updates=7, seed=s) for s in (0, 1)]
    *_, ends = train_session(open_session(specs, blobs))
    for end, spec in zip(ends, specs, strict=True):
        *_, (alone, _) = train(spec, blobs)
        assert (end.updates, end.train_loss) == (7, alone.train_loss)


def test_updates_take_the_place_of_epochs():
    """They decide the key alone; both at once are refused, and so is no update."""
    keys = {run_key(RunSpec(updates=9, epochs=e), "0" * 64) for e in (1, 20)}
    assert len(keys) == 1
    assert from_plain(RunSpec(updates=9).plain()) == RunSpec(updates=9)
    assert "epochs" not in RunSpec(updates=9).plain()
    for wrong in ({"updates": 5, "epochs": 5}, {"updates": 0}, {"updates": 1.5}):
        with pytest.raises(UsageError, match="updates"):
            from_plain(wrong)


def test_a_fold_is_what_a_run_validates_on(blobs):
    """The folds of a run's training examples are disjoint and all of them; the seed is no part."""
    held = [split_rows([_spec(fold=str(f))], blobs).validation[0] for f in all_folds(3)]
    assert sorted(np.concatenate(held).tolist()) == list(range(blobs.n))
    other = split_rows([_spec(fold="1/3", seed=5)], blobs).validation[0]
    assert other.tolist() == held[0].tolist()
    assert RunSpec(fold="1/3", validation=0.5).plain() == RunSpec(fold="1/3").plain()


def test_nothing_of_the_outer_fold_is_trained_or_validated_on(blobs):
    """Neither by a fraction nor by an inner fold."""
    for inner in ({}, {"fold": "2/3"}, {"validation": 0.0}):
        spec = _spec(outer="1/4", **inner)
        split, held = split_rows([spec], blobs), held_rows(spec, blobs)
        rows = [*split.train[0], *split.validation[0], *held]
        assert sorted(rows) == list(range(blobs.n))
        assert len(held) in (22, 23)


def test_folds_decide_the_key():
    specs = [RunSpec(), RunSpec(fold="1/3"), RunSpec(fold="1/3@1"), RunSpec(outer="1/3")]
    assert len({run_key(s, "0" * 64) for s in specs}) == 4
    assert replace(specs[2], seed=1).plain()["fold"] == "1/3@1"


def test_a_smaller_data_set_is_drawn_before_it_is_split(blobs):
    """By the seed; where a fold validates every seed has the same examples, as folds are shared."""
    plain = _spec(examples=40, validation=0.25)
    rows = [split_rows([replace(plain, seed=s)], blobs) for s in (0, 1)]
    assert [(r.train.shape, r.validation.shape) for r in rows] == [((1, 30), (1, 10))] * 2
    assert not set(rows[0].train[0]) & set(rows[0].validation[0])
    assert rows[0].train.tolist() != rows[1].train.tolist()
    folded = replace(plain, fold=Fold(4, 2))
    shared = [split_rows([replace(folded, seed=s)], blobs) for s in (0, 1)]
    assert shared[0].train.tolist() == shared[1].train.tolist()
    assert shared[0].validation.shape == (1, 10)
