"""Whether the best trial lies at the edge of what was searched, and where to go on from there.

Between the points of a grid the outermost value tried is the edge. Points at random never lie
exactly at an end, and their outermost is an end by luck alone; there the edge is the outer
twentieth of the range, or of all that was tried where that reaches further.
"""

from collections.abc import Callable, Sequence
from typing import Any

from steepest.study.further import beyond, inward, outward
from steepest.study.space import Range, Values, changed, left_over

EDGE = 0.05  # of the way from low to high


def _on_grid(search: str, space: Sequence[Range]) -> bool:
    """Tell whether trials are a line or a grid; "auto" is a Sobol sequence from two ranges on."""
    return search == "grid" or (search == "auto" and len(space) == 1)


def edges(
    search: str, space: Sequence[Range], best: Values, tried: Sequence[Values]
) -> tuple[str, ...]:
    """Return the names of the ranges at whose edge the best trial lies."""
    found, seen = dict(best), {r.name: [dict(v)[r.name] for v in tried] for r in space}
    if _on_grid(search, space):
        return tuple(r.name for r in space if r.is_edge(found[r.name], seen[r.name]))
    return tuple(r.name for r in space if _side(r, found[r.name], seen[r.name]))


def more(
    search: str,
    space: Sequence[Range],
    tried: Sequence[Values],
    best: Values,
    extra: int,
    fits: Callable[[Values], bool] = lambda _: True,
) -> list[Values]:
    """Return `extra` new trials that vary one range of the best: outward at an edge, else near it.

    It is the first range at whose edge the best trial lies, else the first of all. Choices alone
    give what is left of them, in their order.
    """
    lines = [r for r in space if not r.choices]
    if not lines:
        return left_over(space, tried)[:extra]
    found, seen = dict(best), {r.name: [dict(v)[r.name] for v in tried] for r in lines}
    if _on_grid(search, space):
        axis = next((r for r in lines if r.is_edge(found[r.name], seen[r.name])), lines[0])

        def suits(value: Any) -> bool:
            return fits(changed(best, axis.name, value))

        moved = beyond(axis, seen[axis.name], found[axis.name], extra, suits)
        return [changed(best, axis.name, value) for value in moved]
    sides = {r.name: _side(r, found[r.name], seen[r.name]) for r in lines}
    axis = next((r for r in lines if sides[r.name]), lines[0])
    values = _steps(axis, seen[axis.name], found[axis.name], sides[axis.name])
    fresh = [changed(best, axis.name, v) for v in dict.fromkeys(map(axis.rounded, values))]
    return [v for v in fresh if v not in tried and fits(v)][:extra]


def _side(one: Range, value: Any, tried: Sequence[Any]) -> int:
    """Return 1 at the upper edge, -1 at the lower one, 0 elsewhere; a choice has no edge."""
    if one.choices or len(set(tried)) < 2:
        return 0
    place, places = one.share(value), [one.share(v) for v in tried]
    if place >= max(1.0, *places) - EDGE:
        return 1
    return -1 if place <= min(0.0, *places) + EDGE else 0


def _steps(one: Range, tried: Sequence[Any], best: Any, side: int) -> list[float]:
    """Return values outside, a quarter of the range apart, then between the best's neighbours."""
    low, high = min(one.low, *tried), max(one.high, *tried)
    ordered = [low, *_quarters(one, low, high), high]
    around = sorted({one.low, one.high, *tried})
    inside = inward(one, around, around.index(best), 8)
    up = outward(one, ordered, 1, 8)
    return [*(outward(one, ordered, side, 8) if side else []), *inside, *up]


def _quarters(one: Range, low: float, high: float) -> list[float]:
    """Return the values a quarter of the range away from the ends of what was searched."""
    return [one.at(one.share(low) + 0.25), one.at(one.share(high) - 0.25)]
