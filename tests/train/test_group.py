"""Runs in one program, each to its own end, equal the same runs one by one."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from steepest.errors import UsageError
from steepest.spec import from_plain
from steepest.train import finish
from steepest.train.finish import at_best, complete, complete_group, evaluate_test, evaluate_tests
from steepest.train.track import Past, Track

STOP = {"patience": 2, "min_delta": 0.0}


def _spec(**values):
    base = {
        "model": "mlp(hidden=(6,),dropout=0.2)", "optimizer": "adam(lr=0.05)", "epochs": 30,
        "batch_size": 16,
    }  # fmt: skip
    return from_plain(base | values)


SPECS = (
    _spec(early_stopping=STOP),
    _spec(seed=1, optimizer="adam(lr=0.2)", early_stopping=STOP | {"restore_best": False}),
    _spec(seed=2, schedule="table(rows={2: 1e38})"),  # two finite epochs
    _spec(seed=3, schedule="cosine"),
    _spec(seed=4, optimizer="adam(lr=1e30)", early_stopping=STOP),  # no finite epoch
    _spec(seed=5, optimizer="adam(lr=0.3)", early_stopping=STOP | {"monitor": "val_accuracy"}),
)


def _rows(result):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in result.rows]


def _assert_same(ours, theirs):
    """Assert that two results agree to the last bit, seconds apart."""
    assert (ours.status, _rows(ours)) == (theirs.status, _rows(theirs))
    for name in ("last", "best", "state"):
        one, other = getattr(ours, name), getattr(theirs, name)
        assert (one is None) == (other is None), name
        if one is not None:
            assert one.epoch == other.epoch
            for array, values in other.arrays.items():
                assert one.arrays[array].tobytes() == values.tobytes(), (name, array)
    for name in ("measure", "training"):
        one, other = getattr(ours, name), getattr(theirs, name)
        assert (one and one.plain()) == (other and other.plain()), name


@pytest.mark.parametrize("keep", ["last", "best"])
def test_a_group_equals_its_runs_one_by_one(blobs, keep):
    """Seeds, rates, schedules, early stopping, two divergences: states, rows, measures, tests."""
    together = complete_group([Track(spec, keep) for spec in SPECS], blobs)
    alone = [complete(spec, blobs, keep=keep) for spec in SPECS]
    words = [r.status for r in together]
    assert words == ["stopped", "stopped", "diverged", "finished", "diverged", "stopped"]
    assert len({len(r.rows) for r in together}) > 3
    for ours, theirs in zip(together, alone, strict=True):
        _assert_same(ours, theirs)
    for ours, theirs in zip(evaluate_tests(together), alone, strict=True):
        known = None if theirs.state is None else evaluate_test(theirs).plain()
        assert (ours and ours.plain()) == known
    for ours, theirs in zip(at_best(together), alone, strict=True):
        _assert_same(ours, at_best([theirs])[0])


def test_runs_that_are_over_leave_the_program(blobs, monkeypatch):
    """Every smaller program holds just those that go on, never more than 3/4 of the one before."""
    widths = [6]

    def narrowed(session, places):
        found = narrow(session, places)
        widths.append(len(found.specs))
        assert found.bound["train"].inputs["params"].shape[0] == len(places)
        return found

    narrow = finish.narrowed
    monkeypatch.setattr(finish, "narrowed", narrowed)
    tracks = [Track(spec) for spec in SPECS]
    complete_group(tracks, blobs)
    assert widths[-1] == 1
    assert all(b <= 0.75 * a for a, b in pairwise(widths))
    assert [c.left for c in tracks] == [True, True, True, False, True, True]


def test_a_program_is_not_bound_again_for_one_in_five(blobs, monkeypatch):
    """Binding costs time, too: four of five go on as they are."""
    monkeypatch.setattr(finish, "narrowed", None)
    specs = [_spec(seed=s, epochs=3) for s in range(4)]
    tracks = [Track(spec) for spec in (*specs, _spec(optimizer="adam(lr=1e30)", epochs=3))]
    results = complete_group(tracks, blobs)
    assert [r.status for r in results] == ["finished"] * 4 + ["diverged"]


def test_a_group_goes_on_where_it_was(blobs):
    """From the states after an epoch, with those that had left: the same bits."""
    whole = complete_group([Track(spec, "best") for spec in SPECS], blobs)
    saved = {}

    def look(track, epoch, _):
        if epoch.epoch == 6:
            for one in tracks:
                saved[one] = (one.last, Past(tuple(one.rows), one.best), one.status, one.left)
        return track.spec.seed == 3 and epoch.epoch == 6

    tracks = [Track(spec, "best") for spec in SPECS]
    complete_group(tracks, blobs, look)
    again = []
    for old in tracks:
        last, past, status, left = saved[old]
        track = Track(old.spec, "best", last, past)
        track.status, track.left = status, left
        again.append(track)
    assert 0 < sum(c.left for c in again) < len(again)
    for ours, theirs in zip(complete_group(again, blobs), whole, strict=True):
        _assert_same(ours, theirs)


def test_seconds_are_shared_out(blobs, monkeypatch):
    """Two runs' totals add up to what their program took."""
    taken = []

    def watched(session, start):
        for found in train(session, start):
            taken.append(found[0].seconds)
            yield found

    train = finish.train_session
    monkeypatch.setattr(finish, "train_session", watched)
    first, second = complete_group([Track(_spec(epochs=3, seed=s)) for s in (0, 1)], blobs)
    assert first.rows[-1]["seconds"] == second.rows[-1]["seconds"]
    assert first.rows[-1]["seconds"] == pytest.approx(taken[-1] / 2)


def test_only_runs_of_one_shape_share_a_program(blobs):
    with pytest.raises(UsageError, match="share model, rule, batch size"):
        complete_group([Track(_spec()), Track(_spec(batch_size=8))], blobs)


@pytest.mark.torch
def test_a_group_on_torch_equals_its_runs(blobs):
    """Float64: rows to 1e-9, the same ends; the last bits depend on the program's width."""
    pytest.importorskip("torch", reason="torch is not installed")
    specs = [replace(s, engine="torch", precision="float64") for s in SPECS]
    for ours, spec in zip(complete_group([Track(s) for s in specs], blobs), specs, strict=True):
        theirs = complete(spec, blobs)
        assert (ours.status, len(ours.rows)) == (theirs.status, len(theirs.rows))
        for row, other in zip(_rows(ours), _rows(theirs), strict=True):
            assert np.allclose(list(row.values()), list(other.values()), rtol=1e-9, atol=1e-12)
