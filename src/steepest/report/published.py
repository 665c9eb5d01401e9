"""What a source published, beside what a study found: as rows for a page and as text."""

import math
from collections.abc import Sequence

from steepest.report.content import Claim, Content, Number, Reported
from steepest.report.number import ABSENT, MINUS, THIN, finite
from steepest.report.palette import SIGNS
from steepest.study.audit import Finding, Outcome
from steepest.study.claim import COSTS, MEASURES
from steepest.study.design import Study
from steepest.study.reported import Reported as Found

NAMES = {
    "accuracy": "test accuracy", "loss": "test loss", "precision": "test precision",
    "recall": "test recall", "f1": "test F1", "gap": "generalization gap",
    "stability": "spread of changes from epoch to epoch", "epochs": "epochs run",
}  # fmt: skip
UNKNOWN = ("an arm of this claim has no finished run",)
HEAD = ("arm", "measure", "reported", "ours", "interval", "among single runs", "n")


def measure_name(name: str) -> str:
    """Return a measure in words.

    >>> measure_name("val_f1"), measure_name("train_loss"), measure_name("accuracy")
    ('validation F1', 'training loss', 'test accuracy')
    """
    lead, _, rest = name.partition("_")
    sides = {"val": "validation", "train": "training"}
    if rest and lead in sides:
        return f"{sides[lead]} {rest.replace('f1', 'F1')}"
    return NAMES.get(name, name)


def reported_rows(found: Sequence[Found]) -> tuple[Reported, ...]:
    """Return the published values as a page shows them."""
    return tuple(
        Reported(
            r.arm,
            measure_name(r.measure),
            r.reported,
            finite(r.mean),
            finite(r.low),
            finite(r.high),
            r.place,
            r.n,
            MEASURES[r.measure][1],
        )
        for r in found
    )


def claim_rows(outcomes: Sequence[Outcome]) -> tuple[Claim, ...]:
    """Return the claims with their words and the figures behind them."""
    return tuple(
        Claim(o.claim.text, o.word, tuple(fact(f, o) for f in o.findings) or UNKNOWN)
        for o in outcomes
    )


def fact(found: Finding, outcome: Outcome) -> str:
    """Return one comparison of a claim with its figures, in words."""
    share = MEASURES.get(found.measure, (False, False))[1]
    name = measure_name(found.measure)
    if not math.isfinite(found.value):
        return f"{name} was not measured in every run"
    if found.kind == "value":
        value, ends = _value(found.value, share), _span(found, share)
        return f"{name} of {found.a}: {value} ({ends}; n = {found.n})"
    if found.kind == "difference":
        gap = _gap(found.value, share) + (" points" if share else "")
        ends = f"{_gap(found.low, share)} to {_gap(found.high, share)}"
        return f"{name}, {found.a} minus {found.b}: {gap} ({ends}; n = {found.n})"
    ends = f"{_times(found.low)} to {_times(found.high)}; n = {found.n}"
    if outcome.claim.faster and found.measure in COSTS:
        late = "" if found.exact else ", counting what was seen of runs that did not arrive"
        amount = f"{_times(found.value)} times the {found.measure} of {found.b}"
        return f"{found.a} needs {amount} ({ends}{late})"
    return f"{name}, {found.a} to {found.b}: {_times(found.value)} times ({ends})"


def published(study: Study, outcome: Outcome) -> str:
    """Return the values that the source published for what a claim compares; a dash for none."""
    name = outcome.claim.metric or study.metric
    if outcome.claim.faster:
        return ABSENT
    found = [n for f in outcome.findings for n in (f.a, f.b) if n]
    arms = dict.fromkeys(found or [outcome.claim.subject])
    known = {n: dict(study.arm(n).reported).get(name) for n in arms}
    share = MEASURES[name][1]
    said = [f"{n} {_value(v, share)}" for n, v in known.items() if v is not None]
    return "; ".join(said) or ABSENT


def reported_cells(content: Content) -> list[list[str]]:
    """Return the published values as a table of texts, the heading first; empty without any."""
    rows = [
        [
            r.arm,
            r.measure,
            _value(r.reported, r.percent),
            _value(r.mean, r.percent),
            _ends(r),
            r.place or ABSENT,
            str(r.n),
        ]
        for r in content.reported
    ]
    return [list(HEAD), *rows] if rows else []


def claim_cells(content: Content) -> list[list[str]]:
    """Return the claims as a table of texts, the heading first; empty without any."""
    rows = [[c.text, f"{SIGNS[c.word]} {c.word}", c.figures] for c in content.claims]
    return [["claim", "outcome", "figures"], *rows] if rows else []


def claim_lines(content: Content) -> list[str]:
    """Return every claim as a line of text: its word, what was said, the figures."""
    return [f"{SIGNS[c.word]} {c.word}: {c.text} [{c.figures}]" for c in content.claims]


def _ends(row: Reported) -> str:
    low, high = finite(row.low), finite(row.high)
    if low is None or high is None:
        return ""
    unit = f"{THIN}%"
    return f"{_value(low, row.percent)} to {_value(high, row.percent)}".replace(unit, "")


def _span(found: Finding, share: bool) -> str:
    return f"{_value(found.low, share)} to {_value(found.high, share)}"


def _value(value: Number, share: bool) -> str:
    number = finite(value)
    if number is None:
        return ABSENT
    text = f"{100 * number:.2f}{THIN}%" if share else _plain(number)
    return text.replace("-", MINUS)


def _plain(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"


def _gap(value: float, share: bool) -> str:
    if not math.isfinite(value):
        return "unbounded"
    text = f"{100 * value:+.2f}" if share else f"{value:+.3g}"
    return text.replace("-", MINUS)


def _times(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "unbounded"
