"""What tuning bought and which hyper-parameters mattered, as tables of texts and as lines."""

from steepest.report.content import Bought, Content
from steepest.report.number import ABSENT, finite, interval, score, share

SHOWN = 6  # budgets of a table: doubling ones


def budgets(content: Content) -> list[float]:
    """Return the budgets a table shows: 1, 2, 4, ... and the largest."""
    known = sorted({float(b.trials or 0) for b in content.tuning})
    powers = [k for k in known if k >= 1 and float(k).is_integer() and int(k).bit_count() == 1]
    return sorted({*powers[-SHOWN:], *known[-1:]})


def budget_cells(content: Content) -> list[list[str]]:
    """Return the best validation score by budget, an arm a row; empty without tuning."""
    columns = budgets(content)
    if len(columns) < 2:
        return []
    what = "best so far" if content.ordered else "median best"
    counts = (f"{k:g} trial{'s' if k > 1 else ''}" for k in columns)
    head = [f"{what} {content.score_name}", *counts]
    rows = []
    for arm in content.arms:
        mine = {float(b.trials or 0): b for b in content.tuning if b.arm == arm.name}
        found = [_latest(mine, k) for k in columns]
        if any(found):
            rows.append([arm.name, *(_cell(content, b) for b in found)])
    last = {b.arm: finite(b.value) or 0.0 for b in content.tuning}
    sign = -1 if content.metric.higher else 1
    return [head, *sorted(rows, key=lambda row: sign * last[row[0]])] if rows else []


def _latest(mine: dict[float, Bought], budget: float) -> Bought | None:
    """Return what is known at a budget: of it, or of the last smaller one."""
    known = [k for k in mine if k <= budget]
    return mine[max(known)] if known else None


def _cell(content: Content, b: Bought | None) -> str:
    """Return a score with its interval; ≥ (or ≤) where one end alone is known."""
    if b is None or finite(b.value) is None:
        return ABSENT
    metric, digits = content.metric, 2 if content.metric.percent else 4
    low, high = (None if end is None else score(end, metric, digits) for end in (b.low, b.high))
    ends = f"≥ {low}" if low else f"≤ {high}" if high else ""
    ends = interval(b.low, b.high, metric, digits) or ends
    value = score(b.value, metric, digits)
    return f"{value} ({ends})" if ends else value


def importance_cells(content: Content) -> list[list[str]]:
    """Return the importance of hyper-parameters; empty where there were too few trials."""
    rows = [
        [i.arm, i.name, share(i.share), f"{share(i.low)} to {share(i.high)}"]
        for i in content.importance
    ]
    return (
        [["arm", "hyper-parameter", "share of the ranking", "95 % of trees"], *rows] if rows else []
    )


def tuning_lines(content: Content) -> list[str]:
    """Return what the terminal says of the tuning: budgets, and the first hyper-parameters."""
    from steepest.report.table import text_rows

    cells, lines = budget_cells(content), []
    if cells:
        lines += ["What tuning bought:", *(f"  {x}" for x in text_rows(cells).splitlines())]
    if content.importance:
        first = {i.arm: i for i in reversed(content.importance)}
        said = (
            f"{arm} {i.name} {share(i.share)} ({share(i.low)} to {share(i.high)})"
            for arm, i in reversed(first.items())
        )
        lines.append(f"Most important hyper-parameter, share of the ranking: {', '.join(said)}.")
    return lines
