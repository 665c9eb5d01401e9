"""Unstructured pruning: masks over single weights, and what they leave of every layer.

A mask is a vector of zeros and ones with the layout of the flat parameters. A sparsity s removes
the floor(s n) lowest of n scores, so that nothing short of 1 empties a layer that is pruned alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import SteepestError, UsageError, unknown

Array = np.ndarray[Any, Any]
SCOPES = ("global", "layer")
Spans = Mapping[str, tuple[int, int]]  # leaf -> (start, stop) in the flat vector


class EmptiedError(SteepestError):
    """A layer would be pruned to nothing: what was asked for cannot be had."""

    code = 2


@dataclass(frozen=True)
class LayerSparsity:
    """How much of one leaf is left."""

    name: str
    size: int
    nonzero: int

    @property
    def sparsity(self) -> float:
        """The fraction of zeros."""
        return 1.0 - self.nonzero / self.size


def check_sparsity(value: float) -> float:
    """Return a sparsity in [0, 1); UsageError for anything else."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0.0 <= value < 1.0:
        raise UsageError(
            f"a sparsity lies between 0 and 1, 1 excluded (1 leaves no network), not {value!r}"
        )
    return float(value)


def check_scope(scope: str) -> str:
    """Return a scope's name: whether scores compete across layers or within each."""
    if scope not in SCOPES:
        raise unknown("scope", scope, SCOPES)
    return scope


def portion(sparsity: float, count: int) -> int:
    """Return floor(sparsity · count), free of the rounding of decimals.

    >>> portion(0.29, 100), portion(0.98, 8)
    (29, 7)
    """
    return int(sparsity * count + 1e-9)


def lowest(scores: Array, count: int) -> Array:
    """Return where the `count` lowest scores stand, as booleans; of equal ones the first.

    >>> lowest(np.array([3.0, 1.0, 2.0]), 2).tolist()
    [False, True, True]
    """
    chosen = np.zeros(len(scores), bool)
    chosen[np.argsort(scores, kind="stable")[:count]] = True
    return chosen


def make_mask(
    scores: Array, spans: Spans, sparsity: float, scope: str = "global", before: Array | None = None
) -> Array:
    """Return the mask (P,) that removes a fraction `sparsity` of the weights in `spans`.

    What a mask `before` removed stays removed. Raises EmptiedError where nothing of a layer would
    be left.
    """
    check_sparsity(sparsity)
    kept = np.ones(len(scores), bool)
    order = scores if before is None else np.where(before > 0, scores, -np.inf)
    if check_scope(scope) == "global":
        where = np.concatenate([np.arange(*span) for span in spans.values()])
        kept[where] = ~lowest(order[where], portion(sparsity, len(where)))
    else:
        for start, stop in spans.values():
            kept[start:stop] = ~lowest(order[start:stop], portion(sparsity, stop - start))
    for name, (start, stop) in spans.items():
        if not kept[start:stop].any():
            raise EmptiedError(
                f"layer '{name}' would be pruned to nothing: all its {stop - start} weights go at "
                f"sparsity {sparsity:g}; ask for less, or prune every layer alike (scope layer)"
            )
    return kept.astype(np.float64)


def analyse(values: Array, spans: Spans) -> tuple[LayerSparsity, ...]:
    """Return what is left of every leaf of a flat vector of parameters or of a mask."""
    return tuple(
        LayerSparsity(name, stop - start, int(np.count_nonzero(values[start:stop])))
        for name, (start, stop) in spans.items()
    )
