"""The executor: a planned replay equals the definitions, whatever lies over whatever."""

import gc
import tracemalloc

import numpy as np
import pytest
from harness import small_task
from random_program import Writer, replays_differ

from steepest.engine import executor
from steepest.engine.executor import bind_programs, call_count
from steepest.engine.numpy_engine import NumpyEngine
from steepest.nn import zoo
from steepest.nn.arch import initial_values
from steepest.optim import SGD, Adam
from steepest.program import F, Recorder, chain
from steepest.program.trace import Value
from steepest.train.step import eval_program, train_program


def bind(program, engine):
    return bind_programs({"p": program}, engine, {})["p"]


def random_program(seed, size=12):
    return Writer(seed, 1 + seed % 3, size).write(8 + seed % 30)


def worst_difference(engine, seeds, size=12):
    found = {s: replays_differ(random_program(s, size), engine, bind, s) for s in seeds}
    return max(found.items(), key=lambda item: item[1])


@pytest.fixture
def _small_blocks(monkeypatch):
    monkeypatch.setattr(chain, "SMALLEST", 8)
    monkeypatch.setattr(executor, "BLOCK", 5)


def test_random_programs_replay_as_defined():
    """400 random programs, three replays each, equal their definitions in float64."""
    seed, worst = worst_difference(NumpyEngine(np.float64, native="off"), range(400))
    assert worst < 1e-12, f"seed {seed} differs by {worst}"


@pytest.mark.usefixtures("_small_blocks")
def test_random_programs_replay_as_defined_in_blocks():
    """The same with blocks of five elements, so that chains are everywhere."""
    seeds = range(1000, 1400)
    assert any(bound_has_blocks(s) for s in (1000, 1001, 1002))
    seed, worst = worst_difference(NumpyEngine(np.float64, native="off"), seeds)
    assert worst < 1e-12, f"seed {seed} differs by {worst}"


def bound_has_blocks(seed):
    from steepest.program.plan import plan

    return any(step.is_chain for step in plan(random_program(seed)).steps)


@pytest.mark.torch
@pytest.mark.usefixtures("_small_blocks")
def test_random_programs_replay_as_defined_on_torch():
    """The torch engine on the same kind of programs."""
    pytest.importorskip("torch", reason="torch is not installed")
    from steepest.engine.torch_engine import TorchEngine

    seed, worst = worst_difference(TorchEngine(np.float64, native="off"), range(2000, 2150))
    assert worst < 1e-12, f"seed {seed} differs by {worst}"
    seed, worst = worst_difference(TorchEngine(np.float64), range(3000, 3008))
    assert worst < 1e-12, f"compiled, seed {seed} differs by {worst}"


@pytest.mark.usefixtures("_small_blocks")
def test_random_programs_replay_as_defined_compiled():
    """The compiled kernels, where there is a compiler, on a few programs."""
    seed, worst = worst_difference(NumpyEngine(np.float64), [*range(3000, 3010), 5064])
    assert worst < 1e-12, f"seed {seed} differs by {worst}"


def test_swapped_states_swap_at_every_replay():
    """A ← b and b ← a, with an output that shows the old a."""
    recorder = Recorder()
    a, b = recorder.input("a", (1, 2)), recorder.input("b", (1, 2))
    engine = NumpyEngine(np.float64)
    program = recorder.program({"before": a, "sum": a + b}, {"a": (a, b), "b": (b, a)})
    bound = bind(program, engine)
    engine.write(bound.inputs["a"], np.array([[1.0, 2.0]]))
    engine.write(bound.inputs["b"], np.array([[3.0, 4.0]]))
    for expected in ([3.0, 4.0], [1.0, 2.0], [3.0, 4.0]):
        bound.replay()
        assert bound.inputs["a"].tolist() == [expected]
        assert bound.outputs["before"].tolist() != [expected]


def test_two_programs_share_one_arena_and_their_named_memory():
    """Training and evaluation replay in turn over one arena and see the same parameters."""
    engine = NumpyEngine(np.float64, native="off")
    recorder = [Recorder(), Recorder()]
    programs = {}
    for name, r in zip(("train", "eval"), recorder, strict=True):
        p, x = r.input("p", (1, 50)), r.input("x", (1, 50))
        y = F.tanh(F.exp(p * 0.1) + x)
        pairs = {"p": (p, p + 0.5 * y)} if name == "train" else {}
        programs[name] = r.program({"y": F.sum(y, axis=1)}, pairs)
    shared = {"p": engine.array(Value((1, 50), "real"))}
    bounds = bind_programs(programs, engine, shared)
    assert bounds["train"].inputs["p"] is bounds["eval"].inputs["p"]
    assert call_count(list(bounds.values())) == sum(len(b.code) for b in bounds.values())
    p, x = np.zeros(50), np.linspace(-1, 1, 50)
    for bound in bounds.values():
        engine.write(bound.inputs["x"], x[None])
    for _ in range(3):
        bounds["train"].replay()
        p = p + 0.5 * np.tanh(np.exp(p * 0.1) + x)
        bounds["eval"].replay()
        expected = np.tanh(np.exp(p * 0.1) + x).sum()
        assert bounds["eval"].outputs["y"].item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.torch
def test_a_decayed_prefix_is_written_in_place_on_torch():
    """One run with weight decay: parts of the parameters are overwritten without a complaint."""
    pytest.importorskip("torch", reason="torch is not installed")
    from harness import train_steps

    from steepest.engine.torch_engine import TorchEngine

    arch, rules = zoo.mlp(hidden=(7,)), [SGD(lr=0.1, weight_decay=0.01)]
    ours, _ = train_steps(arch, rules, [0], TorchEngine(np.float64), steps=5)
    plain, _ = train_steps(arch, rules, [0], NumpyEngine(np.float64), steps=5)
    np.testing.assert_allclose(ours, plain, atol=1e-13)


def training_step(native, dtype=np.float32):
    """Return the bound 784-128-64-10 step with dropout on 300 images, ready to replay."""
    arch = zoo.mlp(dropout=0.2)
    task = small_task(arch, 1, (28, 28, 1))
    engine = NumpyEngine(dtype, native=native)
    programs = {
        "train": train_program(task, [Adam(weight_decay=0.01)], 64),
        "eval": eval_program(task, 64),
    }
    start = initial_values(task.declared.leaves, 0)[None]
    shared = {"params": engine.array(Value(start.shape, "real"), start)}
    bounds = bind_programs(programs, engine, shared)
    for bound in bounds.values():
        for name in ("coefficients", "coefficients.rest"):
            if name in bound.inputs:
                engine.write(bound.inputs[name], np.full(bound.inputs[name].shape, 1e-3))
    return bounds


PEAK = {"auto": 1024, "off": 40_000}  # uncompiled, a ufunc's own buffer of 8,192 elements


@pytest.mark.parametrize("native", PEAK)
def test_a_replay_allocates_nothing(native):
    """Fifty replays of training and evaluation leave nothing behind and hold no array meanwhile."""
    bounds = training_step(native)
    gc.collect()
    tracemalloc.start()
    try:
        replay_all(bounds, 100)  # fills the free lists of Python and NumPy
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        replay_all(bounds, 50)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1024
    assert peak - before < (PEAK[native] if NumpyEngine().is_native else PEAK["off"])


def replay_all(bounds, times):
    for _ in range(times):
        for bound in bounds.values():
            bound.replay()
