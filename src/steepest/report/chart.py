"""What a chart is: a Vega-Lite 6 description, its data beside it, choices a reader may make.

Descriptions are plain dicts. A string that starts with `@` in one is a blank; every choice fills
some blanks, the page's script draws the chart again. Rows name an arm by its number `i`; the script
adds its name as `arm`. Colours are CSS variables, so that one drawing serves light, dark and paper.
No text of a user's is ever part of an expression.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steepest.report.content import Arm, Content, Number
from steepest.report.number import finite
from steepest.report.palette import colour, dash, looks

Spec = dict[str, Any]
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
FADED = 0.08
LABEL = 21  # letters in a line of a row's label
SIGNED = "datum.value ? format(datum.value, '+~g') : '0'"  # labels of an axis of differences


@dataclass(frozen=True)
class Table:
    """Rows of plain values under named columns."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Number | str | bool]]


@dataclass(frozen=True)
class Option:
    """One position of a choice: what it is called and how it fills the blanks."""

    label: str
    fills: Mapping[str, Any]


@dataclass(frozen=True)
class Choice:
    """A question the reader may answer: options to pick from, or a box to tick (off, on)."""

    name: str
    label: str
    options: tuple[Option, ...]
    tick: bool = False


@dataclass(frozen=True)
class Figure:
    """One chart of the page."""

    name: str
    title: str  # the question it answers
    caption: str  # what to see
    spec: Spec
    tables: Mapping[str, Table]
    choices: tuple[Choice, ...] = field(default=())
    legend: bool = False  # lines need names beside the chart; a chart with a row per arm does not


def theme() -> Spec:
    """Return the Vega-Lite config shared by all charts."""
    return {
        "background": "transparent",
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": "var(--soft)",
            "titleColor": "var(--soft)",
            "gridColor": "var(--line)",
            "domainColor": "var(--edge)",
            "tickColor": "var(--edge)",
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "titleLimit": 330,
            "labelPadding": 5,
        },
        "line": {"strokeWidth": 2, "strokeCap": "butt", "strokeJoin": "round"},
        "text": {"fontSize": 12},
    }


def frame(layers: list[Spec], height: int) -> Spec:
    """Return a description as wide as its container, with the arm in focus as a signal."""
    return {
        "width": "container",
        "height": height,
        "autosize": {"contains": "padding"},
        "padding": {"left": 2, "right": 8, "top": 18, "bottom": 4},
        "params": [{"name": "focus", "value": -1}],
        "config": theme(),
        "layer": layers,
    }


def hue(content: Content) -> Spec:
    """Return the colour encoding by arm."""
    return hues(arm_looks(content))


def hues(numbers: list[int]) -> Spec:
    """Return the colour encoding by the number `i`, of things with these looks."""
    return {
        "field": "i",
        "type": "nominal",
        "scale": {
            "domain": list(range(len(numbers))),
            "range": [f"var(--arm-{colour(look)})" for look in numbers],
        },
        "legend": None,
    }


def stroke(content: Content) -> Spec:
    """Return the dash encoding by arm."""
    return strokes(arm_looks(content))


def strokes(numbers: list[int]) -> Spec:
    """Return the dash encoding by the number `i`, of things with these looks."""
    return {
        "field": "i",
        "type": "nominal",
        "scale": {
            "domain": list(range(len(numbers))),
            "range": [list(dash(look)) or [1, 0] for look in numbers],
        },
        "legend": None,
    }


def faded(full: float) -> Spec:
    """Return the opacity that dims every arm but the one in focus."""
    return {
        "condition": {"test": "focus < 0 || datum.i === focus", "value": full},
        "value": round(full * FADED, 3),
    }


def arm_looks(content: Content) -> list[int]:
    """Return the look of every arm of the study."""
    return looks([arm.name for arm in content.arms], content.reference)


def arm_order(content: Content) -> dict[str, int]:
    """Return the number of every arm of the study."""
    return {arm.name: i for i, arm in enumerate(content.arms)}


def ranked(content: Content) -> list[Arm]:
    """Return the arms, best mean first; arms without a score last."""
    sign = -1 if content.metric.higher else 1

    def key(arm: Arm) -> tuple[bool, float]:
        mean = finite(arm.mean)
        return mean is None, sign * (mean or 0.0)

    return sorted(content.arms, key=key)


def row_axis(labels: list[str], lines: int = 1) -> Spec:
    """Return the vertical encoding with a row per arm; a label may have several lines."""
    return {
        "field": "row",
        "type": "nominal",
        "scale": {"domain": labels, "padding": 0},
        "axis": {
            "title": None,
            "labelExpr": "split(datum.label, '\\n')",
            "labelColor": "var(--ink)",
            "labelFontSize": 13,
            "labelLineHeight": 16,
            "labelOffset": -8 * (lines - 1),
            "labelLimit": 140,
            "labelPadding": 10,
            "domain": False,
            "ticks": False,
            "grid": False,
        },
    }


def row_labels(names: Sequence[str], under: Sequence[str]) -> tuple[list[str], int]:
    r"""Return labels of rows, long names in several lines, and the number of lines of all.

        >>> row_labels(["adam", "dropout 0.5, batch size 256"], ["better", ""])
    (['adam\nbetter', 'dropout 0.5, batch\nsize 256'], 2)
    """
    found = [
        [*(textwrap.wrap(name, LABEL, break_long_words=False) or [""]), *filter(None, [word])]
        for name, word in zip(names, under, strict=True)
    ]
    most = max((len(lines) for lines in found), default=1)
    return ["\n".join([*lines, *[" "] * (most - len(lines))]) for lines in found], most


def row_step(lines: int) -> int:
    """Return the height of a row in pixels whose label has so many lines."""
    return max(48, 16 * lines + 12)


def one_line(text: str) -> str:
    r"""Return the text with its runs of white space as single spaces.

    >>> one_line("a\n b")
    'a b'
    """
    return " ".join(text.split())


def number_format(percent: bool) -> str:
    """Return the d3 format of a score on an axis."""
    return ".3~%" if percent else ".3~r"


def compact(value: Number | str | bool) -> Number | str | bool:
    """Return the value as it is embedded: six digits, no NaN.

    >>> compact(0.123456789), compact(float("nan")), compact(3.0), compact("x")
    (0.123457, None, 3, 'x')
    """
    if isinstance(value, str | bool) or value is None:
        return value
    number = finite(value)
    if number is None:
        return None
    short = float(f"{number:.6g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short
