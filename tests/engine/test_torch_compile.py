"""Whole programs as functions of torch: the text, what it computes, and what the compiler makes."""

import numpy as np
import pytest
from harness import small_task, train_arrays
from primitive_case import CASES
from problems import NETS, RULE_CASES
from test_kernel import compare, definition, prepared

from steepest.errors import UsageError
from steepest.nn import zoo
from steepest.optim import SGD, Adam
from steepest.spec import RunSpec
from steepest.train.step import train_program

torch = pytest.importorskip("torch", reason="torch is not installed")
pytestmark = pytest.mark.torch

from steepest.engine.torch_engine import TorchEngine  # noqa: E402 - after torch decided
from steepest.engine.torch_pure import pure_functions, salted  # noqa: E402


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_pure_function_equals_the_definition(case):
    """Every primitive, in both precisions; nothing is written into its arguments."""
    for dtype in (np.float64, np.float32):
        engine = TorchEngine(dtype)
        arrays, values, instruction = prepared(case)
        given = [engine.array(values[i], a) for i, a in zip(instruction.args, arrays, strict=True)]
        before = [a.clone() for a in given]
        attributes = dict(instruction.attributes)
        if case.name == "dropout_mask":
            given.append(salted(attributes))
            attributes.pop("salt")
        function = pure_functions(engine._types["real"], False)[case.name]
        found = function(*given, **attributes)
        outs = found if isinstance(found, tuple) else (found,)
        rounded = [np.asarray(a, dtype) if a.dtype.kind == "f" else a for a in arrays]
        compare(engine, outs, definition(case, rounded), dtype)
        assert all(torch.equal(a, b) for a, b in zip(before, given, strict=False))


def _agree(arch, rules, tolerance=1e-11):
    """Assert that the generated function trains as the planned program does, R runs."""
    seeds = list(range(len(rules)))
    ours, losses = train_arrays(arch, rules, seeds, TorchEngine(np.float64), 8)
    engine = TorchEngine(np.float64, compiled=True)
    whole, other = train_arrays(arch, rules, seeds, engine, 8)
    assert np.abs(losses - other).max() < tolerance
    for name, values in ours.items():
        assert np.abs(values - whole[name]).max() < tolerance, name


@pytest.fixture
def uncompiled(monkeypatch):
    """Let the generated function run as it is: what it computes, without waiting for C."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("name", NETS)
def test_the_function_trains_as_the_planned_program(name):
    """Three runs of Adam: parameters, slots and losses agree after eight steps, to 1e-11."""
    _agree(NETS[name], [Adam(lr=1e-3 * (1 + s)) for s in range(3)])


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("rule", RULE_CASES)
def test_every_rule_is_lowered(rule):
    _agree(NETS["mlp"], [RULE_CASES[rule]])


@pytest.mark.usefixtures("uncompiled")
def test_networks_for_images_are_lowered():
    """Convolution, pooling, batch normalization and running statistics, two runs."""
    from steepest.nn import Arch, BatchNorm, Chain, Conv2D, Flatten, Linear, MaxPool, ReLU

    net = Chain(
        Conv2D(4, bias=False), BatchNorm(), ReLU(), MaxPool(), Conv2D(3), ReLU(), Flatten(),
        Linear("classes"),
    )  # fmt: skip
    _agree(Arch("own", net), [Adam(), Adam(lr=0.01)], 1e-9)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # PyTorch's own
def test_the_compiled_function_trains_as_the_planned_program():
    """The real compiler on an MLP with dropout: float64 to 1e-11 after eight steps."""
    _agree(NETS["mlp with dropout"], [Adam(), Adam(lr=0.01)])


@pytest.mark.usefixtures("uncompiled")
def test_the_graph_can_be_read():
    """One text of ATen calls that ends by writing two outputs and the parameters."""
    from steepest.engine.executor import bind_programs

    program = train_program(small_task(zoo.mlp(hidden=(5,), dropout=0.5)), [SGD()], 8)
    bound = bind_programs({"train": program}, TorchEngine(np.float64, compiled=True), {})["train"]
    assert bound.source.count("torch.ops.aten.mm.default") == 5
    assert bound.source.count("torch.ops.aten.copy_.default") == 3


def test_compile_needs_torch_and_no_code_of_ones_own():
    assert RunSpec(engine="auto", compile=True).engine == "torch"
    for values in ({}, {"optimizer": "torch.optim:SGD", "engine": "torch"}):
        with pytest.raises(UsageError, match="compile needs the engine torch or auto"):
            RunSpec(compile=True, **values)


def test_what_cannot_be_compiled_says_so(monkeypatch):
    """One sentence with the compiler's reason, not a page of it."""

    def broken(_, **__):
        def step(*_):
            raise RuntimeError("no compiler\nat all" + 30 * " x")

        return step

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.raises(UsageError, match=r"failed: no compiler at all x.*x; leave out compile$"):
        train_arrays(NETS["mlp"], [SGD()], [0], TorchEngine(compiled=True), 1)
