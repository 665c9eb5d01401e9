"""The ranges of an arm: its own, those all arms share, and what its rule is tuned by anyway."""

from collections.abc import Sequence
from typing import Any

from steepest.errors import UsageError
from steepest.study.change import is_written, merge
from steepest.study.space import Range


def join(
    own: Sequence[Range], shared: Sequence[Range], default: Sequence[Range]
) -> tuple[Range, ...]:
    """Return the ranges of an arm; of one name, its own wins over the shared over the default."""
    found = {r.name: r for r in (*default, *own)}
    mine = {r.name for r in own}
    return tuple((found | {r.name: r for r in shared if r.name not in mine}).values())


def check_shared(shared: Sequence[Range], changes: Sequence[tuple[str, Any]], where: str) -> None:
    """Raise UsageError where an arm sets what the shared space tunes."""
    written = merge({}, changes)
    for one in shared:
        if is_written(written, one.name):
            raise UsageError(
                f"{where} sets {one.name}, which [space] tunes in every arm; give the range to the "
                "other arms, in their [arms.space]"
            )
