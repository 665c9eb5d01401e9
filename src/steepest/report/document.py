"""A study as one page of Markdown, for a repository: answer, claims, tables, remarks, method."""

from steepest.report.content import Content
from steepest.report.number import duration
from steepest.report.overview import verdict_rows
from steepest.report.published import claim_cells, reported_cells
from steepest.report.table import md_rows, md_text
from steepest.report.tuning_table import budget_cells, importance_cells


def document(content: Content, arms: str) -> str:
    """Return the page; `arms` is the table of arms in Markdown, with those of factors if any."""
    parts = [f"# {md_text(content.question or content.study)}", _lead(content)]
    if content.claims:
        parts += ["## What was claimed", _claims_note(content), md_rows(claim_cells(content))]
    if content.reported:
        parts += ["## What was published", _reported_note(), md_rows(reported_cells(content))]
    parts += _tuning(content)
    parts += ["## The arms", md_text(content.claim_scope), arms]
    said = [f"{r.sentence} {'; '.join(r.facts)}." for r in verdict_rows(content)]
    parts += ["## What may be said", _bullets(said)]
    if content.notes:
        parts += ["## Before you rely on this", _bullets(content.notes)]
    return "\n\n".join(part.rstrip() for part in parts if part) + "\n"


def _lead(content: Content) -> str:
    """Return the answer, how it was come by and what it cost."""
    runs = sum(len(arm.scores) for arm in content.arms)
    seconds = sum((arm.seconds or 0.0) * len(arm.scores) for arm in content.arms)
    made = f"{md_text(content.plan)}; {runs} runs, {duration(seconds)} of training"
    lines = [f"**{md_text(content.headline)}**", "", f"{made}, of {content.created}."]
    if content.method.command:
        lines += ["", "```", content.method.command, "```"]
    return "\n".join(lines)


def _tuning(content: Content) -> list[str]:
    """Return the sections about tuning: what budgets bought, and which settings mattered."""
    found, cells, shares = [], budget_cells(content), importance_cells(content)
    if cells:
        found += ["## What tuning bought", _budget_note(content), md_rows(cells)]
    if shares:
        found += ["## Which hyper-parameters mattered", md_rows(shares)]
    return found


def _budget_note(content: Content) -> str:
    if content.ordered:
        return "In the order in which this search tried its trials."
    reach = "Half of all searches with so many trials at random reach so much"
    if content.repeated != "seeds":
        over = f"the median over {content.repeated}"
        return f"{reach}: {over}, with its 95 % interval from six of them on."
    return (
        f"{reach}, given this tuning's seed and validation examples; 95 % intervals for any "
        "distribution, without an upper end where the trials cannot tell."
    )


def _claims_note(content: Content) -> str:
    level = "the intervals of all comparisons below hold at once with 95 % confidence"
    return f"{len(content.claims)} claims of the source, held against these runs; {level}."


def _reported_note() -> str:
    return (
        "Ours: mean and 95 % interval over the runs. Among single runs: whether the published "
        "value lies where, with 95 % confidence, one further run of ours would."
    )


def _bullets(lines: tuple[str, ...] | list[str]) -> str:
    return "\n".join(f"- {md_text(line)}" for line in lines)
