"""A fold as a run names it: "2/5" is the second of five, "2/5@1" the same dealt once more.

The partition is a function of the labels, the number of folds and the repeat alone. No seed of a
run enters, so that all arms, seeds and trials see the same folds, each example in exactly one.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.data.batch import folds
from steepest.errors import UsageError

Array = np.ndarray[Any, Any]
WRITTEN = re.compile(r"^(\d+)/(\d+)(?:@(\d+))?$")
DEAL = 0  # the seed of every partition


@dataclass(frozen=True)
class Fold:
    """Fold `index` (1-based) of `k`; `repeat` (0-based) deals the examples anew.

    >>> Fold.parse("2/5@1"), str(Fold(5, 2))
    (Fold(k=5, index=2, repeat=1), '2/5')
    """

    k: int
    index: int
    repeat: int = 0

    def __post_init__(self) -> None:
        numbers = (self.k, self.index, self.repeat)
        whole = all(isinstance(n, int) and not isinstance(n, bool) for n in numbers)
        if not whole or self.k < 2 or not 1 <= self.index <= self.k or self.repeat < 0:
            raise UsageError(
                f"fold {self}: of k folds, at least 2, the index counts from 1 to k, the repeat "
                "from 0"
            )

    def __str__(self) -> str:
        again = f"@{self.repeat}" if self.repeat else ""
        return f"{self.index}/{self.k}{again}"

    @classmethod
    def parse(cls, given: Any) -> "Fold":
        """Return the fold that a text such as "2/5" or "2/5@1" names."""
        if isinstance(given, Fold):
            return given
        match = WRITTEN.match(given.strip()) if isinstance(given, str) else None
        if match is None:
            raise UsageError(f"a fold is written as 2/5 or 2/5@1, not {given!r}")
        index, k, repeat = match.groups()
        return cls(int(k), int(index), int(repeat or 0))

    def rows(self, y: Array) -> tuple[Array, Array]:
        """Return sorted (rest, fold) positions in labels `y`; stratified where they are labels."""
        return folds(y, self.k, DEAL, self.repeat)[self.index - 1]


def all_folds(k: int, repeat: int = 0) -> list[Fold]:
    """Return the k folds of one deal.

    >>> [str(fold) for fold in all_folds(2, repeat=3)]
    ['1/2@3', '2/2@3']
    """
    return [Fold(k, index, repeat) for index in range(1, k + 1)]
