"""Time a training step of a convolutional network of the zoo beside eager PyTorch.

Every contender does the whole step: a mini-batch gathered from bytes, forward, backward, Adam, loss
and hits. They take turns within a round; figures are medians over rounds. `--profile` shows where
our NumPy step spends its time instead.

    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/cnn.py --model compact_cnn
"""

import argparse
import statistics
import time
from collections import Counter
from functools import partial

import numpy as np

from steepest.engine.allocation import keep_freed_blocks
from steepest.engine.executor import bind_programs
from steepest.engine.numpy_engine import NumpyEngine
from steepest.nn import CrossEntropy, zoo
from steepest.nn.arch import initial_values, named_arrays
from steepest.optim import Adam
from steepest.optim.rule import coefficient_table
from steepest.program.rewrite_pool import rewrite_pools
from steepest.program.trace import Value
from steepest.seeds import keys, stream
from steepest.train.step import Task, train_program

EXAMPLES, CLASSES = 2048, 10
SHAPES = {"compact_cnn": (28, 28, 1), "baseline_cnn": (28, 28, 1), "enhanced_cnn": (28, 28, 1)}


class Pooled(NumpyEngine):
    """The NumPy engine with pools rewritten as well."""

    def rewrite(self, program):
        """Return the program with every rewrite applied."""
        return super().rewrite(rewrite_pools(program))


class Bare(NumpyEngine):
    """The NumPy engine without rewrites."""

    def rewrite(self, program):
        """Return the program as it is."""
        return program


def ours(engine, arch, shape, batch):
    """Return step(i) of our program on an engine, and the bound program."""
    task = Task(arch, CrossEntropy(), shape, CLASSES, EXAMPLES, "byte", 1 / 255)
    generator = stream(0, "data")
    data = generator.integers(0, 256, (EXAMPLES, *shape)).astype(np.uint8)
    labels = generator.integers(0, CLASSES, EXAMPLES)
    declared, rules = task.declared, [Adam()]
    value = Value((1, declared.size), "real")
    start = initial_values(declared.leaves, 0)[None]
    shared = {
        "data": engine.array(Value(data.shape, "byte"), data),
        "targets": engine.array(Value(labels.shape, "int"), labels),
        "params": engine.array(value, start),
        **{f"slot.{n}": engine.array(value) for n in rules[0].slots},
    }
    program = train_program(task, rules, batch)
    bound = bind_programs({"train": program}, engine, shared)["train"]
    table = coefficient_table(rules, np.arange(1, 1001), np.full((1000, 1), 1e-3))[1]
    words = keys(0, np.arange(1000))[:, None]
    order = generator.integers(0, EXAMPLES, (1000, 1, batch))

    def step(i):
        engine.write(bound.inputs["index"], order[i % 1000])
        if "key" in bound.inputs:
            engine.write(bound.inputs["key"], words[i % 1000])
        engine.write(bound.inputs["coefficients"], table[i % 1000])
        bound.replay()

    return step, bound, named_arrays(declared.leaves, start[0])


def torch_net(layer, name, weights):
    """Return a composition of the zoo as torch modules (without its values)."""
    from torch import nn

    from steepest import nn as ours

    def inner(key, part):
        return torch_net(part, f"{name}.{key}" if name else str(key), weights)

    if isinstance(layer, ours.Chain):
        return nn.Sequential(*(inner(k, part) for k, part in enumerate(layer.layers)))
    if isinstance(layer, ours.Residual):
        across = inner("shortcut", layer.shortcut) if layer.shortcut else nn.Identity()
        return joined({"body": inner("body", layer.body), "shortcut": across}, residual)
    if isinstance(layer, ours.Graph):
        parts = {node.name: inner(node.name, node.layer) for node in layer.nodes}
        return joined(parts, partial(graph, layer.nodes))
    return torch_layer(layer, weights, name)


def torch_layer(layer, weights, name):
    """Return a single layer as a torch module."""
    from torch import nn

    from steepest import nn as ours

    if isinstance(layer, (ours.Conv2D, ours.Linear)):
        w = weights[f"{name}.w"]
        if w.ndim == 2:
            return nn.Linear(*w.shape)
        how = {"stride": layer.stride, "padding": layer.margin, "bias": layer.bias}
        return nn.Conv2d(w.shape[2], w.shape[3], w.shape[0], **how)
    if isinstance(layer, ours.BatchNorm):
        return nn.BatchNorm2d(weights[f"{name}.gain"].shape[0])
    plain = {
        ours.ReLU: nn.ReLU,
        ours.MaxPool: partial(nn.MaxPool2d, 2),
        ours.Flatten: nn.Flatten,
        ours.Dropout: lambda: nn.Dropout(layer.rate),
        ours.GlobalAveragePool: lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    }
    return plain[type(layer)]()


def joined(parts, function):
    """Return a module of named parts whose forward pass is function(parts, x)."""
    from torch import nn

    class Joined(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleDict(parts)

        def forward(self, x):
            return function(self.parts, x)

    return Joined()


def residual(parts, x):
    return parts["body"](x) + parts["shortcut"](x)


def graph(nodes, parts, x):
    known = {"x": x}
    for node in nodes:
        known[node.name] = parts[node.name](sum(known[name] for name in node.inputs))
    return known[nodes[-1].name]


def eager(arch, weights, shape, batch, last):
    """Return step(i) of the usual eager loop, channels-last or not."""
    import torch
    from torch.nn.functional import cross_entropy

    torch.manual_seed(0)
    net = torch_net(arch.root, "", weights)
    data = torch.randint(0, 256, (EXAMPLES, shape[2], *shape[:2]), dtype=torch.uint8)
    labels = torch.randint(0, CLASSES, (EXAMPLES,))
    if last:
        net = net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters())
    hits = torch.zeros((), dtype=torch.int64)

    def step(_):
        nonlocal hits
        index = torch.randint(0, EXAMPLES, (batch,))
        x = data[index].float().div_(255)
        x = x.to(memory_format=torch.channels_last) if last else x
        optimizer.zero_grad()
        y = net(x)
        loss = cross_entropy(y, labels[index])
        loss.backward()
        optimizer.step()
        hits = hits + (y.detach().argmax(1) == labels[index]).sum()

    return step


def profile(bound, step, steps):
    """Print the milliseconds a step spends per kind of kernel."""
    step(0)
    spent = Counter()
    calls = labelled(bound)
    for _ in range(steps):
        for label, (kernel, buffers) in calls:
            begin = time.perf_counter()
            kernel(*buffers)
            spent[label] += time.perf_counter() - begin
    for label, seconds in spent.most_common(25):
        print(f"{1e3 * seconds / steps:8.3f} ms  {label}")


def labelled(bound):
    """Return (label, call) for every call of a bound program but the copies of states."""
    found = []
    values = bound.program.values
    for step in bound._planned.steps:  # noqa: SLF001 - a profile looks inside
        first = step.instructions[0]
        if step.is_chain:
            calls, name = bound._chain(step), f"chain of {len(step.instructions)}"  # noqa: SLF001
        else:
            calls, name = bound._single(step), first.primitive.name  # noqa: SLF001
        found += [(f"{name} {values[first.outs[0]]}", call) for call in calls]
    return found


def contenders(arch, shape, batch):
    """Return name -> step."""
    step, _, weights = ours(Pooled(), arch, shape, batch)
    found = {"ours, NumPy": step, "ours, NumPy, no rewrites": ours(Bare(), arch, shape, batch)[0]}
    try:
        import torch
    except ImportError:
        return found
    from steepest.engine.torch_engine import TorchEngine

    class PooledTorch(TorchEngine):
        def rewrite(self, program):
            return super().rewrite(rewrite_pools(program))

    torch.set_num_threads(1)
    found["ours, torch"] = ours(PooledTorch(), arch, shape, batch)[0]
    found["PyTorch eager"] = eager(arch, weights, shape, batch, last=False)
    found["PyTorch eager, channels-last"] = eager(arch, weights, shape, batch, last=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--model", default="compact_cnn", help="a network of the zoo")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=5, help="of a contender in a round")
    parser.add_argument("--keep-blocks", action="store_true", help="keep memory that was freed")
    parser.add_argument("--profile", action="store_true", help="time every kernel of ours")
    given = parser.parse_args()
    if given.keep_blocks:
        keep_freed_blocks()
    arch, shape = zoo.ARCHS[given.model](), SHAPES.get(given.model, (32, 32, 3))
    if given.profile:
        step, bound, _ = ours(Pooled(), arch, shape, given.batch)
        profile(bound, step, given.steps)
        return
    steps = contenders(arch, shape, given.batch)
    times = {name: [] for name in steps}
    for turn in range(given.rounds + 1):  # the first round warms up
        for name, step in steps.items():
            begin = time.perf_counter()
            for i in range(given.steps):
                step(turn * given.steps + i)
            if turn:
                times[name].append(1e3 * (time.perf_counter() - begin) / given.steps)
    print(f"{given.model}, batch {given.batch}, ms a step: median (least)")
    for name, seen in times.items():
        print(f"  {name:30} {statistics.median(seen):8.2f} ({min(seen):.2f})")


if __name__ == "__main__":
    main()
