"""Evaluation: every example once, in batches, nothing padded and nothing dropped."""

from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from steepest.engine.executor import Bound, bind_programs
from steepest.engine.protocol import Engine
from steepest.program.trace import Value
from steepest.train.measure import Measure, confusion
from steepest.train.session import Session, eval_programs
from steepest.train.step import Task

Array = np.ndarray[Any, Any]


class Network(Protocol):
    """A network with its weights in an engine's memory; a session is one."""

    @property
    def task(self) -> Task:
        """What its programs are recorded from."""
        ...

    @property
    def engine(self) -> Engine:
        """The engine that holds the memory."""
        ...

    @property
    def shared(self) -> dict[str, Any]:
        """The named arrays: "params", "stat.<name>", "shift", "gain"."""
        ...


def evaluate(session: Session, index: Array) -> list[Measure]:
    """Measure every run on rows `index` (R, n) of the session's data set."""
    bound, n = session.bound, index.shape[1]
    if n != session.split.validation.shape[1]:  # other batch shapes, other programs
        if n not in session.kept:
            programs = eval_programs(session.task, n)
            session.kept[n] = bind_programs(programs, session.engine, session.shared)
        bound = session.kept[n]
    sums, predicted, _ = _sweep(session, bound, index)
    return _measures(session.task, sums, predicted, session.dataset.y[index])


def evaluate_arrays(network: Network, x: Array, y: Array) -> list[Measure]:
    """Measure every run on other examples of the same kind, such as the test set."""
    bound = bind_eval(network, x, y)
    index = np.tile(np.arange(len(x)), (network.task.runs, 1))
    sums, predicted, _ = _sweep(network, bound, index)
    return _measures(network.task, sums, predicted, y[index])


def evaluate_test_set(session: Session) -> list[Measure]:
    """Measure every run on the test set of the session's data."""
    x, y = session.dataset.test_x, session.dataset.test_y
    if "test" not in session.kept:
        session.kept["test"] = bind_eval(session, x, y)
    index = np.tile(np.arange(len(x)), (session.task.runs, 1))
    sums, predicted, _ = _sweep(session, session.kept["test"], index)
    return _measures(session.task, sums, predicted, y[index])


def outputs(network: Network, x: Array) -> Array:
    """Return the network's outputs (logits) for examples x: (R, n, K)."""
    labels = network.task.targets == "int"
    y = np.zeros(len(x), np.int64) if labels else np.zeros((len(x), network.task.width))
    bound = bind_eval(network, x, y)
    index = np.tile(np.arange(len(x)), (network.task.runs, 1))
    return _sweep(network, bound, index, keep=True)[2]


def bind_eval(network: Network, x: Array, y: Array) -> dict[str, Bound]:
    """Bind evaluation programs that read x (n, *shape) and y instead of the training data."""
    task = replace(network.task, examples=len(x), kind="byte" if x.dtype == np.uint8 else "real")
    targets = y if task.targets == "int" else np.asarray(y).reshape(len(x), -1)
    shared = network.shared | {
        "data": network.engine.hold(Value(x.shape, task.kind), x),
        "targets": network.engine.hold(Value(targets.shape, task.targets), targets),
    }
    return bind_programs(eval_programs(task, len(x)), network.engine, shared)


def _sweep(
    network: Network, bound: dict[str, Bound], index: Array, keep: bool = False
) -> tuple[Array, Array, Array]:
    """Return sums of loss (R,), predictions (R, n) and, where asked for, outputs (R, n, K)."""
    runs, n = index.shape
    engine = network.engine
    batch = bound["eval"].inputs["index"].shape[1]
    sums, predicted = np.zeros(runs), np.zeros((runs, n), np.int64)
    kept = np.empty((runs, n if keep else 0, network.task.classes))
    for start in range(0, n, batch):
        stop = min(start + batch, n)
        program = bound["eval" if stop - start == batch else "eval tail"]
        engine.write(program.inputs["index"], index[:, start:stop])
        program.replay()
        sums += engine.numpy(program.outputs["loss"])
        if "predicted" in program.outputs:
            predicted[:, start:stop] = engine.numpy(program.outputs["predicted"])
        if keep:
            kept[:, start:stop] = engine.numpy(program.outputs["output"])
    return sums, predicted, kept


def _measures(task: Task, sums: Array, predicted: Array, true: Array) -> list[Measure]:
    n = predicted.shape[1]
    labelled = task.targets == "int"
    return [
        Measure(
            loss=float(sums[r]) / max(n, 1),
            examples=n,
            confusion=confusion(true[r], predicted[r], task.classes) if labelled else None,
        )
        for r in range(task.runs)
    ]
