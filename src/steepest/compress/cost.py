"""What a network costs: parameters, non-zeros, bytes, FLOPs, measured latency, memory.

Everything is of one run in evaluation mode. Zeros that stay in a tensor cost what other numbers
cost: only bytes after compression and `nonzero` tell a masked network from a dense one.
"""

import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from steepest.engine.choice import NAMES, make_engine
from steepest.engine.executor import bind_programs
from steepest.engine.protocol import Engine
from steepest.program.plan import plan
from steepest.program.trace import Value
from steepest.train.evaluate import Network
from steepest.train.export_onnx import onnx_bytes, onnx_session
from steepest.train.lowering import lower
from steepest.train.step import Task, eval_program

Array = np.ndarray[Any, Any]
BATCHES = (1, 64)
SECONDS = 0.1  # of repetitions for one latency
LEAST = 5  # repetitions
HELD = ("params", "mask", "shift", "gain")  # what a network is, beside its running statistics


@dataclass(frozen=True)
class Cost:
    """One network's cost; latencies in seconds by "numpy 1", "torch 64", "onnxruntime 1", ..."""

    params: int
    nonzero: int
    bytes_dense: int  # parameters and running statistics as float32
    bytes_compressed: int  # the same by zlib
    flops: int  # of one example's forward pass, as executed
    memory_bytes: int  # weights, input and intermediate values of a batch of 64
    latency: dict[str, float]

    def plain(self) -> dict[str, Any]:
        """Return the cost as plain values."""
        return asdict(self)


def count(network: Network, run: int = 0) -> Cost:
    """Return what can be counted; no latency is measured."""
    params = np.asarray(network.engine.numpy(network.shared["params"]))[run]
    rest = [
        np.asarray(network.engine.numpy(a))[run].reshape(-1)
        for n, a in network.shared.items()
        if n.startswith("stat.")
    ]
    content = np.concatenate([params, *rest]).astype("<f4").tobytes()
    task = replace(network.task, runs=1)
    program = eval_program(replace(task, examples=BATCHES[-1]), BATCHES[-1])
    real = network.engine.real.itemsize
    arena = plan(network.engine.rewrite(program), real).arena_bytes
    data = BATCHES[-1] * int(np.prod(task.shape)) * (1 if task.kind == "byte" else real)
    return Cost(
        params=task.declared.size,
        nonzero=int(np.count_nonzero(params)),
        bytes_dense=len(content),
        bytes_compressed=len(zlib.compress(content)),
        flops=eval_program(replace(task, examples=1), 1).flops,
        memory_bytes=arena + data + len(content) * real // 4,
        latency={},
    )


def measure(network: Network, seconds: float = SECONDS) -> Cost:
    """Return the cost with latencies: of our engines, and of onnxruntime, as far as installed.

    One thread; the median of repetitions that take `seconds` in all, after a warm-up.
    """
    found = {name: timed(call, seconds) for name, call in forward_calls(network).items()}
    return replace(count(network), latency=found)


def forward_calls(network: Network) -> dict[str, Callable[[], Any]]:
    """Return what runs the network once, by "numpy 1", "torch 64", "onnxruntime 1", ..."""
    found = {
        f"{one.engine.name} {n}": _replay(one, n) for one in _on_engines(network) for n in BATCHES
    }
    if find_spec("onnxruntime") is not None and find_spec("onnx") is not None:
        runner = onnx_session(onnx_bytes(lower(network)))
        for n in BATCHES:
            feed = {"x": np.zeros((n, *network.task.shape), np.float32)}
            found[f"onnxruntime {n}"] = partial(runner.run, ["logits"], feed)
    return found


@dataclass(frozen=True, eq=False)
class _Moved:
    """A network on another engine than the one it was trained on."""

    task: Task
    engine: Engine
    shared: dict[str, Any]


def _on_engines(network: Network) -> list[Network]:
    """Return the network on each engine that there is, in the order of their names."""
    installed = [n for n in NAMES if n == "numpy" or find_spec(n) is not None]
    return [network if n == network.engine.name else _moved(network, n) for n in installed]


def _moved(network: Network, name: str) -> Network:
    engine = make_engine(name, network.engine.real.name)
    kept = {
        n: np.asarray(network.engine.numpy(a))
        for n, a in network.shared.items()
        if n in HELD or n.startswith("stat.")
    }
    arrays = {n: engine.array(Value(a.shape, "real"), a) for n, a in kept.items()}
    return _Moved(network.task, engine, arrays)


def timed(call: Callable[[], Any], seconds: float = SECONDS) -> float:
    """Return the median seconds of one call."""
    for _ in range(LEAST):
        call()
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(taken) < LEAST:
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))


def _replay(network: Network, batch: int) -> Callable[[], Any]:
    task = replace(network.task, examples=batch)
    x = np.zeros((batch, *task.shape), np.uint8 if task.kind == "byte" else np.float32)
    labels = task.targets == "int"
    y = np.zeros(batch, np.int64) if labels else np.zeros((batch, task.width), np.float32)
    shared = network.shared | {
        "data": network.engine.hold(Value(x.shape, task.kind), x),
        "targets": network.engine.hold(Value(y.shape, task.targets), y),
    }
    bound = bind_programs({"one": eval_program(task, batch)}, network.engine, shared)["one"]
    index = np.tile(np.arange(batch), (task.runs, 1))
    network.engine.write(bound.inputs["index"], index)
    return bound.replay
