"""Sealing: neighbouring lowered calls become one call of the compiled driver.

Where the chains cannot be compiled, each lowered call is replaced by the NumPy calls it stands for.
An engine that has a team of threads lets them share large calls.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from steepest.engine.native import compile_library
from steepest.engine.native_blas import address_of, blas_limit
from steepest.engine.native_chain import HEADS, Entry, Lowered, merge_chains
from steepest.engine.native_source import fixed_source
from steepest.engine.native_split import split_entry
from steepest.engine.protocol import Call

PRODUCTS = ("gemm_", "gemv_")
Share = Callable[["Table", int], Call]  # the call by which a team does a table's entries


class Table(ctypes.c_void_p):
    """The address of a table of entries, which it keeps alive with everything they point to."""

    kept: Any = ()


def table_of(rows: list[tuple[int, list[int], tuple[int, ...]]], kept: Any) -> Table:
    """Return the table of kernels by address, with the addresses of operands and the sizes."""
    words = np.empty((len(rows), 3), np.uint64)
    held: list[Any] = [words, kept]
    for word, (code, addresses, numbers) in zip(words, rows, strict=True):
        pointers, sizes = np.array(addresses, np.uint64), np.array(numbers, np.int64)
        word[:] = (code, pointers.ctypes.data, sizes.ctypes.data)
        held += [pointers, sizes]
    table = Table(words.ctypes.data)
    table.kept = held
    return table


def seal_codes(
    codes: list[list[Call]], real: np.dtype[Any], share: Share | None = None
) -> list[list[Call]]:
    """Return the codes of several programs with their lowered calls compiled and joined.

    `share` has several threads do the pieces of a large call; without it calls stay whole.
    """
    codes = [_fuse(code, real) for code in codes]
    fixed = compile_library(fixed_source(real.name))
    sources = {e.name: e.source for code in codes for e in _entries(code) if e.source}
    text = HEADS[real.name] + "".join(sources[name] for name in sorted(sources))
    chains = compile_library(text) if sources else fixed
    return [_join(code, _Libraries(fixed, chains, share)) for code in codes]


def _fuse(code: list[Call], real: np.dtype[Any]) -> list[Call]:
    """Join neighbouring element-wise calls on one shape, so that memory is passed over once."""
    fused: list[Call] = []
    for kernel, buffers in code:
        before = fused[-1][0] if fused else None
        if isinstance(before, Lowered) and isinstance(kernel, Lowered):
            both = merge_chains(before, kernel, real)
            if both is not None:
                fused[-1] = (both, ())
                continue
        fused.append((kernel, buffers))
    return fused


def _entries(code: list[Call]) -> list[Entry]:
    return [e for kernel, _ in code if isinstance(kernel, Lowered) for e in kernel.entries]


@dataclass(frozen=True)
class _Libraries:
    """Where kernels are found, and who does the pieces of large ones."""

    fixed: ctypes.CDLL | None
    chains: ctypes.CDLL | None
    share: Share | None

    def has(self, lowered: Lowered) -> bool:
        """Tell whether all kernels of a call are compiled."""
        written = any(e.source for e in lowered.entries)
        return self.fixed is not None and (self.chains is not None or not written)

    def table(self, entries: list[Entry]) -> Table:
        """Return the table of entries."""
        rows = [(self._code(e), [_address(p) for p in e.pointers], e.sizes) for e in entries]
        return table_of(rows, [entries, self])

    def _code(self, entry: Entry) -> int:
        return address_of(getattr(self.chains if entry.source else self.fixed, entry.name))

    def run(self, entries: list[Entry]) -> Call:
        """Return the call that does entries one after another."""
        count = ctypes.c_int64(len(entries))
        multiplies = any(e.name.startswith(PRODUCTS) for e in entries)
        limit = blas_limit() if self.share is not None and multiplies else None
        name = "steepest_run" if limit is None else "steepest_run_alone"
        function = getattr(self.fixed, name)
        function.restype = None
        return function, (self.table(entries), count, *(limit or ()))

    def shared(self, entry: Entry) -> Call | None:
        """Return the call in which threads share an entry, None where it stays whole."""
        # a product whose pieces would each take all of BLAS's threads is left whole
        greedy = entry.name.startswith(PRODUCTS) and blas_limit() is None
        pieces = [] if self.share is None or greedy else split_entry(entry)
        if self.share is None or len(pieces) < 2:
            return None
        table = self.table(pieces)
        table.kept.append(entry)
        return self.share(table, len(pieces))


def _join(code: list[Call], libraries: _Libraries) -> list[Call]:
    expanded: list[Call] = []
    for kernel, buffers in code:
        if isinstance(kernel, Lowered) and not libraries.has(kernel):
            expanded += kernel.plain()
        else:
            expanded.append((kernel, buffers))
    joined: list[Call] = []
    for lowered, group in groupby(expanded, lambda call: isinstance(call[0], Lowered)):
        calls = list(group)
        joined += _segments(_entries(calls), libraries) if lowered else calls
    return joined


def _segments(entries: list[Entry], libraries: _Libraries) -> list[Call]:
    """Return the calls that run entries: large ones shared, those between them in one call."""
    calls: list[Call] = []
    waiting: list[Entry] = []
    for entry in entries:
        shared = libraries.shared(entry)
        if shared is None:
            waiting.append(entry)
            continue
        calls += [libraries.run(waiting), shared] if waiting else [shared]
        waiting = []
    return [*calls, libraries.run(waiting)] if waiting else calls


def _address(pointer: Any) -> int:
    return pointer if isinstance(pointer, int) else int(pointer.ctypes.data)
