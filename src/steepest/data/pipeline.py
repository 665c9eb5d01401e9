"""A user's own function of one example, run on every batch by worker processes ahead of training.

Law: what comes out depends on (seed, epoch, position in the epoch) alone, never on the number of
workers or on who works when. Called with an image (H, W, C) as `f(image)` or `f(image=image)`; the
result is an array of the same shape or a dict with one under "image". Integers are scaled as stored
bytes are, reals are taken as they are.
"""

import importlib
import inspect
import os
import random
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from multiprocessing import get_context
from typing import Any

import numpy as np

from steepest.errors import DataError, SteepestError, UsageError
from steepest.seeds import stream

Array = np.ndarray[Any, Any]
AHEAD = 2  # batches in preparation, for each worker
MOST_WORKERS = 4


class Pipeline:
    """Worker processes that apply functions, named "module:function", to single examples."""

    def __init__(
        self, names: Sequence[str], scale: float, dtype: Any, workers: int | None = None
    ) -> None:
        self._names, self._scale, self._dtype = tuple(names), scale, np.dtype(dtype).name
        self._workers = workers or min(MOST_WORKERS, os.cpu_count() or 1)
        self._pool = ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"))

    def batches(self, images: Iterable[Array], seeds: Sequence[int], epoch: int) -> Iterator[Array]:
        """Yield the transformed batches of an epoch, (R, N, *shape) reals, in order.

        `images` are the batches as stored, (R, N, *shape); `seeds` are the R runs' own. Raises what
        `transform` raises, and UsageError where a worker dies.
        """
        waiting: deque[Future[Array]] = deque()
        start, rest = 0, iter(images)
        try:
            while True:
                while len(waiting) < AHEAD * self._workers and (x := next(rest, None)) is not None:
                    how = (self._names, self._scale, self._dtype)
                    waiting.append(self._pool.submit(transform, x, seeds, epoch, start, how))
                    start += x.shape[1]
                if not waiting:
                    return
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise UsageError(
                f"a worker process of augmentation '{self._names[0]}' died; a script that trains "
                'with one needs its last lines under `if __name__ == "__main__":`'
            ) from None
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """End the workers."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def transform(
    x: Array, seeds: Sequence[int], epoch: int, start: int, how: tuple[tuple[str, ...], float, str]
) -> Array:
    """Return a batch x (R, N, *shape) with every example transformed, as reals.

    Example k of run r is given the stream (seed r, "augment", epoch, start + k): the parameter
    `rng` of the function if it has one, else the seed of the worker's global generators. Bytes that
    come out are scaled as stored ones are. Raises UsageError naming the function that failed and
    DataError where a shape has changed.
    """
    names, scale, dtype = how
    out = np.empty(x.shape, dtype)
    for r, k in np.ndindex(x.shape[:2]):
        generator = stream(seeds[r], "augment", epoch, start + k)
        image = np.array(x[r, k])
        for name in names:
            image = _call(name, image, generator)
            if image.shape != x.shape[2:]:
                raise DataError(
                    f"augmentation '{name}' made shape {image.shape} of {x.shape[2:]}; "
                    "examples keep their shape"
                )
        out[r, k] = image
        if image.dtype.kind in "iu":
            out[r, k] *= out.dtype.type(scale)
    return out


def _call(name: str, image: Array, generator: np.random.Generator) -> Array:
    function, by_name, wants_generator = _function(name)
    options = {"rng": generator} if wants_generator else {}
    if not wants_generator:
        _seed(function, int(generator.integers(2**32)))
    try:
        found = function(image=image, **options) if by_name else function(image, **options)
        return np.asarray(found["image"] if isinstance(found, dict) else found)
    except SteepestError:
        raise
    except Exception as error:  # noqa: BLE001 - the user's own code may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise UsageError(f"augmentation '{name}' failed on an example: {reason}") from None


@lru_cache(maxsize=16)
def _function(name: str) -> tuple[Any, bool, bool]:
    """Return the function, whether it takes the image by name, and whether it takes `rng`."""
    module, _, attribute = name.partition(":")
    function = getattr(importlib.import_module(module), attribute)
    found = inspect.signature(function).parameters
    kinds = {p.kind for p in found.values()}
    positional = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    by_name = "image" in found or (
        inspect.Parameter.VAR_KEYWORD in kinds and not positional & kinds
    )
    return function, by_name, "rng" in found


def _seed(function: Any, seed: int) -> None:
    """Seed the generators a function may use; this process is a worker and has no others."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the function's own may be the global one
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    if hasattr(function, "set_random_seed"):  # Albumentations keeps generators of its own
        function.set_random_seed(seed)
