"""The whole gradient of a network equals `torch.autograd`'s."""

import numpy as np
import pytest

from steepest.engine.executor import bind_programs
from steepest.engine.numpy_engine import NumpyEngine
from steepest.nn import CrossEntropy, zoo
from steepest.nn.arch import initial_values, named_arrays
from steepest.optim import SGD
from steepest.program.gradient import evaluate
from steepest.seeds import stream
from steepest.train.step import Task, train_program


def _problem(smoothing):
    arch = zoo.mlp()
    task = Task(arch, CrossEntropy(smoothing), (28, 28, 1), 10, 64, "byte", 1 / 255)
    generator = stream(3, "oracle")
    inputs = {
        "data": generator.integers(0, 256, (64, 28, 28, 1)),
        "targets": generator.integers(0, 10, 64),
        "index": np.arange(64)[None],
        "params": initial_values(task.declared.leaves, 0)[None],
        "key": np.zeros((1, 2)),
        "coefficients": np.ones((1, 1, 1)),
    }
    return task, inputs


def _autograd(task, inputs, smoothing):
    import torch

    leaves = {
        name: torch.tensor(a, requires_grad=True)
        for name, a in named_arrays(task.declared.leaves, inputs["params"][0]).items()
    }
    x = torch.tensor(inputs["data"] / 255.0).reshape(64, -1)
    x = torch.relu(x @ leaves["1.w"] + leaves["1.b"])
    x = torch.relu(x @ leaves["3.w"] + leaves["3.b"])
    x = x @ leaves["5.w"] + leaves["5.b"]
    loss = torch.nn.functional.cross_entropy(
        x, torch.tensor(inputs["targets"]), label_smoothing=smoothing
    )
    loss.backward()
    return float(loss.detach()), {name: leaf.grad.numpy() for name, leaf in leaves.items()}


@pytest.mark.torch
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_whole_gradient_equals_autograd(smoothing):
    """With lr = 1, p - new p is the gradient of the 784-128-64-10 MLP: equal to 1e-10."""
    pytest.importorskip("torch", reason="torch is not installed")
    task, inputs = _problem(smoothing)
    program = train_program(task, [SGD(lr=1.0)], 64)
    loss, oracle = _autograd(task, inputs, smoothing)
    engine = NumpyEngine(np.float64)
    bound = bind_programs({"train": program}, engine, {})["train"]
    for name, data in inputs.items():
        engine.write(bound.inputs[name], np.asarray(data))
    bound.replay()
    by_definition = evaluate(program, inputs)
    for after in (bound.inputs["params"], by_definition["params"]):
        ours = named_arrays(task.declared.leaves, (inputs["params"] - after)[0])
        for name, gradient in oracle.items():
            assert np.abs(ours[name] - gradient).max() < 1e-10
    assert float(bound.outputs["loss"][0]) / 64 == pytest.approx(loss, rel=1e-12)
