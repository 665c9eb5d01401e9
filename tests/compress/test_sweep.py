from dataclasses import replace

import numpy as np
import pytest
from blots import SPEC, blots

from steepest.compress.cost import _moved, count, measure
from steepest.compress.mask import EmptiedError
from steepest.compress.scratch import narrowed_to, train_scratch
from steepest.compress.sensitivity import sensitivities
from steepest.compress.summary import COSTS, pareto, summarise
from steepest.compress.sweep import Sweep, Watch, read_sweep, run_sweep
from steepest.errors import UsageError
from steepest.nn import zoo
from steepest.train.evaluate import outputs
from steepest.train.finish import complete
from steepest.train.session import read_state

SWEEP = Sweep(
    replace(SPEC, model="baseline_cnn", epochs=1), ("l1", "taylor"), True, (0.5, 0.75), 1, 2
)


@pytest.fixture(scope="module")
def points():
    """Return the points of a structured sweep over two seeds."""
    return list(run_sweep(SWEEP, blots(), watch=Watch(test=True, seconds=0.001)))


def test_sweep_brings_its_baselines(points):
    """Random pruning, the small network from scratch and the dense one belong to every sweep."""
    found = [(p.method, p.sparsity) for p in points if p.seed == 0]
    methods = ("l1", "taylor", "random", "scratch")
    assert found == [("dense", 0.0), *((m, s) for s in (0.5, 0.75) for m in methods)]
    assert [p.seed for p in points] == [0] * 9 + [1] * 9


def test_rival_networks_of_a_sparsity_have_equal_shapes(points):
    """At one sparsity every method and the network from scratch cost the same when run."""
    for sparsity in (0.5, 0.75):
        costs = [p.cost for p in points if p.sparsity == sparsity]
        assert len({(c.params, c.flops, c.memory_bytes) for c in costs}) == 1
    dense, half = points[0].cost, points[1].cost
    assert half.flops < dense.flops
    assert half.memory_bytes < dense.memory_bytes
    assert half.bytes_compressed < half.bytes_dense < dense.bytes_dense


def test_scratch_spends_no_more_than_training_and_pruning(points):
    """The baseline's compute is that of the large network, or twice its epochs."""
    for seed in (0, 1):
        mine = [p for p in points if p.seed == seed]
        dense = mine[0].flops  # one epoch; the large run was one epoch more
        for p in mine:
            if p.method == "scratch":
                spent = dense + next(q.flops for q in mine if q.sparsity == p.sparsity)
                assert p.epochs == 4 or abs(p.flops - spent) <= p.flops / p.epochs


def test_rows_have_intervals_and_paired_losses(points):
    """A row has the mean over seeds, and its loss against the dense network of the same seed."""
    rows = summarise(points)
    dense, *rest = rows
    assert dense.drop is None
    for row in rest:
        mine = [p.accuracy for p in points if (p.method, p.sparsity) == (row.method, row.sparsity)]
        assert row.accuracy.mean == pytest.approx(np.mean(mine))
        assert row.drop.mean == pytest.approx(dense.accuracy.mean - row.accuracy.mean)
        assert row.drop.low <= row.drop.mean <= row.drop.high
        assert row.test.n == 2


def test_front_rises_with_cost(points):
    """No network of the Pareto front is both dearer and no better than another."""
    rows = summarise(points)
    front = pareto(rows, "FLOPs")
    costs = [COSTS["FLOPs"](r.cost) for r in front]
    scores = [r.accuracy.mean for r in front]
    assert costs == sorted(costs)
    assert scores == sorted(set(scores))
    assert scores[-1] == max(r.accuracy.mean for r in rows)


def test_masked_network_costs_what_the_dense_one_does():
    """Zeros in tensors save bytes after compression and nothing else."""
    sweep = Sweep(replace(SPEC, epochs=1), sparsities=(0.9,), finetune=0, seeds=1)
    (dense, masked, *_) = run_sweep(sweep, blots(), watch=Watch(seconds=0.001))
    assert masked.cost.params == dense.cost.params
    assert masked.cost.flops == dense.cost.flops
    assert masked.cost.nonzero < 0.3 * dense.cost.nonzero
    assert masked.cost.bytes_compressed < 0.4 * dense.cost.bytes_compressed
    assert [part.sparsity > 0 for part in masked.layers].count(True) >= 3
    assert set(dense.cost.latency) >= {"numpy 1", "numpy 64"}


def test_smaller_network_is_measurably_faster():
    """A tenth of the channels makes a convolutional network faster at a batch of 64."""
    dataset = blots()
    spec = replace(SPEC, model="vgg(filters=(48,64),hidden=32)", epochs=1)
    dense = complete(spec, dataset)
    small = narrowed_to(spec.arch, (8, 8, 1), 3, dense.params // 50)
    thin = train_scratch(spec, dataset, small, 0.0, 1).session
    assert count(thin).params <= dense.params // 50
    assert (
        measure(thin, 0.05).latency["numpy 64"]
        < 0.7 * (measure(dense.session, 0.05).latency["numpy 64"])
    )


def test_latency_is_of_every_engine():
    """Each engine that is installed is timed at both batches, whichever trained the network."""
    pytest.importorskip("torch")
    for engine in ("numpy", "torch"):
        session = complete(replace(SPEC, epochs=1, engine=engine), blots()).session
        found = measure(session, 0.001).latency
        assert {f"{e} {n}" for e in ("numpy", "torch") for n in (1, 64)} <= set(found)
        assert all(seconds > 0 for seconds in found.values())


def test_moved_network_computes_the_same():
    """On the other engine a network's outputs are its own, up to rounding."""
    pytest.importorskip("torch")
    dataset = blots()
    session = complete(replace(SPEC, epochs=1), dataset).session
    there = _moved(session, "torch")
    for network in (session, there):
        assert network.engine.name in ("numpy", "torch")
    ours, theirs = (outputs(n, dataset.x[:9])[0] for n in (session, there))
    assert np.abs(ours - theirs).max() < 1e-5


def test_narrowing_meets_the_count():
    """The widest network within a number of parameters is found."""
    small = narrowed_to(zoo.baseline_cnn(), (28, 28, 1), 10, 20_000)
    assert 17_000 < small.count_params((28, 28, 1), 10) <= 20_000


@pytest.mark.parametrize("structured", [False, True])
def test_sensitivity_leaves_the_weights_alone(structured):
    """Every layer has its sensitivities, and the session its weights."""
    session = complete(SPEC, blots()).session
    before = read_state(session, 0).arrays["params"]
    found = sensitivities(session, "random", structured, (0.0, 0.5))
    layers = list(dict.fromkeys(s.layer for s in found))
    assert len(layers) == (5 if structured else 6)  # the classes are no channels
    assert len(found) == 2 * len(layers)
    assert len({s.accuracy for s in found if s.sparsity == 0.0}) == 1
    assert np.array_equal(read_state(session, 0).arrays["params"], before)


def test_sweep_is_read_from_plain_values():
    """A TOML file's values make a sweep; a wrong key is named with the nearest right one."""
    values = {"methods": ["l1"], "structured": True, "base": {"data": "digits", "model": "mlp"}}
    assert read_sweep(values, "a.toml").all_methods == ("l1", "random")
    with pytest.raises(UsageError, match=r"unknown key 'sparsity'.*sparsities"):
        read_sweep(values | {"sparsity": 0.5}, "a.toml")
    with pytest.raises(UsageError, match="unknown key 'modle'"):
        read_sweep(values | {"base": {"modle": "mlp"}}, "a.toml")
    with pytest.raises(UsageError, match="1 leaves no network"):
        read_sweep(values | {"sparsities": [0.5, 1.0]}, "a.toml")


def test_emptied_network_is_a_result():
    """Where a sparsity cuts a network in two, the point counts at chance; alone it is refused."""
    few = Sweep(replace(SPEC, epochs=1), ("magnitude",), sparsities=(0.5, 0.999), finetune=0)
    found = [
        p
        for p in run_sweep(replace(few, seeds=1), blots(), watch=Watch(seconds=0))
        if p.sparsity == 0.999
    ]
    assert [(p.method, p.status) for p in found] == [
        ("magnitude", "emptied"),
        ("random", "emptied"),
    ]
    assert summarise(found)[0].emptied == 1
    assert found[0].accuracy == pytest.approx(1 / 3)
    with pytest.raises(EmptiedError, match="would be pruned to nothing"):
        list(run_sweep(replace(few, sparsities=(0.999,), seeds=1), blots()))
