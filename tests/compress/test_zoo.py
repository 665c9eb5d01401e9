"""Every network of the zoo, pruned: the same function, fewer operations, and a network still."""

from dataclasses import replace

import numpy as np
import pytest

from steepest.compress.tune import Plan, _mask, _opened, prune, write_mask
from steepest.data import from_arrays
from steepest.nn.zoo import ARCHS
from steepest.part import Part
from steepest.seeds import stream
from steepest.spec import RunSpec, from_plain
from steepest.train.evaluate import outputs
from steepest.train.export import export
from steepest.train.finish import complete
from steepest.train.loop import train_session
from steepest.train.session import open_session, read_state
from steepest.train.state import State

SMALL = {  # options that make an entry quick; its structure is unchanged
    "mlp": {"hidden": (12, 9)},
    "fc_net": {"hidden": (12, 9), "norm": "batch"},
    "two_layer": {"hidden": 12},
    "three_layer_conv": {"filters": 6, "hidden": 10},
    "vgg": {"filters": (6, 8, 10), "hidden": 12},
    "quizdnn": {"filters": 8},
    "resnet18": {"width": 4},
    "resnet20": {"width": 6},
}
MODELS = {n: Part(n, tuple(sorted(SMALL.get(n, {}).items()))) for n in ARCHS if n != "described"}
MODELS["mlp with dropout"] = Part("mlp", (("dropout", 0.2), ("hidden", (12, 9))))
PLAN = Plan("l1", 0.5, structured=True)


def images():
    """Return 48 random images of four classes."""
    x = stream(0, "x").integers(0, 256, size=(48, 16, 16, 3)).astype(np.uint8)
    return from_arrays("random", x, np.arange(48) % 4)


def start(spec, dataset):
    """Return drawn weights and statistics, none of them special."""
    state = read_state(open_session([spec], dataset), 0)
    moved = {n: a + 0.1 * stream(1, n).random(a.shape) for n, a in state.arrays.items()}
    return State(0, moved)


def spec_of(name, **changes):
    """Return the spec of a short run of a network of the zoo."""
    return RunSpec(data="random", model=MODELS[name], batch_size=16, epochs=1, **changes)


@pytest.mark.parametrize("name", MODELS)
def test_pruned_network_equals_the_masked_one(name):
    """In float64, before fine-tuning, the smaller network computes what the masked one does."""
    dataset, spec = images(), spec_of(name, precision="float64")
    state = start(spec, dataset)
    small = prune(spec, dataset, state, PLAN).session
    masked = _opened(spec, dataset, state, masked=True)
    whole = outputs(masked, dataset.x)[0]
    write_mask(masked, _mask(masked, PLAN, 0.5))
    ours, theirs = (outputs(s, dataset.x)[0] for s in (small, masked))
    assert np.abs(ours - theirs).max() <= 1e-12 * np.abs(theirs).max()
    assert np.abs(whole - theirs).max() > 1e-6  # something was removed
    assert small.task.declared.size < masked.task.declared.size
    assert small.flops < masked.flops


@pytest.mark.parametrize("name", MODELS)
def test_pruned_network_is_exported(name, tmp_path):
    """In onnxruntime the pruned network gives our outputs to 1e-5."""
    pytest.importorskip("onnxruntime")
    dataset, spec = images(), spec_of(name)
    found = prune(spec, dataset, start(spec, dataset), PLAN)
    assert export(found.session, "onnx", tmp_path / "net").error <= 1e-5


@pytest.mark.parametrize("name", ["fc_net", "quizdnn", "resnet20"])
def test_pruned_networks_train_on_resume_and_batch(name):
    """Read from plain values: two runs in one program equal two, and a resumed one goes on."""
    dataset, spec = images(), spec_of(name)
    pruned = prune(spec, dataset, start(spec, dataset), PLAN)
    small = replace(from_plain(pruned.spec.plain()), epochs=2)
    specs = [small, replace(small, seed=1)]
    session = open_session(specs, dataset)
    list(train_session(session))
    for run, one in enumerate(specs):
        alone = complete(one, dataset).last
        assert np.array_equal(read_state(session, 2, run).arrays["params"], alone.arrays["params"])
    half = []
    complete(small, dataset, on_epoch=lambda _, read: bool(half.append(read())) or True)
    resumed = complete(small, dataset, state=half[0]).last
    assert np.array_equal(resumed.arrays["params"], complete(small, dataset).last.arrays["params"])
