"""NumPy = torch = batched on whole training runs, by the ordinary session and loop."""

from dataclasses import replace

import numpy as np
import pytest

from steepest.data import from_arrays
from steepest.nn.description import to_text
from steepest.optim import RULES
from steepest.part import Part
from steepest.seeds import stream
from steepest.spec import RunSpec
from steepest.train.loop import train_session
from steepest.train.session import open_session, read_state

torch = pytest.importorskip("torch", reason="torch is not installed")
pytestmark = pytest.mark.torch

from steepest.nn import (  # noqa: E402 - after torch decided whether anything here runs
    Arch,
    BatchNorm,
    Chain,
    Conv2D,
    Dropout,
    Flatten,
    Linear,
    MaxPool,
    ReLU,
)

CNN = Chain(
    Conv2D(4, bias=False), BatchNorm(), ReLU(), MaxPool(), Conv2D(6), ReLU(), MaxPool(),
    Flatten(), Linear(8, bias=False), BatchNorm(), ReLU(), Dropout(0.2), Linear("classes"),
)  # fmt: skip
NETS = {
    "mlp with dropout": Part("mlp", (("dropout", 0.2), ("hidden", (10, 6)))),
    "cnn with batch norm": Part("described", (("text", to_text(Arch("own", CNN))),)),
}
STEPS = 50  # 10 epochs of 5 steps, the last one a tail
# at the default 1e-10 AdaGrad divides rounding noise (1e-17) by its eps: a step like a sign's
CALM = {"adagrad": "adagrad(eps=1e-06)"}
LOOSE = 2e-3  # of float32: one ReLU at its kink moves parameters by as much as the rate


@pytest.fixture(scope="module")
def images():
    """72 training images of three classes, each brighter in a third of its lines."""
    generator = stream(9, "images")
    x = generator.integers(0, 128, (90, 9, 8, 2)).astype(np.uint8)
    y = np.arange(90) % 3
    for row, label in zip(x, y, strict=True):
        row[3 * label : 3 * label + 3] += 100
    return from_arrays("images", x, y, (x[:0], y[:0]))


def _spec(net, **values):
    options = {"model": NETS[net], "epochs": 10, "batch_size": 16, "validation": 0.2}
    return RunSpec(**(options | values))


def _run(specs, images):
    """Train runs in one program; return (states, epochs) of each."""
    session = open_session(specs, images)
    rows = list(train_session(session))
    assert rows[-1][0].updates == STEPS
    return [read_state(session, 10, run) for run in range(len(specs))], rows


def _difference(a, b):
    return max(float(np.abs(a.arrays[n] - b.arrays[n]).max()) for n in b.arrays)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("net", NETS)
def test_engines_and_batches_agree_after_50_steps(net, rule, images):
    """Float64: NumPy alone = torch alone = torch with three runs, parameters and slots to 1e-9."""
    spec = _spec(net, optimizer=CALM.get(rule, rule), precision="float64")
    (ours,), _ = _run([spec], images)
    others = [replace(spec, engine="torch", seed=seed) for seed in (0, 3, 4)]
    (alone,), _ = _run(others[:1], images)
    together, _ = _run(others, images)
    assert _difference(alone, ours) < 1e-9
    assert _difference(together[0], ours) < 1e-9
    assert _difference(together[1], ours) > 1e-3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("augment", [(), ("crop(padding=1)", "flip")])
@pytest.mark.parametrize("net", NETS)
def test_a_cuda_device_agrees_after_50_steps(net, augment, images):
    """Float64, captured, augmented or not: alone and among three runs as NumPy, to 1e-9."""
    spec = _spec(net, optimizer="adam(lr=0.01)", precision="float64", augment=augment)
    (ours,), _ = _run([spec], images)
    others = [replace(spec, engine="torch", device="cuda", seed=seed) for seed in (0, 3, 4)]
    (alone,), _ = _run(others[:1], images)
    together, _ = _run(others, images)
    assert _difference(alone, ours) < 1e-9
    assert _difference(together[0], ours) < 1e-9


@pytest.mark.parametrize("net", NETS)
def test_engines_agree_loosely_in_float32(net, images):
    """Float32 after 50 steps of SGD: parameters within LOOSE, accuracies within one example."""
    spec = _spec(net, optimizer="sgd(lr=0.05)")
    (ours,), rows = _run([spec], images)
    (theirs,), seen = _run([replace(spec, engine="torch")], images)
    assert np.abs(ours.arrays["params"] - theirs.arrays["params"]).max() < LOOSE
    held = rows[-1][0].validation.examples
    found = [r[-1][0].validation.accuracy for r in (rows, seen)]
    assert abs(found[0] - found[1]) <= 1.0 / held


@pytest.mark.parametrize("net", NETS)
def test_bfloat16_learns_as_float32_does(net, images):
    """Training loss after ten epochs within a tenth of float32's, parameters float32."""
    spec = _spec(net, optimizer="adam(lr=0.01)", engine="torch")
    _, exact = _run([spec], images)
    (state,), rounded = _run([replace(spec, precision="bfloat16")], images)
    assert state.arrays["params"].dtype == np.float32
    first, last = exact[0][0].train_loss, exact[-1][0].train_loss
    assert last < 0.8 * first
    assert abs(rounded[-1][0].train_loss - last) < 0.1 * first


@pytest.mark.parametrize("net", NETS)
def test_a_diverged_run_leaves_its_neighbours_their_bits(net, images):
    """Three runs on torch, the middle one at rate 1e30: the others equal a batch without it."""
    base = _spec(net, optimizer="momentum(lr=0.05)", engine="torch")
    calm = [replace(base, seed=s) for s in (0, 1, 2)]
    wild = [calm[0], replace(calm[1], optimizer="momentum(lr=1e30)"), calm[2]]
    with_it, rows = _run(wild, images)
    without, _ = _run(calm, images)
    assert [e.diverged for e in rows[0]] == [False, True, False]
    for run in (0, 2):
        assert _difference(with_it[run], without[run]) == 0.0


def test_runs_of_one_program_have_their_own_rates_and_masks(images):
    """Two rates and two schedules of one seed: as each alone, and unlike each other."""
    base = _spec("mlp with dropout", engine="torch", precision="float64")
    made = [
        replace(base, optimizer="adam(lr=0.001)"),
        replace(base, optimizer="adam(lr=0.01)", schedule="cosine"),
    ]
    together, _ = _run(made, images)
    for run, spec in enumerate(made):
        (alone,), _ = _run([spec], images)
        assert _difference(together[run], alone) < 1e-9
    assert _difference(together[0], together[1]) > 1e-3


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("net", NETS)
def test_a_run_repeats_its_bits(net, threads, images):
    """Float32 on the CPU, with one thread and with two: states and rows are the same again."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        spec = _spec(net, optimizer="adam(lr=0.01)", engine="torch")
        (first,), rows = _run([spec], images)
        (second,), again = _run([spec], images)
    finally:
        torch.set_num_threads(before)
    assert _difference(first, second) == 0.0
    assert [e[0].train_loss for e in rows] == [e[0].train_loss for e in again]
