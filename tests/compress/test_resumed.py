"""A sweep that goes on where another call of it stopped."""

import json
from dataclasses import replace

import numpy as np
import pytest
from blots import SPEC, blots

from steepest.compress import dense_run
from steepest.compress.dense_run import train_kept
from steepest.compress.sweep import (
    SCRATCH,
    Past,
    Point,
    Sweep,
    Watch,
    point_of,
    run_sweep,
    train_dense,
)
from steepest.errors import UsageError

SWEEP = Sweep(replace(SPEC, epochs=1), ("magnitude", "layer_magnitude"), False, (0.5, 0.8), 1, 2)
HASTY = Watch(seconds=0)


@pytest.fixture(scope="module")
def points() -> list[Point]:
    """Return all points of an uninterrupted sweep."""
    return list(run_sweep(SWEEP, blots(), HASTY))


def written(point):
    """Return the point as it comes back from its file."""
    return point_of(json.loads(json.dumps(point.plain())))


@pytest.mark.parametrize("done", [1, 4, 9, 14, 18])
def test_resumed_sweep_gives_the_same_points(points, done):
    """Whatever was finished is taken as it is, and the rest comes out to the last bit."""
    known = {p.place: written(p) for p in points[:done]}
    trained = []

    def train(spec, dataset):
        trained.append(spec.seed)
        return train_dense(spec, dataset)

    found = list(run_sweep(SWEEP, blots(), HASTY, Past(known, train)))
    assert [p.plain() for p in found] == [p.plain() for p in points]
    assert [p.session is None for p in found] == [i < done for i in range(len(points))]
    assert trained == {1: [0, 1], 4: [0, 1], 9: [1], 14: [1], 18: []}[done]


def test_places_are_those_of_the_points(points):
    """The plan of a sweep names its points in their order."""
    assert [p.place for p in points] == list(SWEEP.places())
    assert points[4].method == SCRATCH


def test_layer_magnitude_prunes_every_layer_alike(points):
    """Within layers the same fraction goes; across them it differs. A scope that denies is told."""
    for method, alike in (("magnitude", False), ("layer_magnitude", True)):
        (point,) = (p for p in points if p.place == (method, 0.5, 0))
        taken = [round(part.sparsity, 1) for part in point.layers]
        assert (len(set(taken)) == 1) is alike
    with pytest.raises(UsageError, match="compares within layers"):
        replace(SWEEP, scope="global")


def test_part_of_the_examples_is_asked_for_in_whole_numbers():
    """A sweep on no examples is refused."""
    with pytest.raises(UsageError, match="examples must be"):
        replace(SWEEP, examples=0)


def test_dense_run_goes_on_from_its_file(tmp_path, monkeypatch):
    """A run stopped in its third epoch and called again ends with the bits of a whole one."""
    spec, dataset = replace(SPEC, epochs=4), blots()
    whole = train_dense(spec, dataset).arrays
    monkeypatch.setattr(dense_run, "PAUSE", 0.0)
    write, count = dense_run._write, []

    def dying(path, state, done):
        write(path, state, done)
        count.append(state.epoch)
        if state.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(dense_run, "_write", dying)
    with pytest.raises(KeyboardInterrupt):
        train_kept(tmp_path, spec, dataset)
    monkeypatch.setattr(dense_run, "_write", lambda *a: (count.append(a[1].epoch), write(*a)))
    found = train_kept(tmp_path, spec, dataset).arrays
    assert count == [1, 2, 3, 4, 4]
    assert all(np.array_equal(found[n], a) for n, a in whole.items())
    again = train_kept(tmp_path, spec, dataset).arrays
    assert len(count) == 5  # read, not trained
    assert np.array_equal(again["params"], whole["params"])
