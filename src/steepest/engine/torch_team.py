"""Pieces of a batch, shared among the threads that torch may use.

How many pieces there are depends on shapes alone, so bits do not depend on the number of threads.
They are done by the OpenMP team that ATen's kernels are done by: threads of our own would have to
share the processors with it, which goes on turning for a while after each of its kernels.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from steepest.engine.native import compile_library
from steepest.engine.native_blas import address_of, blas_limit
from steepest.engine.native_seal import Table, table_of
from steepest.engine.native_source import TYPES, fixed_source
from steepest.engine.native_split import edges
from steepest.engine.protocol import Call


@lru_cache(maxsize=1)
def parallel() -> ctypes.c_void_p:
    """Return GOMP_parallel of the OpenMP that torch works with; null where it is not found.

    Then one thread does all pieces. The function is part of libgomp's binary interface, which other
    OpenMP libraries for Linux have as well. Torch's is the one in its own folder, or else
    the only one that is loaded.
    """
    from threadpoolctl import threadpool_info

    loaded = [Path(e["filepath"]) for e in threadpool_info() if e["user_api"] == "openmp"]
    own = [path for path in loaded if Path(torch.__file__).parent in path.parents]
    chosen = own or (loaded if len(loaded) == 1 else [])
    function = getattr(ctypes.CDLL(str(chosen[0])), "GOMP_parallel", None) if chosen else None
    return ctypes.c_void_p() if function is None else ctypes.cast(function, ctypes.c_void_p)


class Workspace:
    """Memory for one kernel at a time, shared by all kernels of an engine."""

    def __init__(self) -> None:
        self._kept: dict[str, np.ndarray] = {}

    def take(self, name: str, count: int, real: Any) -> np.ndarray:
        """Return at least `count` reals of this name; a larger request replaces the memory."""
        known = self._kept.get(name)
        if known is None or known.size < count:
            known = self._kept[name] = np.empty(count, real)
        return known


@dataclass(frozen=True, eq=False)
class Work:
    """One call of a compiled kernel, with the arrays it points to (None: no such operand)."""

    function: Any
    arrays: tuple[np.ndarray | None, ...]
    sizes: tuple[int, ...]


def calls_of(works: list[Work], real: np.dtype[Any]) -> list[Call]:
    """Return the call that does all works, side by side where there are threads."""
    rows = [
        (address_of(w.function), [0 if a is None else a.ctypes.data for a in w.arrays], w.sizes)
        for w in works
    ]
    return [share(real)(table_of(rows, works), len(works))]


def share(real: np.dtype[Any]) -> Callable[[Table, int], Call]:
    """Return what makes the call by which torch's threads do the entries of a table.

    Raises RuntimeError where nothing can be compiled.
    """
    library = compile_library(fixed_source(real.name))
    if library is None:
        raise RuntimeError("only compiled kernels have pieces")
    function = library.steepest_share
    function.restype = None
    limit = blas_limit() or (None, None)

    def call(table: Table, count: int) -> Call:
        return function, (table, ctypes.c_int64(count), parallel(), *limit)

    return call


def cut_batch(examples: int, most: int) -> list[slice]:
    """Cut the batch into at most `most` nearly equal pieces."""
    return [slice(*ends) for ends in edges(examples, most)]


def library_of(source: Callable[[str], str], array: Any) -> ctypes.CDLL | None:
    """Return the compiled text for a tensor's type of reals, None where there is no compiler."""
    return compile_library(source(TYPES[str(array.dtype).removeprefix("torch.")]))
