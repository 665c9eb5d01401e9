"""Layers: gradients through a scope, values, dropout, penalties."""

import numpy as np
import pytest

from steepest.nn import (
    GELU,
    Chain,
    Dropout,
    Flatten,
    LeakyReLU,
    Linear,
    Node,
    ReLU,
    Residual,
    Sigmoid,
    SiLU,
    Tanh,
)
from steepest.nn.check import check_layer
from steepest.nn.composition import Graph
from steepest.nn.layer import penalize
from steepest.nn.scope import Scope
from steepest.program import F, Recorder
from steepest.program.gradient import evaluate
from steepest.seeds import keys, stream

X = stream(0, "layer").standard_normal((2, 4, 3, 2))
FLAT = X.reshape(2, 4, 6)
LAYERS = {
    "linear": Linear(5),
    "linear without bias": Linear(5, bias=False),
    "linear as wide as the classes": Linear("classes"),
    "flatten": Flatten(),
    "relu": ReLU(),
    "leaky relu": LeakyReLU(0.2),
    "tanh": Tanh(),
    "sigmoid": Sigmoid(),
    "gelu": GELU(),
    "silu": SiLU(),
    "dropout": Dropout(0.4),
    "chain": Chain(Flatten(), Linear(5), Tanh(), Dropout(0.2), Linear("classes")),
    "residual": Residual(Chain(Linear(4), Tanh(), Linear(2))),
    "residual with shortcut": Residual(Linear(3), Linear(3, bias=False)),
    "graph": Graph(
        (Node("a", Linear(4), ("x",)), Node("b", Tanh(), ("a",)), Node("c", Linear(2), ("a", "b")))
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_gradient_equals_central_differences(name):
    """The gradient to input and parameters agrees to 1e-6, two runs at once."""
    found = check_layer(LAYERS[name], X)
    assert found, str(found)


def outputs(layer, x=FLAT, train=False, step=1, parameters=None):
    """Return a layer's output for given parameters (all ones by default)."""
    recorder = Recorder()
    given = {"x": x, "key": np.concatenate([keys(r, np.array([step])) for r in range(len(x))])}

    def find(leaf):
        if leaf.name not in recorder.inputs:
            given[leaf.name] = (parameters or {}).get(leaf.name, np.ones((len(x), *leaf.shape)))
            known[leaf.name] = recorder.input(leaf.name, (len(x), *leaf.shape))
        return known[leaf.name]

    known = {}
    key = recorder.input("key", (len(x), 2), "word")
    scope = Scope(find, train=train, key=key if train else None, classes=3)
    y = layer(recorder.input("x", x.shape), scope)
    return evaluate(recorder.program({"y": y}), given)["y"]


@pytest.mark.torch
@pytest.mark.parametrize("name", ["relu", "leaky relu", "tanh", "sigmoid", "gelu", "silu"])
def test_activations_equal_torch(name):
    """Forward values of every activation equal torch's to 1e-14, far tails included."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    theirs = {
        "relu": torch.nn.functional.relu,
        "leaky relu": lambda x: torch.nn.functional.leaky_relu(x, 0.2),
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "gelu": torch.nn.functional.gelu,
        "silu": torch.nn.functional.silu,
    }[name]
    x = np.linspace(-800, 800, 4001).reshape(1, 1, -1)
    np.testing.assert_allclose(outputs(LAYERS[name], x), theirs(torch.tensor(x)), atol=1e-13)


def test_linear_is_a_product_and_a_sum():
    """Weights lie (in, out); every run has its own."""
    g = stream(1, "linear")
    w, b = g.standard_normal((2, 6, 5)), g.standard_normal((2, 5))
    found = outputs(Linear(5), parameters={"w": w, "b": b})
    np.testing.assert_allclose(found, np.einsum("rni,rio->rno", FLAT, w) + b[:, None])


def test_dropout_scales_what_it_keeps():
    """In training elements are 0 or x / (1 - rate), otherwise the layer is the identity."""
    found = outputs(Dropout(0.25), train=True)
    kept = found != 0
    np.testing.assert_allclose(found[kept], FLAT[kept] / 0.75)
    assert 0 < kept.mean() < 1
    np.testing.assert_array_equal(outputs(Dropout(0.25)), FLAT)
    np.testing.assert_array_equal(outputs(Dropout(0.0), train=True), FLAT)


def test_dropout_changes_with_the_step_and_the_layer():
    """The mask depends on the step, on the run and on the layer's name, and on nothing else."""
    layer = Dropout(0.5)
    np.testing.assert_array_equal(outputs(layer, train=True), outputs(layer, train=True))
    assert np.any(outputs(layer, train=True) != outputs(layer, train=True, step=2))
    both = outputs(layer, np.ones((2, 40, 6)), train=True)
    assert np.any(both[0] != both[1])
    assert np.any(outputs(layer, train=True) != outputs(Chain(layer), train=True))


def test_dropout_without_a_key_is_an_error():
    """Training mode without randomness names the layer."""
    recorder = Recorder()
    scope = Scope(lambda leaf: leaf, train=True, path=("3",))
    with pytest.raises(ValueError, match="layer '3' needs a random key"):
        Dropout(0.5)(recorder.input("x", (1, 2, 3)), scope)


@pytest.mark.parametrize(("l1", "l2"), [(0.1, 0.0), (0.0, 0.2), (0.1, 0.2), (0.0, 0.0)])
def test_penalties_equal_the_formula(l1, l2):
    """The sum of l1 * sum|w| + l2 * sum(w²), one number a run."""
    w = stream(2, "penalty").standard_normal((3, 4, 5))
    recorder = Recorder()
    scope = Scope(lambda leaf: leaf)
    penalize(recorder.input("w", w.shape), l1, l2, scope)
    total = recorder.constant(np.zeros(3))
    for penalty in scope.penalties:
        total = F.add(total, penalty)
    found = evaluate(recorder.program({"y": total}), {"w": w})["y"]
    expected = l1 * np.abs(w).sum((1, 2)) + l2 * np.square(w).sum((1, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_penalties_act_on_weights_alone():
    """A linear layer penalizes w and leaves b out."""
    recorder = Recorder()
    known = {}
    scope = Scope(
        lambda leaf: known.setdefault(leaf.name, recorder.input(leaf.name, (1, *leaf.shape)))
    )
    Linear(2, l2=0.5)(recorder.input("x", (1, 1, 3)), scope)
    assert len(scope.penalties) == 1
    program = recorder.program({"p": scope.penalties[0]})
    found = evaluate(program, {"w": np.ones((1, 3, 2)), "b": np.full((1, 2), 9.0)})
    assert found["p"] == pytest.approx(3.0)


def test_the_public_check_takes_layers_architectures_and_functions():
    """`steepest.check_gradients` passes on all three and refuses a layer without its examples."""
    import steepest
    from steepest.errors import UsageError

    x = np.random.default_rng(0).normal(size=(4, 6))
    assert steepest.check_gradients(steepest.nn.Linear(3), x)
    assert steepest.check_gradients(steepest.nn.zoo.mlp(hidden=(5,)), x)
    assert steepest.check_gradients(lambda w: 2.0 * steepest.F.tanh(w), x)
    with pytest.raises(UsageError, match="one array of examples"):
        steepest.check_gradients(steepest.nn.Linear(3))
