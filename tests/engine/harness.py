"""Runs a few training steps of a small task on any engine, alone or batched."""

import numpy as np

from steepest.engine.executor import bind_programs
from steepest.nn import CrossEntropy
from steepest.nn.arch import initial_values
from steepest.optim.rule import coefficient_table, undecayed
from steepest.program.trace import Value
from steepest.seeds import keys, stream
from steepest.train.step import Task, train_program

EXAMPLES, CLASSES = 200, 4
TABLES = ("data", "targets")


def small_task(arch, runs=1, shape=(6, 6, 1)):
    return Task(arch, CrossEntropy(), shape, CLASSES, EXAMPLES, "byte", 1 / 255, runs=runs)


def train_steps(arch, rules, seeds, engine, steps=20, batch=16):
    """Return final parameters (R, P), losses (steps, R) after `steps` steps, one seed a run."""
    arrays, losses = train_arrays(arch, rules, seeds, engine, steps, batch)
    return arrays["params"], losses


def train_arrays(arch, rules, seeds, engine, steps=20, batch=16):
    """Return all named arrays of the state (parameters, slots, statistics) and the losses."""
    task = small_task(arch, len(seeds))
    generator = stream(7, "data")
    data = generator.integers(0, 128, (EXAMPLES, *task.shape)).astype(np.uint8)
    labels = generator.integers(0, CLASSES, EXAMPLES)
    blocks = data.reshape(EXAMPLES, CLASSES, -1)
    blocks[np.arange(EXAMPLES), labels] += 64  # a class is a brighter stretch of the image
    value = Value((len(seeds), task.declared.size), "real")
    start = np.stack([initial_values(task.declared.leaves, s) for s in seeds])
    shared = {
        "data": engine.array(Value(data.shape, "byte"), data),
        "targets": engine.array(Value(labels.shape, "int"), labels),
        "params": engine.array(value, start),
        **{f"slot.{n}": engine.array(value) for n in rules[0].slots},
    }
    for leaf in task.declared.statistics:
        first = np.stack([leaf.initial.draw(leaf.shape, generator)] * len(seeds))
        shared[f"stat.{leaf.name}"] = engine.array(Value(first.shape, "real"), first)
    program = train_program(task, rules, batch)
    bound = bind_programs({"train": program}, engine, shared)["train"]
    t = np.arange(1, steps + 1)
    rates = np.tile([r.lr for r in rules], (steps, 1))
    tables = {"coefficients": coefficient_table(rules, t, rates)[1]}
    tables["coefficients.rest"] = coefficient_table([undecayed(r) for r in rules], t, rates)[1]
    words = np.stack([keys(s, t) for s in seeds], axis=1)
    order = np.stack(
        [stream(s, "order").integers(0, EXAMPLES, (steps, batch)) for s in seeds], axis=1
    )
    losses = []
    for i in range(steps):
        engine.write(bound.inputs["index"], order[i])
        engine.write(bound.inputs["key"], words[i])
        for name, table in tables.items():
            if name in bound.inputs:
                engine.write(bound.inputs[name], table[i])
        bound.replay()
        losses.append(np.array(engine.numpy(bound.outputs["loss"])))
    state = {n: np.array(engine.numpy(a)) for n, a in shared.items() if n not in TABLES}
    return state, np.array(losses)
