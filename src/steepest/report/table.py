"""The table of arms as text: for a terminal, a spreadsheet, a program, a README or a paper.

Text is escaped for where it goes. In CSV a text cell that a spreadsheet would run as a formula is
led by an apostrophe; numbers are left as they are, full precision, fractions of one.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from steepest.errors import unknown
from steepest.report.content import Arm, Content, Metric, Number, are_unequal
from steepest.report.number import (
    count,
    decimals,
    duration,
    finite,
    halfwidth,
    interval,
    magnitude,
    score,
    signed,
    signed_interval,
    wins,
)
from steepest.report.palette import SIGNS

FIELDS = (
    "name", "chosen", "mean", "low", "high", "n", "delta", "delta_low", "delta_high", "word",
    "superiority", "diverged", "seconds", "flops", "updates", "examples", "params", "boundary",
    "tolerance",
)  # fmt: skip
Value = Number | str | bool
TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "\u202f": r"\,", "\u2212": r"$-$", "\u2013": "--", "±": r"$\pm$",
    "≥": r"$\geq$", "≤": r"$\leq$", "×": r"$\times$",
}  # fmt: skip


def table(content: Content, form: str = "table") -> str:
    """Return the arms, best first, as `table`, `csv`, `json`, `md` or `tex`, ending in a newline.

    Raises
    ------
    UsageError
        If the format is unknown.
    """
    if form not in FORMS:
        raise unknown("format", form, FORMS)
    metric = content.metric
    arms = sorted(content.arms, key=lambda arm: _place(arm, metric))
    return FORMS[form](content, arms)


def csv_cell(value: Value) -> str:
    r"""Return a cell that no spreadsheet runs as a formula.

    >>> csv_cell("=1+1"), csv_cell(-0.5), csv_cell("-x"), csv_cell(None)
    ("'=1+1", '-0.5', "'-x", '')
    """
    if isinstance(value, str):
        led = "'" + value if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
        return led.replace("\r\n", "\n").replace("\r", "\n")  # a bare CR would end the row
    return _plain(value)


def tex_text(text: str) -> str:
    r"""Return text that LaTeX prints as it is.

    >>> print(tex_text("a_b 5% {x}"))
    a\_b 5\% \{x\}
    """
    return "".join(TEX.get(sign, sign) for sign in " ".join(text.split()))


def md_text(text: str) -> str:
    r"""Return text that Markdown shows as it is, in a cell of a table.

    >>> print(md_text("a|b *c* <i>"))
    a\|b \*c\* \<i\>
    """
    return re.sub(r"([\\`*_\[\]<>|~&$:@])", r"\\\1", " ".join(text.split()))


def _place(arm: Arm, metric: Metric) -> tuple[bool, float]:
    mean = finite(arm.mean)
    return mean is None, (-1 if metric.higher else 1) * (mean or 0.0)


def _plain(value: Number | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    number = finite(value)
    return "" if number is None else repr(value)


def _csv(_: Content, arms: Sequence[Arm]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FIELDS)
    writer.writerows([csv_cell(getattr(arm, field)) for field in FIELDS] for arm in arms)
    return text.getvalue()


def _json(content: Content, arms: Sequence[Arm]) -> str:
    def known(value: Any) -> Any:
        return value if isinstance(value, str | bool | int | tuple) else finite(value)

    rows = [
        {field: known(getattr(arm, field)) for field in FIELDS}
        | {"scores": [[seed, finite(value)] for seed, value in arm.scores]}
        for arm in arms
    ]
    whole = {"study": content.study, "metric": content.metric.name, "reference": content.reference}
    factors = {
        name: [{k: known(v) for k, v in asdict(one).items()} for one in getattr(content, name)]
        for name in ("effects", "interactions", "reported", "claims")
        if getattr(content, name)
    }
    return json.dumps({**whole, "arms": rows, **factors}, indent=2, allow_nan=False) + "\n"


def _cells(content: Content, arms: Sequence[Arm]) -> list[list[str]]:
    """Return the heading and the rows as a person reads them."""
    metric = content.metric
    digits = decimals(metric, (halfwidth(a.low, a.high) for a in arms))
    small = decimals(metric, (halfwidth(a.delta_low, a.delta_high) for a in arms))
    compared = content.reference is not None
    head = ["arm", "chosen", metric.name, "interval", *["difference", "verdict"] * compared]
    rows = [[*head, *["wins"] * compared, "n", "diverged", "time", "work"]]
    unequal = are_unequal(content.arms)
    rows[0] += ["updates", "examples"] * unequal
    for arm in arms:
        ends = interval(arm.low, arm.high, metric, digits)
        row = [arm.name, arm.chosen, score(arm.mean, metric, digits), ends]
        if arm.name == content.reference:
            row += ["", "reference", ""]
        elif compared:
            gap = signed(arm.delta, metric, small)
            span = signed_interval(arm.delta_low, arm.delta_high, metric, small)
            word = f"{SIGNS.get(arm.word, '')} {arm.word}".strip()
            row += [f"{gap} ({span})" if span else gap, word, wins(arm.superiority, arm.pairs)]
        cost = [duration(arm.seconds), magnitude(arm.flops, "FLOP")]
        cost += [count(arm.updates), count(arm.examples)] * unequal
        rows.append([*row, str(arm.n), str(arm.diverged), *cost])
    return rows


def _text(content: Content, arms: Sequence[Arm]) -> str:
    return text_rows(_cells(content, arms))


def text_rows(cells: Sequence[Sequence[str]]) -> str:
    """Return a heading and rows as aligned text."""
    rows = [[_printable(cell) for cell in row] for row in cells]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _printable(text: str) -> str:
    """Return one line without control characters: a name must not steer a terminal."""
    return "".join(sign if sign.isprintable() or sign == "\u202f" else " " for sign in text)


def _md(content: Content, arms: Sequence[Arm]) -> str:
    return md_rows(_cells(content, arms))


def md_rows(cells: Sequence[Sequence[str]]) -> str:
    """Return a heading and rows as a table of Markdown."""
    head, *rows = ([md_text(cell) for cell in row] for row in cells)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _tex(content: Content, arms: Sequence[Arm]) -> str:
    return tex_rows(_cells(content, arms))


def tex_rows(cells: Sequence[Sequence[str]]) -> str:
    """Return a heading and rows as a table of LaTeX."""
    head, *rows = ([tex_text(_words(cell)) for cell in row] for row in cells)
    body = "".join(f"{' & '.join(row)} \\\\\n" for row in rows)
    return (
        f"\\begin{{tabular}}{{{'l' * len(head)}}}\n\\hline\n{' & '.join(head)} \\\\\n\\hline\n"
        f"{body}\\hline\n\\end{{tabular}}\n"
    )


def _words(cell: str) -> str:
    """Return the cell without the sign of a verdict, for which LaTeX needs a font."""
    sign, _, rest = cell.partition(" ")
    return rest if sign in SIGNS.values() and rest in SIGNS else cell


FORMS: dict[str, Callable[[Content, Sequence[Arm]], str]] = {
    "table": _text,
    "csv": _csv,
    "json": _json,
    "md": _md,
    "tex": _tex,
}
