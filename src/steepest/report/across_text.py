"""What several problems say together, in sentences, as a table of text and as plain values."""

from typing import Any

from steepest.report.content import Metric
from steepest.report.number import decimals, halfwidth, interval, score, signed
from steepest.report.table import text_rows
from steepest.stats.across import Contest
from steepest.study.across import Across


def metric_of(found: Across) -> Metric:
    """Return the metric of the interquartile means: losses are relative to the problem's mean."""
    study = found.problems.studies[0]
    if study.lower_is_better:
        return Metric("test loss, relative", percent=False, higher=False, margin=study.margin)
    return Metric(f"test {study.metric}", margin=study.margin)


def headline(found: Across) -> str:
    """Return the answer in one sentence: who leads, and whether the problems can decide."""
    sign = -1.0 if found.lower_is_better else 1.0
    best = max(found.iqm, key=lambda arm: sign * found.iqm[arm].mean)
    metric = metric_of(found)
    digits = decimals(metric, (halfwidth(i.low, i.high) for i in found.iqm.values()))
    value = score(found.iqm[best].mean, metric, digits)
    top = "lowest" if found.lower_is_better else "highest"
    lead = (
        f"Over {len(found.labels)} problems {best} has the {top} interquartile mean of "
        f"{metric.name} ({value})"
    )
    if not found.contests[0].is_decidable:
        return f"{lead}; so few problems cannot decide between arms in general."
    beaten = [c.b for c in found.contests if c.a == best and c.word == "better"]
    beaten += [c.a for c in found.contests if c.b == best and c.word == "worse"]
    if beaten:
        return f"{lead} and is better than {', '.join(beaten)} across problems."
    return f"{lead}, but is better than no other arm across problems."


def scope(found: Across) -> str:
    """Return what the verdicts across problems are about."""
    return (
        f"The verdicts take each of the {len(found.labels)} problems as one observation "
        "(Wilcoxon's signed-rank test, exact, with Holm's correction) and are about problems like "
        "these; each problem's own page says what its seeds allow."
    )


def contest_sentence(contest: Contest) -> str:
    """Return what a comparison across problems says."""
    if contest.word != "not distinguishable":
        return f"{contest.a} is {contest.word} than {contest.b} across problems."
    why = "" if contest.is_decidable else f": {contest.problems} problems cannot decide"
    return f"{contest.a} and {contest.b} are not distinguishable across problems{why}."


def contest_facts(found: Across, contest: Contest) -> list[str]:
    """Return the figures of a comparison across problems."""
    metric = metric_of(found)
    unit = "points" if metric.percent else f"test {found.problems.studies[0].metric}"
    return [
        f"ahead on {contest.wins}, behind on {contest.losses} of {contest.problems}",
        f"median difference {signed(contest.median, metric, 2)} {unit}",
        f"p {contest.p:.2g}, after Holm {contest.adjusted:.2g}",
        f"smallest possible {contest.least:.2g}",
    ]


def across_lines(found: Across) -> list[str]:
    """Return what the terminal says of several problems."""
    metric = metric_of(found)
    digits = decimals(metric, (halfwidth(i.low, i.high) for i in found.iqm.values()))
    sign = -1.0 if found.lower_is_better else 1.0
    rows = [["arm", f"interquartile mean, {metric.name}", "interval", "mean rank"]]
    for arm in sorted(found.iqm, key=lambda a: -sign * found.iqm[a].mean):
        one = found.iqm[arm]
        ends = interval(one.low, one.high, metric, digits)
        rows.append([arm, score(one.mean, metric, digits), ends, f"{found.ranks[arm]:.2f}"])
    said = [
        f"  {contest_sentence(c)[:-1]}: {'; '.join(contest_facts(found, c))}."
        for c in found.contests
    ]
    return [headline(found), "", text_rows(rows).rstrip(), "", *said]


def across_plain(found: Across) -> dict[str, Any]:
    """Return the summary as plain values; differences and scores in the metric's own unit."""
    return {
        "study": found.problems.name,
        "headline": headline(found),
        "scope": scope(found),
        "metric": metric_of(found).name,
        "reference": found.reference,
        "problems": list(found.labels),
        "arms": [
            {
                "name": arm, "iqm": one.mean, "low": one.low, "high": one.high,
                "mean_rank": found.ranks[arm], "means": found.means[arm].tolist(),
            }
            for arm, one in found.iqm.items()
        ],
        "contests": [
            {
                "a": c.a, "b": c.b, "word": c.word, "wins": c.wins, "losses": c.losses,
                "median": c.median, "p": c.p, "adjusted": c.adjusted, "least": c.least,
                "decidable": c.is_decidable,
            }
            for c in found.contests
        ],
        "notes": list(found.notes),
    }  # fmt: skip
