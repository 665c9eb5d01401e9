"""Several problems as one HTML file, made as the page of a study is, with links to each one's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from steepest.report.across_text import (
    contest_facts,
    contest_sentence,
    headline,
    metric_of,
    scope,
)
from steepest.report.chart import arm_looks, ranked
from steepest.report.collect import headline as problem_headline
from steepest.report.content import Arm, Content, Method
from steepest.report.number import THIN, decimals, halfwidth, interval, score
from steepest.report.overview import Cell, VerdictRow
from steepest.report.page import KINDS, assemble
from steepest.report.palette import SIGNS
from steepest.report.profile_chart import profile
from steepest.report.strip_chart import strip
from steepest.study.across import Across


@dataclass(frozen=True)
class Line:
    """A row of a table: its name, where it leads, a smaller line under it, and its cells."""

    name: str
    cells: tuple[Cell, ...]
    link: str = ""
    under: str = ""


@dataclass(frozen=True)
class Listing:
    """A table of the page."""

    columns: tuple[str, ...]
    lines: tuple[Line, ...]


def render_across(found: Across, links: Mapping[str, str], created: str, command: str) -> str:
    """Return the page; `links` leads from a problem to its own page."""
    content = content_of(found, created, command)
    drawn = [_strip(content), profile(content, found.costs)]
    rows = [
        VerdictRow(c.word, contest_sentence(c), tuple(contest_facts(found, c)))
        for c in found.contests
    ]
    names = [arm.name for arm in content.arms]
    return assemble(
        "across.html", content, [f for f in drawn if f is not None], (names, arm_looks(content)),
        verdicts=rows,
        lists=(
            ("The arms over all problems", _arms(found, content), _arms_caption(found)),
            ("The problems", _problems(found, links), "Each problem is a study of its own."),
        ),
        kinds=KINDS, signs=SIGNS,
    )  # fmt: skip


def content_of(found: Across, created: str, command: str) -> Content:
    """Return what every page shows, with the arms scored by their interquartile means."""
    study = found.problems.studies[0]
    arms = tuple(
        Arm(arm, mean=one.mean, low=one.low, high=one.high, n=one.n)
        for arm, one in found.iqm.items()
    )
    repeated = f", {study.tunings} tunings" if study.tunings > 1 else ""
    plan = f"{len(found.labels)} problems · {len(found.arms)} arms · {study.seeds} seeds{repeated}"
    hashes = tuple((c.study.name, c.record.digest) for c in found.found)
    warned = tuple(
        f"{label}: {len(c.warnings)} remark{'s' if len(c.warnings) > 1 else ''} on its own page."
        for label, c in zip(found.labels, found.found, strict=True)
        if c.warnings
    )
    return Content(
        study=found.problems.name,
        question=found.problems.question,
        headline=headline(found),
        created=created,
        claim_scope=scope(found),
        plan=plan,
        metric=metric_of(found),
        arms=arms,
        notes=(*study.notes, *found.notes, *warned),
        method=Method(hashes=hashes, command=command),
    )


def _strip(content: Content) -> Any:
    drawn = strip(content)
    caption = (
        "Dot: interquartile mean, the mean of the middle half of an arm's test scores on all"
        f" problems. Bar: its 95{THIN}% interval over seeds, resampled within each problem: it"
        " speaks of these problems, not of others."
    )
    return drawn and replace(drawn, caption=caption)


def _arms(found: Across, content: Content) -> Listing:
    metric = content.metric
    digits = decimals(metric, (halfwidth(a.low, a.high) for a in content.arms))
    firsts = _firsts(found)
    lines = [
        Line(
            arm.name,
            (
                Cell(
                    score(arm.mean, metric, digits),
                    interval(arm.low, arm.high, metric, digits),
                    f"{arm.mean}",
                ),
                Cell(f"{found.ranks[arm.name]:.2f}", "", f"{found.ranks[arm.name]}"),
                Cell(f"{firsts[arm.name]} of {len(found.labels)}", "", f"{firsts[arm.name]}"),
            ),
        )
        for arm in ranked(content)
    ]
    return Listing(("Arm", "Interquartile mean", "Mean rank", "Best on"), tuple(lines))


def _firsts(found: Across) -> dict[str, int]:
    """Return on how many problems each arm has the best mean; a tie counts for all in it."""
    sign = -1.0 if found.lower_is_better else 1.0
    best = [max(sign * v[p] for v in found.means.values()) for p in range(len(found.labels))]
    return {
        arm: sum(sign * v == top for v, top in zip(values, best, strict=True))
        for arm, values in found.means.items()
    }


def _arms_caption(found: Across) -> str:
    what = "smallest" if found.lower_is_better else "highest"
    return (
        f"Mean rank: 1 is best on every problem. Best on: problems on which the arm has the {what}"
        " mean score."
    )


def _problems(found: Across, links: Mapping[str, str]) -> Listing:
    metric = replace(metric_of(found), percent=not found.lower_is_better)
    lines = []
    for p, (label, one) in enumerate(zip(found.labels, found.found, strict=True)):
        cells = tuple(
            Cell(score(found.means[arm][p], metric, 2), "", f"{found.means[arm][p]}")
            for arm in found.arms
        )
        lines.append(Line(label, cells, links.get(label, ""), problem_headline(one)))
    return Listing(("Problem", *found.arms), tuple(lines))
