"""The tables of a study beside that of its arms, as texts; effects also as verdicts of the page."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from steepest.errors import UsageError, unknown
from steepest.report.content import Content, Effect, Interaction
from steepest.report.document import document
from steepest.report.number import decimals, halfwidth, margin, signed, signed_interval, unit
from steepest.report.overview import VerdictRow
from steepest.report.palette import SIGNS
from steepest.report.published import claim_cells, reported_cells
from steepest.report.table import csv_cell, md_rows, table, tex_rows, text_rows
from steepest.report.tuning_table import budget_cells, importance_cells

EFFECT = ("level", "base", "cells", "word", "delta", "low", "high", "n")
INTERACTION = ("level", "base", "other", "other_base", "cells", "word", "delta", "low", "high", "n")
COLUMNS = {
    "tuning": ("arm", "trials", "value", "low", "high"),
    "importance": ("arm", "name", "share", "low", "high"),
    "reported": ("arm", "measure", "reported", "mean", "low", "high", "place", "n"),
    "claims": ("text", "word", "figures"),
}
PUBLISHED = {
    "tuning": budget_cells, "importance": importance_cells, "reported": reported_cells,
    "claims": claim_cells,
}  # fmt: skip
TABLES = ("arms", "effects", "interactions", *PUBLISHED)
FORMS: dict[str, Callable[[Sequence[Sequence[str]]], str]] = {
    "table": text_rows, "md": md_rows, "tex": tex_rows,
}  # fmt: skip


@dataclass(frozen=True)
class FactorRows:
    """A section of the page about factors."""

    name: str
    title: str
    caption: str
    rows: tuple[VerdictRow, ...]
    figure: str  # the chart that belongs to it


def factor_rows(content: Content) -> list[FactorRows]:
    """Return the sections about effects and interactions; none without factors."""
    found = []
    if content.effects:
        caption = (
            "Each level against its factor's base, pair by pair: same seed, same levels of the"
            " other factors, every combination tuned by the same budget. All intervals of this"
            " section hold at once."
        )
        rows = tuple(_row(content, e, content.effects) for e in content.effects)
        found.append(FactorRows("effect-list", "The factors", caption, rows, "effects"))
    if content.interactions:
        caption = (
            "How much more a level gains over its base at another factor's level than at that"
            f" one's base: a difference of differences. Additive: within ±{margin(content.metric)}."
        )
        rows = tuple(_row(content, x, content.interactions) for x in content.interactions)
        found.append(FactorRows("interaction-list", "Interactions", caption, rows, "interaction"))
    return found


def tables(content: Content, form: str, which: str | None = None) -> str:
    """Return one table of a study, or with None every one it has; CSV and JSON are one anyway.

    The form "page" is the whole study in Markdown.

    Raises
    ------
    UsageError
        If the format or the table is unknown, or the study has no such table.
    """
    if which is not None and which not in TABLES:
        raise unknown("table", which, TABLES)
    if form not in (known := [*FORMS, "csv", "json", "page"]):
        raise unknown("format", form, known)
    if which in ("effects", "interactions"):
        return factor_table(content, which, form)
    if which in PUBLISHED:
        return _published(content, which, form)
    if form == "page":
        return document(content, "\n".join(_all(content, "md", ("effects", "interactions"))))
    if which is None and form in FORMS:
        return "\n".join(_all(content, form, TABLES[1:]))
    return table(content, form)


def _all(content: Content, form: str, names: Sequence[str]) -> list[str]:
    """Return the table of arms and those of `names` that the study has."""
    more = [n for n in names if (PUBLISHED[n](content) if n in PUBLISHED else getattr(content, n))]
    return [table(content, form), *(tables(content, form, name) for name in more)]


def _published(content: Content, which: str, form: str) -> str:
    cells = PUBLISHED[which](content)
    if not cells:
        raise UsageError(f"study '{content.study}' has no {which} to show")
    if form == "csv":
        return _csv(getattr(content, which), COLUMNS[which])
    if form not in FORMS:
        raise unknown("format", form, [*FORMS, "csv"])
    return FORMS[form](cells)


def factor_table(content: Content, which: str, form: str) -> str:
    """Return `which` ("effects" or "interactions") as `table`, `csv`, `md` or `tex`.

    Raises
    ------
    UsageError
        If the study has none, or the format is unknown.
    """
    rows: Sequence[Effect | Interaction] = getattr(content, which)
    if not rows:
        raise UsageError(f"study '{content.study}' has no {which}: its arms cross no factors")
    if form == "csv":
        return _csv(rows, EFFECT if which == "effects" else INTERACTION)
    if form not in FORMS:
        raise unknown("format", form, [*FORMS, "csv"])
    return FORMS[form](_cells(content, rows))


def factor_lines(content: Content) -> list[str]:
    """Return what the terminal says of the factors: effects, and interactions that were found."""
    lines = []
    if content.effects:
        lines += ["Factors, each averaged over the others:", *_block(content, content.effects)]
    found = [x for x in content.interactions if x.word != "not distinguishable"]
    if found:
        lines += ["Interactions (differences of differences):", *_block(content, found)]
    if len(found) < len(content.interactions):
        left = len(content.interactions) - len(found)
        lines.append(f"{left} of {len(content.interactions)} interactions are not distinguishable.")
    return lines


def _block(content: Content, rows: Sequence[Effect | Interaction]) -> list[str]:
    return [f"  {line}" for line in text_rows(_cells(content, rows)).splitlines()]


def _cells(content: Content, rows: Sequence[Effect | Interaction]) -> list[list[str]]:
    metric = content.metric
    digits = decimals(metric, (halfwidth(r.low, r.high) for r in rows))
    crossed = ["more at", "than at"] * isinstance(rows[0], Interaction)
    names = ["level", "over", *crossed, f"difference, {unit(metric)}", "interval"]
    found = [[*names, "finding", "averaged over", "n"]]
    for r in rows:
        pair = [r.other, r.other_base] if isinstance(r, Interaction) else []
        gap = signed(r.delta, metric, digits)
        word = f"{SIGNS.get(r.word, '')} {r.word}".strip()
        ends = signed_interval(r.low, r.high, metric, digits)
        found.append([r.level, r.base, *pair, gap, ends, word, str(r.cells), str(r.n)])
    return found


def _csv(rows: Sequence[Any], names: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([csv_cell(getattr(row, name)) for name in names] for row in rows)
    return text.getvalue()


def _row(
    content: Content, one: Effect | Interaction, rows: Sequence[Effect | Interaction]
) -> VerdictRow:
    metric = content.metric
    digits = decimals(metric, [halfwidth(r.low, r.high) for r in rows])
    ends = signed_interval(one.low, one.high, metric, digits)
    gap = f"{signed(one.delta, metric, digits)} {unit(metric)}"
    return VerdictRow(one.word, one.sentence, (f"{gap} ({ends})" if ends else gap, f"n = {one.n}"))
