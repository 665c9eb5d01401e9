"""Probes: their values against plain NumPy, their cost in bits (none), their names."""

import numpy as np
import pytest

from steepest.data import from_arrays
from steepest.engine.executor import bind_programs
from steepest.errors import UsageError
from steepest.nn.arch import named_arrays
from steepest.seeds import stream
from steepest.spec import PROBES, from_plain
from steepest.study.task import columns
from steepest.train.loop import train, train_session
from steepest.train.model import Model
from steepest.train.probe import PROBED, is_probed
from steepest.train.session import open_session, read_state
from steepest.train.step import gradient_program

PLAIN = {
    "data": "rows", "model": "mlp(hidden=[12])", "epochs": 1, "batch_size": 40,
    "validation": 0.0, "precision": "float64", "optimizer": "sgd(lr=0.1)", "normalize": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def dataset():
    """Return 80 rows of five features in three classes; the first feature is always negative."""
    g = stream(0, "probe")
    x = g.normal(size=(80, 5)).astype(np.float32)
    return from_arrays("rows", x, g.integers(0, 3, 80), (x[:0], np.zeros(0, int)))


def run(dataset, **changes):
    """Return extras of the last epoch, final weights and the last batch of a run."""
    spec = from_plain(PLAIN | changes)
    for epoch, session in train(spec, dataset):
        last, where = epoch, session
    flat = read_state(where, 1).arrays["params"]
    leaves = named_arrays(where.task.declared.leaves, flat)
    rows = where.engine.numpy(where.bound["train"].inputs["index"])[0]
    return last, leaves, rows, where


def test_activations_and_dead_units_equal_numpy(dataset):
    """Mean, deviation and dead units are those of the batch at the epoch's weights."""
    last, leaves, rows, _ = run(dataset, probes="activations,dead")
    x = dataset.x[rows].astype(float)
    before = x @ leaves["1.w"] + leaves["1.b"]
    after = np.maximum(before, 0)
    for name, values in (("1", before), ("2", after)):
        np.testing.assert_allclose(last.extra[f"activation_mean.{name}"], values.mean())
        np.testing.assert_allclose(last.extra[f"activation_std.{name}"], values.std())
    np.testing.assert_allclose(last.extra["dead.2"], (after.max(axis=0) == 0).mean(), atol=1e-12)


def test_dead_units_are_found(dataset):
    """With an enormous rate most units die, and the probe says how many."""
    last, leaves, rows, _ = run(dataset, probes=["dead"], optimizer="sgd(lr=30.0)", epochs=1)
    units = dataset.x[rows] @ leaves["1.w"] + leaves["1.b"]
    dead = (units.max(axis=0) <= 0).mean()
    assert last.extra["dead.2"] == pytest.approx(dead)


def test_gradient_norm_and_update_ratio_equal_a_step_of_sgd(dataset):
    """The gradient is that of the batch; plain SGD moves by its rate times it."""
    last, leaves, rows, session = run(dataset, probes="grad_norm,update_ratio")
    programs = {"gradient": gradient_program(session.task, 40)}
    bound = bind_programs(programs, session.engine, session.shared)["gradient"]
    session.engine.write(bound.inputs["index"], rows[None])
    bound.replay()
    g = session.engine.numpy(bound.outputs["gradient"])[0]
    named = named_arrays(session.task.declared.leaves, g)
    np.testing.assert_allclose(last.extra["grad_norm"], np.linalg.norm(g))
    for name, own in named.items():
        np.testing.assert_allclose(last.extra[f"grad_norm.{name}"], np.linalg.norm(own))
    for name in ("1.w", "3.w"):
        ratio = 0.1 * np.linalg.norm(named[name]) / np.linalg.norm(leaves[name])
        np.testing.assert_allclose(last.extra[f"update_ratio.{name}"], ratio, rtol=1e-9)


def test_probes_change_no_bit_of_a_run(dataset):
    """Weights, slots and losses with all probes equal those without, batch norm and dropout too."""
    plain = PLAIN | {"model": "fc_net(hidden=[8, 6], norm='batch', dropout=0.3)", "epochs": 3}
    plain |= {"optimizer": "adam", "precision": "float32", "batch_size": 32}
    found = []
    for probes in ((), PROBES):
        session = open_session([from_plain(plain | {"probes": probes})], dataset)
        losses = [epochs[0].train_loss for epochs in train_session(session)]
        found.append((losses, read_state(session, 3)))
    assert found[0][0] == found[1][0]
    for name, values in found[0][1].arrays.items():
        np.testing.assert_array_equal(values, found[1][1].arrays[name])


def test_batched_runs_are_probed_separately(dataset):
    """Every run of a session gets its own numbers, those it would get alone."""
    specs = [from_plain(PLAIN | {"seed": s, "probes": PROBES}) for s in (3, 8)]
    (together,) = train_session(open_session(specs, dataset))
    for spec, epoch in zip(specs, together, strict=True):
        ((alone,),) = train_session(open_session([spec], dataset))
        assert alone.extra == epoch.extra
    assert together[0].extra != together[1].extra


def test_rows_hold_what_was_probed_and_the_store_keeps_it_apart(dataset):
    """Probed columns are in the epoch's row; for the store they go under `extra`."""
    last, *_ = run(dataset, probes=list(PROBES))
    assert all(is_probed(name) for name in last.extra)
    kept = columns(last.row())
    assert kept["extra"] == last.extra
    assert kept["train_loss"] == last.train_loss
    assert set(PROBED) == set(PROBES)


def test_short_epochs_are_probed_rarely(dataset):
    """With two steps an epoch, one epoch in twenty is probed, the first among them."""
    spec = from_plain(PLAIN | {"probes": ["dead"], "epochs": 41})
    probed = [e.epoch for (e,) in train_session(open_session([spec], dataset)) if e.extra]
    assert probed == [1, 21, 41]


def test_a_model_is_fitted_with_probes_and_augmentation(dataset):
    """`Model.fit` takes both as texts, and the history holds what was measured."""
    model = Model("mlp(hidden=[4])")
    history = model.fit(
        dataset.x, dataset.y, epochs=1, verbose=0, probes="grad_norm, dead", augment="mixup"
    )
    assert history.history["grad_norm"][0] > 0
    assert "dead.2" in history.history


def test_an_unknown_probe_names_the_nearest():
    """A wrong name is one sentence with the right ones."""
    with pytest.raises(UsageError, match="unknown probe 'ded'; did you mean 'dead'"):
        from_plain(PLAIN | {"probes": ["ded"]})
