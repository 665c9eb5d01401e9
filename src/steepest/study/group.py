"""Groups: the runs of a phase that share a program, as the plan of the study decides.

Law: who shares a program with whom follows from the plan alone. Where a program's width decides how
products are rounded, a group of which something is missing is trained again as a whole; only what
is missing is recorded.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from steepest.identity import rounds_by_width
from steepest.spec import RunSpec
from steepest.study.protocol import Planned
from steepest.train.lender import program_shape
from steepest.train.session import shape_of


@dataclass(frozen=True)
class Group:
    """Runs that share a program; those not `wanted` are there for its width alone."""

    runs: tuple[Planned, ...]
    wanted: frozenset[str]  # keys of what the store misses

    def told(self, kind: str, payload: Any) -> Iterator[tuple[Planned, Any]]:
        """Yield the wanted runs that an event is about, each with what was told of it."""
        several = len(self.runs) > 1 and kind in ("event", "done")
        for planned in self.runs:
            key = planned.run.key
            if key in self.wanted and (not several or key in payload):
                yield planned, payload[key] if several else payload


def groups(planned: Sequence[Planned], together: int, missing: Collection[str]) -> list[Group]:
    """Return the groups in which the missing ones (keys) of the planned runs are trained.

    Each has at most `together` runs, in the order of the plan, each run once.
    """
    lots: dict[Any, list[Planned]] = {}
    for each in {p.run.key: p for p in planned}.values():
        lots.setdefault(_lot(each) if together > 1 else each.run.key, []).append(each)
    found = []
    for lot in lots.values():
        for i in range(0, len(lot), together):
            runs = tuple(lot[i : i + together])
            wanted = frozenset(p.run.key for p in runs if p.run.key in missing)
            if not rounds_by_width(runs[0].spec):
                runs = tuple(p for p in runs if p.run.key in wanted)
            if wanted:
                found.append(Group(runs, wanted))
    return found


def _lot(planned: Planned) -> Any:
    """Return what runs must have in common to be trained by one program."""
    spec = planned.spec
    return planned.run.key if spec.asks_torch else _shape(spec)


def _shape(spec: RunSpec) -> Any:
    return (*shape_of(spec), program_shape(spec.rule))
