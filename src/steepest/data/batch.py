"""Who is in which batch: stratified splits, folds, the order of an epoch, the number of batches.

Everything here is a function of labels, a seed and an epoch; no example is dropped, and a split is
never "the last rows". Indices are int64 positions in the data set's first axis.
"""

from typing import Any

import numpy as np

from steepest.errors import UsageError
from steepest.seeds import stream

Array = np.ndarray[Any, Any]


def split(y: Array, fraction: float, seed: int) -> tuple[Array, Array]:
    """Return sorted (train, validation) indices; `fraction` of the examples validate.

    Labels are stratified: a class of c examples gives floor or ceil of c * fraction, and one with
    at least two examples is on both sides. Float targets are split plainly. Raises `UsageError`
    when the fraction is not in (0, 1) or a side would be empty.

    >>> train, validation = split(np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.25, seed=0)
    >>> len(train), len(validation)
    (6, 2)
    """
    return part(y, fraction, stream(seed, "split"))


def some(y: Array, count: int, seed: int) -> Array:
    """Return the sorted indices of `count` examples, stratified by labels: a smaller data set.

    Raises `UsageError` unless 0 < count <= n.

    >>> some(np.array([0, 0, 0, 1, 1, 1]), 4, seed=0)
    array([0, 1, 4, 5])
    """
    if not 0 < count <= len(y):
        raise UsageError(f"examples = {count}: the data set has {len(y):,} training examples")
    if count == len(y):
        return np.arange(count)
    return part(y, count / len(y), stream(seed, "examples"))[1]


def part(y: Array, fraction: float, generator: np.random.Generator) -> tuple[Array, Array]:
    """Return sorted (rest, drawn) indices, drawn by `generator`, stratified by labels `y`."""
    if not 0.0 < fraction < 1.0:
        raise UsageError(f"the fraction of a split must lie between 0 and 1, not {fraction}")
    groups = _groups(y)
    sizes = np.array([len(group) for group in groups], dtype=np.int64)
    quotas = _quotas(sizes, fraction)
    drawn = np.zeros(len(y), dtype=bool)
    for group, quota in zip(groups, quotas, strict=True):
        drawn[generator.permutation(group)[:quota]] = True
    if drawn.all() or not drawn.any():
        side = "training" if drawn.all() else "held-out"
        raise UsageError(f"a split of {len(y)} examples by {fraction} leaves the {side} side empty")
    return np.flatnonzero(~drawn), np.flatnonzero(drawn)


def _groups(y: Array) -> list[Array]:
    """Return the positions of each class; of all examples at once if `y` is a float target."""
    if np.issubdtype(y.dtype, np.floating):
        return [np.arange(len(y), dtype=np.int64)]
    by_class = np.argsort(y, kind="stable")
    return np.split(by_class, np.flatnonzero(np.diff(y[by_class])) + 1)


def _quotas(sizes: Array, fraction: float) -> list[int]:
    """Share round(n * fraction) among groups by largest remainder, both sides of each non-empty."""
    exact = sizes * fraction
    most = np.maximum(sizes - 1, 0)
    quotas = np.minimum(np.maximum(np.floor(exact).astype(np.int64), 1), most)
    missing = round(float(sizes.sum()) * fraction) - int(quotas.sum())
    ceiling = np.minimum(np.ceil(exact).astype(np.int64), most)
    for i in np.argsort(quotas - exact, kind="stable"):
        if missing > 0 and quotas[i] < ceiling[i]:
            quotas[i] += 1
            missing -= 1
    return [int(quota) for quota in quotas]


def folds(y: Array, k: int, seed: int, repeat: int = 0) -> list[tuple[Array, Array]]:
    """Return k sorted (train, validation) pairs; each example validates in exactly one fold.

    Shuffled classes are dealt one by one to the folds, so sizes of folds, and of a class within
    folds, differ by at most one. `repeat` deals anew. Raises `UsageError` unless 2 <= k <= n.
    """
    if not 2 <= k <= len(y):
        raise UsageError(f"{k} folds of {len(y)} examples; k must lie between 2 and {len(y)}")
    generator = stream(seed, "folds", repeat)
    dealt = np.concatenate([generator.permutation(group) for group in _groups(y)])
    fold = np.empty(len(y), dtype=np.int64)
    fold[dealt] = np.arange(len(y)) % k
    return [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(k)]


def order(n: int, seed: int, epoch: int, balanced_labels: Array | None = None) -> Array:
    """Return the int64 order in which epoch `epoch` visits `n` examples.

    A permutation; with `balanced_labels` (n,) instead n draws with replacement in which every
    class that occurs is equally likely.
    """
    generator = stream(seed, "order", epoch)
    if balanced_labels is None:
        return generator.permutation(n).astype(np.int64, copy=False)
    if len(balanced_labels) != n:
        raise UsageError(f"{len(balanced_labels)} labels to balance {n} examples")
    groups = _groups(balanced_labels)
    sizes = np.array([len(group) for group in groups], dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    chosen = generator.integers(len(groups), size=n)
    drawn: Array = np.concatenate(groups)[starts[chosen] + generator.integers(sizes[chosen])]
    return drawn


def batches(n: int, batch_size: int | str) -> tuple[int, int]:
    """Return how many full batches `n` examples make, and the size of the tail (0: none).

    >>> batches(1437, 64), batches(10, "full"), batches(3, 8)
    ((22, 29), (1, 0), (0, 3))
    """
    if batch_size == "full":
        return 1, 0
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
        raise UsageError(f"batch_size must be a whole number or 'full', not {batch_size!r}")
    if batch_size < 1:
        raise UsageError(f"batch_size must be at least 1, not {batch_size}")
    return n // int(batch_size), n % int(batch_size)
