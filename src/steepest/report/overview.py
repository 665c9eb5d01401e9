"""The verdicts and the table of arms as the page shows them: every number already written out."""

from dataclasses import dataclass

from steepest.report.chart import arm_looks, ranked
from steepest.report.content import Arm, Content, Number, Verdict, are_unequal
from steepest.report.number import (
    ABSENT,
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
    unit,
    wins,
)
from steepest.report.palette import colour


@dataclass(frozen=True)
class Column:
    """A heading of the table of arms."""

    label: str
    number: bool = True


@dataclass(frozen=True)
class Cell:
    """One cell: its text, a smaller line under it, and the number it is sorted by."""

    text: str = ""
    under: str = ""
    sort: str = ""
    kind: str = "number"


@dataclass(frozen=True)
class WordCell:
    """The cell of a verdict's word."""

    word: str
    sort: str
    under: str = ""
    kind: str = "word"


@dataclass(frozen=True)
class ArmRow:
    """One line of the table of arms."""

    name: str
    chosen: str
    colour: int
    reference: bool
    boundary: bool
    cells: tuple[Cell | WordCell, ...]


@dataclass(frozen=True)
class VerdictRow:
    """One verdict with its figures as short phrases."""

    word: str
    sentence: str
    facts: tuple[str, ...]


def columns(content: Content) -> list[Column]:
    """Return the headings of the table of arms; comparisons only where there is a reference."""
    metric = content.metric
    named = metric.name[:1].upper() + metric.name[1:]
    compared = [
        Column("Difference, points" if metric.percent else "Difference"),
        Column("Verdict", number=False),
        Column("Wins"),
    ]
    runs = "Runs" if content.repeated == "seeds" else content.repeated.capitalize()
    named_costs = [runs, "Diverged", "Time per run", "FLOPs per run"]
    named_costs += ["Updates", "Examples seen"] * are_unequal(content.arms)
    cost = [Column(c) for c in (*named_costs, "Parameters")]
    first = [Column("Arm", number=False), Column(named)]
    return [*first, *(compared if content.reference is not None else []), *cost]


def arm_rows(content: Content) -> list[ArmRow]:
    """Return the table of arms, best mean first."""
    looks = dict(zip((a.name for a in content.arms), arm_looks(content), strict=True))
    return [
        ArmRow(
            arm.name,
            arm.chosen,
            colour(looks[arm.name]),
            arm.name == content.reference,
            arm.boundary,
            tuple(_cells(content, arm)),
        )
        for arm in ranked(content)
    ]


def verdict_rows(content: Content) -> list[VerdictRow]:
    """Return the verdicts with their figures, those on better arms first."""
    place = {arm.name: k for k, arm in enumerate(ranked(content))}
    last = len(place)
    order = sorted(content.verdicts, key=lambda v: (place.get(v.a, last), place.get(v.b, last)))
    digits = decimals(content.metric, [halfwidth(v.low, v.high) for v in order])
    return [VerdictRow(v.word, v.sentence, tuple(_facts(content, v, digits))) for v in order]


def words(margin: str) -> list[tuple[str, str]]:
    """Return what each word of a verdict means, for a reader without statistics."""
    better = (
        "The whole interval lies on the good side of zero. Were the arms equal, a study like this"
        " one would rarely come out so; how much better, the interval tells."
    )
    equivalent = (
        f"The whole interval lies within ±{margin}: whichever arm is truly ahead, the difference is"
        " too small to matter."
    )
    undecided = (
        "The interval holds zero and reaches beyond the zone of practical ties. This is no finding"
        " of equality: the study was too small to tell."
    )
    return [
        ("better", better),
        ("worse", "The same on the other side."),
        ("equivalent", equivalent),
        ("not distinguishable", undecided),
    ]


def _cells(content: Content, arm: Arm) -> list[Cell | WordCell]:
    metric, reference = content.metric, arm.name == content.reference
    digits = decimals(metric, ((halfwidth(a.low, a.high)) for a in content.arms))
    small = decimals(metric, ((halfwidth(a.delta_low, a.delta_high)) for a in content.arms))
    ends = interval(arm.low, arm.high, metric, digits)
    cells: list[Cell | WordCell] = [Cell(score(arm.mean, metric, digits), ends, _key(arm.mean))]
    if content.reference is not None:
        gap = ABSENT if reference else signed(arm.delta, metric, small)
        gap_ends = signed_interval(arm.delta_low, arm.delta_high, metric, small)
        cells += [
            Cell(gap, "" if reference else gap_ends, _key(0 if reference else arm.delta)),
            Cell(ABSENT, kind="word") if reference else WordCell(arm.word, _key(arm.delta)),
            Cell(wins(arm.superiority, arm.pairs), "", _key(arm.superiority)),
        ]
    seen = (arm.updates, arm.examples)
    return [
        *cells,
        Cell(str(arm.n), "", _key(arm.n)),
        Cell(
            str(arm.diverged), "", _key(arm.diverged), "number warn" if arm.diverged else "number"
        ),
        Cell(duration(arm.seconds), "", _key(arm.seconds)),
        Cell(magnitude(arm.flops, "FLOP"), "", _key(arm.flops)),
        *([Cell(count(n), "", _key(n)) for n in seen] if are_unequal(content.arms) else []),
        Cell(ABSENT if arm.params is None else f"{arm.params:,}", "", _key(arm.params)),
    ]


def _facts(content: Content, verdict: Verdict, digits: int) -> list[str]:
    metric, facts = content.metric, []
    if finite(verdict.delta) is not None:
        gap = f"{signed(verdict.delta, metric, digits)} {unit(metric)}"
        ends = signed_interval(verdict.low, verdict.high, metric, digits)
        facts.append(f"{gap} ({ends})" if ends else gap)
    facts.append(f"n = {verdict.n}")
    if finite(verdict.superiority) is not None:
        facts.append(f"wins {wins(verdict.superiority, verdict.n)} pairs")
    if (found := finite(verdict.detectable)) is not None:
        size = signed(abs(found), metric, digits).lstrip("+")
        facts.append(f"could have found {size} {unit(metric)}")
    if verdict.more_seeds:
        facts.append(f"about {verdict.more_seeds} more {content.repeated} would likely decide")
    return facts


def _key(value: Number) -> str:
    number = finite(value)
    return "" if number is None else f"{number:.9g}"
