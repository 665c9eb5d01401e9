"""How numbers are written for a reader: per cent, points, signs, magnitudes; a dash for nothing."""

import math
from collections.abc import Iterable

from steepest.report.content import Metric, Number

ABSENT = "\u2013"  # an en dash
THIN = "\u202f"  # narrow no-break space between a number and its unit
MINUS = "\u2212"


def finite(value: Number) -> float | None:
    """Return the value as a float, or None if it is absent or not finite.

    >>> finite(2), finite(float("nan")), finite(None)
    (2.0, None, None)
    """
    if value is None:
        return None
    return float(value) if math.isfinite(value) else None


def halfwidth(low: Number, high: Number) -> float | None:
    """Return half the length of an interval, or None if an end is unknown."""
    a, b = finite(low), finite(high)
    return None if a is None or b is None else (b - a) / 2


def decimals(metric: Metric, halfwidths: Iterable[float | None]) -> int:
    """Return the decimals that show two digits of the typical interval's half-width.

    >>> decimals(Metric(), [0.0025, 0.003])  # a quarter of a point
    2
    """
    known = sorted(abs(w) for w in halfwidths if w)
    width = known[len(known) // 2] if known else (0.001 if metric.percent else 0.01)
    scaled = 100 * width if metric.percent else width
    least, most = (1, 3) if metric.percent else (2, 6)
    return min(max(math.ceil(-math.log10(scaled)) + 1, least), most)


def fixed(value: float, digits: int) -> str:
    """Write with a set number of decimals and a true minus; a rounded zero has no sign."""
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def score(value: Number, metric: Metric, digits: int) -> str:
    r"""Write a score of the metric.

    >>> score(0.97421, Metric(), 1)
    '97.4\u202f%'
    """
    number = finite(value)
    if number is None:
        return ABSENT
    return f"{fixed(100 * number, digits)}{THIN}%" if metric.percent else fixed(number, digits)


def signed(value: Number, metric: Metric, digits: int) -> str:
    """Write a difference with its sign, in points or in the metric's own unit, without the unit.

    >>> signed(0.0042, Metric(), 2)
    '+0.42'
    """
    number = finite(value)
    if number is None:
        return ABSENT
    text = fixed(100 * number if metric.percent else number, digits)
    positive = not text.startswith(MINUS) and float(text) > 0
    return f"+{text}" if positive else text


def interval(low: Number, high: Number, metric: Metric, digits: int) -> str:
    """Write an interval of scores, the unit understood; empty if it is unknown.

    >>> interval(0.971, 0.9782, Metric(), 1)
    '97.1 to 97.8'
    """
    ends = finite(low), finite(high)
    if ends[0] is None or ends[1] is None:
        return ""
    scale = 100 if metric.percent else 1
    return f"{fixed(scale * ends[0], digits)} to {fixed(scale * ends[1], digits)}"


def signed_interval(low: Number, high: Number, metric: Metric, digits: int) -> str:
    """Write an interval of differences with signs; empty if it is unknown."""
    if finite(low) is None or finite(high) is None:
        return ""
    return f"{signed(low, metric, digits)} to {signed(high, metric, digits)}"


def magnitude(value: Number, unit: str = "") -> str:
    r"""Write a large count in thousands, millions and so on, to three digits.

    >>> magnitude(12_345_678_900, "FLOP")
    '12.3\u202fGFLOP'
    >>> magnitude(109_386)
    '109k'
    """
    number = finite(value)
    if number is None:
        return ABSENT
    for letter, size in (
        ("P", 1e15),
        ("T", 1e12),
        ("G" if unit else "B", 1e9),
        ("M", 1e6),
        ("k", 1e3),
    ):
        if abs(number) >= 0.9995 * size:
            return f"{number / size:.3g}{THIN if unit else ''}{letter}{unit}"
    return f"{number:.3g}{THIN + unit if unit else ''}"


def duration(value: Number) -> str:
    r"""Write seconds as a person would.

    >>> duration(0.0314), duration(12.34), duration(754)
    ('0.031\u202fs', '12.3\u202fs', '12\u202fmin\u202f34\u202fs')
    """
    number = finite(value)
    if number is None:
        return ABSENT
    if number < 100:
        digits = 3 if number < 0.1 else 2 if number < 10 else 1
        return f"{number:.{digits}f}{THIN}s"
    minutes, seconds = divmod(round(number), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}{THIN}h{THIN}{minutes}{THIN}min"
    return f"{minutes}{THIN}min{THIN}{seconds}{THIN}s"


def wins(part: Number, pairs: int) -> str:
    r"""Write how many pairs were won, a tie being half a win: a count claims no more than it is.

    >>> wins(1.0, 3), wins(0.625, 4), wins(None, 3)
    ('3 of 3', '2.5 of 4', '–')
    """
    number = finite(part)
    if number is None or pairs < 1:
        return ABSENT
    return f"{round(2 * number * pairs) / 2:g} of {pairs}"


def share(value: Number) -> str:
    r"""Write a probability in whole per cent, never rounded to certainty.

    >>> share(0.731), share(0.9999), share(0.0)
    ('73\u202f%', '> 99\u202f%', '< 1\u202f%')
    """
    number = finite(value)
    if number is None:
        return ABSENT
    if number > 0.99:
        return f"> 99{THIN}%"
    return f"< 1{THIN}%" if number < 0.01 else f"{100 * number:.0f}{THIN}%"


def margin(metric: Metric) -> str:
    """Write the margin of equivalence with its unit.

    >>> margin(Metric())
    '0.5 points'
    """
    return f"{100 * metric.margin if metric.percent else metric.margin:.3g} {unit(metric)}"


def unit(metric: Metric) -> str:
    """Return the unit of a difference.

    >>> unit(Metric()), unit(Metric("test loss", percent=False, higher=False))
    ('points', 'test loss')
    """
    return "points" if metric.percent else metric.name


def count(value: Number) -> str:
    """Return a number of things, whole.

    >>> count(1234.0), count(None)
    ('1,234', '–')
    """
    number = finite(value)
    return ABSENT if number is None else f"{number:,.0f}"
