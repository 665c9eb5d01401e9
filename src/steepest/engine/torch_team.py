"""Pieces of a batch, shared among the threads that torch may use.

How many pieces there are depends on shapes alone, so bits do not depend on the number of threads.
"""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from steepest.engine.native import compile_library, flush_denormals
from steepest.engine.native_source import TYPES

Work = Callable[[], Any]


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


def bind_work(function: Any, pointers: list[Any], sizes: tuple[int, ...]) -> Work:
    """Return the call of a compiled kernel, with everything it points to."""
    addresses = np.array([0 if a is None else a.ctypes.data for a in pointers], np.uint64)
    numbers = np.array(sizes, np.int64)
    function.restype = None
    both = tuple(ctypes.c_void_p(a.ctypes.data) for a in (addresses, numbers))
    return partial(_invoke, function, both, (addresses, numbers, pointers))


def _invoke(function: Any, both: tuple[Any, ...], _kept: tuple[Any, ...]) -> None:
    function(*both)


def cut_batch(examples: int, most: int) -> list[slice]:
    """Cut the batch into at most `most` nearly equal pieces."""
    edges = np.linspace(0, examples, min(most, examples) + 1).astype(int)
    return [slice(int(a), int(b)) for a, b in pairwise(edges)]


def share(works: list[Work]) -> None:
    """Do all pieces, on as many threads as torch may use."""
    threads = min(torch.get_num_threads(), len(works))
    others = [_pool(threads, os.getpid()).submit(_several, works[i::threads])
              for i in range(1, threads)]  # fmt: skip
    _several(works[::threads])
    for other in others:
        other.result()


def _several(works: list[Work]) -> None:
    for work in works:
        work()


@lru_cache(maxsize=1)
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Return the threads of this process; they flush denormals as the loop's own thread does."""
    del process
    return ThreadPoolExecutor(threads - 1, initializer=flush_denormals)


def library_of(source: Callable[[str], str], array: Any) -> ctypes.CDLL | None:
    """Return the compiled text for a tensor's type of reals, None where there is no compiler."""
    return compile_library(source(TYPES[str(array.dtype).removeprefix("torch.")]))
