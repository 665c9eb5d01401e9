"""Further values of ranges that were searched: outward from an edge, or between those tried."""

from collections.abc import Callable, Sequence
from typing import Any

from steepest.study.space import Range


def beyond(
    one: Range,
    tried: Sequence[Any],
    best: Any,
    extra: int,
    fits: Callable[[Any], bool] = lambda _: True,
) -> list[Any]:
    """Return `extra` further values: outward from an edge, else between the best's neighbours.

    >>> beyond(Range("optimizer.lr", 0.01, 1.0, log=True), [0.01, 0.1, 1.0], 1.0, 2)
    [10.0, 100.0]
    """
    ordered = sorted(set(tried))
    place = ordered.index(best)
    up = outward(one, ordered, 1, 4 * extra)
    down = outward(one, ordered, -1, 4 * extra)
    inner = inward(one, ordered, place, extra)
    outside = (up if place else down) if one.is_edge(best, tried) else []
    candidates = [*outside, *inner, *up]
    fresh = [v for v in dict.fromkeys(map(one.rounded, candidates)) if v not in ordered and fits(v)]
    return fresh[:extra]


def outward(one: Range, ordered: Sequence[Any], sign: int, count: int) -> list[float]:
    """Return values ever further outside, at the pace of the outermost two; never past a bound."""
    edge, near = (ordered[-1], ordered[-2:-1]) if sign > 0 else (ordered[0], ordered[1:2])
    steps = range(1, count + 1)
    if one.log:
        pace = edge / near[0] if near else (one.high / one.low) ** (sign / 4)
        return [edge * pace**k for k in steps]
    if sign > 0 and one.low >= 0 and one.high < 1 and not one.integer:  # a share, such as momentum
        return [1 - (1 - edge) * 0.5**k for k in steps]
    if sign < 0 <= one.low:
        return [edge * 0.5**k for k in steps]
    pace = edge - near[0] if near else sign * (one.high - one.low) / 4
    return [edge + pace * k for k in steps]


def inward(one: Range, ordered: Sequence[Any], place: int, count: int) -> list[float]:
    """Return values between the best and its neighbours, from both sides in turn."""
    best = ordered[place]
    sides = [ordered[i] for i in (place - 1, place + 1) if 0 <= i < len(ordered)]
    if not sides:
        return []
    found = []
    for i in range(count):
        share = (i // len(sides) + 1) / (-(-count // len(sides)) + 1)
        side = sides[i % len(sides)]
        at = best * (side / best) ** share if one.log else best + (side - best) * share
        found.append(at)
    return found
