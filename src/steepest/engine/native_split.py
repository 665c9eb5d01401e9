"""Pieces of a compiled call that threads may do side by side: disjoint results, the same bits.

Only calls whose elements, examples, rows or columns are computed one by one are cut; where sums run
across what would be cut (reductions over examples), the call stays whole. BLAS adds up the terms
of an element in one order however many columns it is asked for, so products may be cut as well.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from steepest.engine.native_chain import LOOPS, Entry

Array = np.ndarray

LEAST = 1 << 18  # elements of a call for which handing pieces to another thread pays
MOST_PIECES = 8
PRODUCT_FLOPS = 6e6  # of a piece of a product at least
PRODUCT_PIECES = 4  # each packs the operand anew that it shares with the others,
LARGE_FLOPS = 32e6  # which costs little where a piece is large
LARGE_SIDE = 128  # and has many rows, or columns, of its own
LARGE_PIECES = 16


def split_entry(entry: Entry) -> list[Entry]:
    """Return entries that together do what `entry` does, one where it is small or stays whole.

    They point into the memory of `entry`, which must outlive them.
    """
    if entry.source:
        return _chain(entry)
    cut = CUTS.get(entry.name)
    return [entry] if cut is None else cut(entry)


def edges(count: int, pieces: int = MOST_PIECES) -> list[tuple[int, int]]:
    """Return where at most `pieces` nearly equal pieces of `count` things begin and end."""
    edges = np.linspace(0, count, min(pieces, count) + 1).astype(int).tolist()
    return list(pairwise(edges))


def _chain(entry: Entry) -> list[Entry]:
    """Cut a chain along its outermost axis of more than one."""
    sizes, strides = entry.sizes[:LOOPS], entry.sizes[LOOPS:]
    if np.prod(sizes) < LEAST:
        return [entry]
    axis = next(k for k, n in enumerate(sizes) if n > 1)
    steps = entry.inner if axis == LOOPS - 1 else strides[axis :: LOOPS - 1]
    parts = []
    for start, stop in edges(sizes[axis]):
        pointers = tuple(_moved(p, start * s) for p, s in zip(entry.pointers, steps, strict=True))
        own = tuple(stop - start if k == axis else n for k, n in enumerate(sizes))
        parts.append(Entry(entry.name, pointers, (*own, *strides), entry.source, entry.inner))
    return parts


def _moved(pointer: Array | int, elements: int) -> int:
    """Return the address of what lies some elements behind a pointer's first."""
    if isinstance(pointer, int):
        return pointer
    return int(pointer.ctypes.data) + elements * pointer.itemsize


def _by_example(entry: Entry) -> list[Entry]:
    """Cut pooling: all operands and the first size count examples."""
    arrays = [p for p in entry.pointers if not isinstance(p, int)]
    if max(a.size for a in arrays) < LEAST:
        return [entry]
    return [
        Entry(entry.name, tuple(a[i:j] for a in arrays), (j - i, *entry.sizes[1:]))
        for i, j in edges(entry.sizes[0])
    ]


def _by_row(entry: Entry) -> list[Entry]:
    """Cut gathering: rows of the index and of the result."""
    data, index, out, *rest = entry.pointers
    count, *sizes = entry.sizes
    if isinstance(index, int) or isinstance(out, int) or out.size < LEAST:
        return [entry]
    rows, flat = out.reshape(count, -1), index.reshape(-1)
    return [
        Entry(entry.name, (data, flat[i:j], rows[i:j], *rest), (j - i, *sizes))
        for i, j in edges(count)
    ]


def _by_element(entry: Entry) -> list[Entry]:
    """Cut a dropout mask: the constants it is hashed from, and the mask."""
    base, key, out, scale = entry.pointers
    count, *sizes = entry.sizes
    if isinstance(base, int) or isinstance(out, int) or count < LEAST:
        return [entry]
    flat, words = out.reshape(-1), base.reshape(-1)
    return [
        Entry(entry.name, (words[i:j], key, flat[i:j], scale), (j - i, *sizes))
        for i, j in edges(count)
    ]


def _product(entry: Entry) -> list[Entry]:
    """Cut a product along the longer side of its result; leading dimensions stay."""
    left, right, out, gemm = entry.pointers
    flags, (m, n, k), leading = entry.sizes[:2], entry.sizes[2:5], entry.sizes[5:]
    pieces = _product_pieces(2 * m * n * k, max(m, n))
    if pieces < 2 or isinstance(left, int) or isinstance(right, int) or isinstance(out, int):
        return [entry]
    if m > n:
        return [
            Entry(entry.name, (left[i:j], right, out[i:j], gemm), (*flags, j - i, n, k, *leading))
            for i, j in edges(m, pieces)
        ]
    return [
        Entry(entry.name, (left, right[:, i:j], out[:, i:j], gemm), (*flags, m, j - i, k, *leading))
        for i, j in edges(n, pieces)
    ]


def _product_pieces(flops: int, side: int) -> int:
    """Return into how many pieces a product is cut along the longer side of its result."""
    few = min(PRODUCT_PIECES, int(flops // PRODUCT_FLOPS))
    return max(few, min(LARGE_PIECES, int(flops // LARGE_FLOPS), side // LARGE_SIDE))


CUTS: dict[str, Callable[[Entry], list[Entry]]] = {
    "max_pool": _by_example,
    "max_pool_grad": _by_example,
    "gather_rows": _by_row,
    "gather_bytes": _by_row,
    "gather_reals": _by_row,
    "dropout_mask": _by_element,
    "gemm_32": _product,
    "gemm_64": _product,
}
