"""What a reviewer is shown of a study, and how a remark is kept: its weight and its sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

from steepest.stats.verdict import Verdict
from steepest.study.design import Study
from steepest.study.outcome import ArmResult
from steepest.study.record import Opening

VOID = 4  # a comparison may mean nothing, or its error rate is not what it says
VERDICT = 3  # a verdict may come out otherwise
PLACE = 2  # an arm's place may change
SHOWN = 4  # names of a list
SCOPE = 1  # what the verdicts do not speak of


@dataclass(frozen=True)
class Remark:
    """One sentence, or two, with its figures."""

    weight: int
    text: str


@dataclass(frozen=True, eq=False)
class Reviewed:
    """A study's results as a reviewer gets them."""

    study: Study
    arms: Sequence[ArmResult]
    verdicts: Sequence[Verdict] = ()
    looks: int = 0  # at the verdicts, before this one, at fewer or other runs
    failed: int = 0
    openings: Sequence[Opening] = ()  # of the test set, by this study
    others: int = 0  # further studies of the store that opened the same data's test set

    @property
    def points(self) -> bool:
        """Tell whether differences are said in points (hundredths)."""
        return not self.study.lower_is_better

    def amount(self, value: float) -> str:
        """Return a difference of the metric in words, without its sign."""
        return f"{100 * abs(value):.2g} points" if self.points else f"{abs(value):.2g}"


def listed(names: Sequence[str]) -> str:
    """Return names as one reads them, long lists cut short.

    >>> listed(["a", "b"]), listed(["a", "b", "c", "d", "e", "f"])
    ('a and b', 'a, b, c, d and 2 more')
    """
    between = "; " if any(", " in name for name in names) else ", "
    if len(names) > SHOWN + 1:
        return f"{between.join(names[:SHOWN])} and {len(names) - SHOWN} more"
    return names[0] if len(names) == 1 else f"{between.join(names[:-1])} and {names[-1]}"
