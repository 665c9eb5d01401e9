"""Sealing: neighbouring lowered calls become one call of the compiled driver.

Where the chains cannot be compiled, each lowered call is replaced by the NumPy calls it stands for.
"""

import ctypes
from itertools import groupby
from typing import Any

import numpy as np

from steepest.engine.native import compile_library
from steepest.engine.native_chain import HEADS, Entry, Lowered, merge_chains
from steepest.engine.native_source import fixed_source
from steepest.engine.protocol import Call


class _Table(ctypes.c_void_p):
    """The address of a table of entries, which it keeps alive with everything they point to."""

    kept: Any = ()


def seal_codes(codes: list[list[Call]], real: np.dtype[Any]) -> list[list[Call]]:
    """Return the codes of several programs with their lowered calls compiled and joined."""
    codes = [_fuse(code, real) for code in codes]
    fixed = compile_library(fixed_source(real.name))
    sources = {e.name: e.source for code in codes for e in _entries(code) if e.source}
    text = HEADS[real.name] + "".join(sources[name] for name in sorted(sources))
    chains = compile_library(text) if sources else fixed
    return [_join(code, fixed, chains) for code in codes]


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


def _join(code: list[Call], fixed: ctypes.CDLL | None, chains: ctypes.CDLL | None) -> list[Call]:
    expanded: list[Call] = []
    for kernel, buffers in code:
        if isinstance(kernel, Lowered) and not _is_compiled(kernel, fixed, chains):
            expanded += kernel.plain()
        else:
            expanded.append((kernel, buffers))
    joined: list[Call] = []
    for lowered, calls in groupby(expanded, lambda call: isinstance(call[0], Lowered)):
        if lowered and fixed is not None:
            joined.append(_segment(_entries(list(calls)), fixed, chains))
        else:
            joined += calls
    return joined


def _is_compiled(lowered: Lowered, fixed: ctypes.CDLL | None, chains: ctypes.CDLL | None) -> bool:
    return fixed is not None and (chains is not None or not any(e.source for e in lowered.entries))


def _segment(entries: list[Entry], fixed: ctypes.CDLL, chains: ctypes.CDLL | None) -> Call:
    """Return the one call that runs all entries."""
    words = np.empty((len(entries), 3), np.uint64)
    kept: list[Any] = [entries, words, fixed, chains]
    for row, entry in zip(words, entries, strict=True):
        pointers = np.array([_address(p) for p in entry.pointers], np.uint64)
        sizes = np.array(entry.sizes, np.int64)
        function = getattr(chains if entry.source else fixed, entry.name)
        code = ctypes.cast(function, ctypes.c_void_p).value or 0
        row[:] = (code, _address(pointers), _address(sizes))
        kept += [pointers, sizes]
    table = _Table(_address(words))
    table.kept = kept
    run = fixed.steepest_run
    run.restype = None
    return run, (table, ctypes.c_int64(len(entries)))


def _address(pointer: Any) -> int:
    return pointer if isinstance(pointer, int) else int(pointer.ctypes.data)
