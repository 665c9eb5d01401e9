"""Studies that may be extended: which looks there were, and what each of them may spend.

A study declares with `most_seeds` how far it may go. Each look at its verdicts is kept in the store
with its number of pairs, under the digest of the study without its seeds, so that looks at fewer
seeds count and looks at another study do not. The same number of pairs again is the same look.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from steepest.stats.resample import Basis
from steepest.stats.sequential import Ahead, Look, looks
from steepest.study.design import Study
from steepest.study.query import read_looks
from steepest.study.store import Store

LEVEL = 0.95


@dataclass(frozen=True)
class Extension:
    """A look at a study that may be extended, and the declared ones before it."""

    line: str  # digest of the study without its seeds
    most: int
    family: int  # comparisons that share the error rate
    pairs: tuple[int, ...]  # at each look, this one last
    looks: tuple[Look, ...]  # of a single comparison
    recorded: int  # how often declared looks were recorded, repetitions too

    @property
    def level(self) -> float:
        """The confidence of all intervals of this look at once."""
        return 1 - self.family * self.looks[-1].nominal

    @property
    def spent(self) -> float:
        """The error rate of the whole family that is spent by now."""
        return self.family * self.looks[-1].spent

    @property
    def basis(self) -> Basis:
        """What the verdicts of this look rest on."""
        ahead = Ahead(self.pairs, self.most, (1 - LEVEL) / self.family)
        look = f"at look {len(self.pairs)} (O'Brien-Fleming spending)"
        return Basis(self.level, look=look, ahead=ahead)

    @property
    def text(self) -> str:
        """The looks and what they spent, in a sentence."""
        at = ", ".join(str(n) for n in self.pairs)
        count = f"{len(self.pairs)} look{'s' if len(self.pairs) > 1 else ''}"
        return (
            f"{count} at {at} of up to {self.most} pairs; {100 * self.spent:.3g} of "
            f"{100 * (1 - LEVEL):.3g} % error spent; intervals of this look are at "
            f"{100 * self.level:.6g} %"
        )


def extension_of(study: Study, store: Store, pairs: int, family: int) -> Extension | None:
    """Return the look at `pairs` pairs of a study that may be extended; None where it may not."""
    if study.most_seeds is None:
        return None
    line = line_of(study)
    recorded = read_looks(store, line)
    return plan_look(study, line, recorded, (pairs, family))


def plan_look(study: Study, line: str, recorded: Sequence[int], now: tuple[int, int]) -> Extension:
    """Return the look at (pairs, family), after the recorded ones at fewer pairs."""
    (pairs, family), most = now, int(study.most_seeds or 0)
    seen = (*sorted({n for n in recorded if n < pairs}), pairs)
    spent = looks([n / most for n in seen], (1 - LEVEL) / family)
    return Extension(line, most, family, seen, tuple(spent), len(recorded))


def line_of(study: Study) -> str:
    """Return the digest that a study shares with itself at any number of seeds."""
    return replace(study, seeds=1).digest
