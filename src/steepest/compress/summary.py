"""What a sweep says: means with intervals, losses against the dense network, the Pareto front."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.compress.cost import Cost
from steepest.compress.sweep import DENSE, Point
from steepest.stats.interval import Interval, counting_spread, mean_interval, paired_interval

COSTS: dict[str, Callable[[Cost], float | None]] = {
    "parameters": lambda c: float(c.params),
    "non-zeros": lambda c: float(c.nonzero),
    "bytes": lambda c: float(c.bytes_dense),
    "bytes compressed": lambda c: float(c.bytes_compressed),
    "FLOPs": lambda c: float(c.flops),
    "memory": lambda c: float(c.memory_bytes),
    "seconds, batch 1": lambda c: c.latency.get("numpy 1"),
    "seconds, batch 64": lambda c: c.latency.get("numpy 64"),
    "seconds, batch 1, torch": lambda c: c.latency.get("torch 1"),
    "seconds, batch 64, torch": lambda c: c.latency.get("torch 64"),
    "seconds, batch 1, onnxruntime": lambda c: c.latency.get("onnxruntime 1"),
    "seconds, batch 64, onnxruntime": lambda c: c.latency.get("onnxruntime 64"),
}


@dataclass(frozen=True)
class Row:
    """All seeds of one method at one sparsity."""

    method: str
    sparsity: float
    accuracy: Interval
    drop: Interval | None  # dense minus this, paired by seed; None for the dense network
    cut: Interval | None  # accuracy after the last cut, before training on
    test: Interval | None
    cost: Cost  # of the first seed
    epochs: int
    diverged: int
    emptied: int  # seeds in which a layer lost all its weights, scored at chance
    layers: tuple[Any, ...]  # LayerSparsity of the first seed


def summarise(points: Sequence[Point], level: float = 0.95) -> tuple[Row, ...]:
    """Return a row for every method and sparsity, the dense network first."""
    groups: dict[tuple[str, float], list[Point]] = {}
    for point in points:
        groups.setdefault((point.method, point.sparsity), []).append(point)
    dense = {p.seed: p.accuracy for p in points if p.method == DENSE}
    return tuple(_row(found, dense, (level, _least(points))) for found in groups.values())


def _least(points: Sequence[Point]) -> float:
    """Return the least spread of accuracies that is believed: that of counting alone.

    The step is what all accuracies of a sweep show: of validation or test examples, the fewer.
    """
    kinds = [[p.accuracy for p in points], [p.test for p in points if p.test is not None]]
    return max(counting_spread(np.array(kind)) for kind in kinds if kind) / 2**0.5


def _row(points: list[Point], dense: dict[int, float], how: tuple[float, float]) -> Row:
    """Return the row of one method and sparsity, from (level, least spread)."""
    first = next((p for p in points if p.status != "emptied"), points[0])
    scores = [p.accuracy for p in points]
    cuts = [p.cut_accuracy for p in points if p.cut_accuracy is not None]
    tests = [p.test for p in points if p.test is not None]
    drop = None
    if first.method != DENSE and all(p.seed in dense for p in points):
        drop = paired_interval([dense[p.seed] for p in points], scores, *how)
    return Row(
        first.method, first.sparsity, mean_interval(scores, *how), drop,
        mean_interval(cuts, *how) if cuts else None,
        mean_interval(tests, *how) if tests else None,
        first.cost, first.epochs, sum(p.status == "diverged" for p in points),
        sum(p.status == "emptied" for p in points), first.layers,
    )  # fmt: skip


def pareto(rows: Sequence[Row], cost: str) -> tuple[Row, ...]:
    """Return the rows that no other beats in mean accuracy at no higher cost, cheapest first."""
    value = COSTS[cost]
    known = [(c, row) for row in rows if (c := value(row.cost)) is not None]
    front: list[Row] = []
    for _, row in sorted(known, key=lambda pair: (pair[0], -pair[1].accuracy.mean)):
        if not front or row.accuracy.mean > front[-1].accuracy.mean:
            front.append(row)
    return tuple(front)
