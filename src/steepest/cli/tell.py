"""What the terminal says of a study: the answer, the arms, the verdicts and the gravest remarks."""

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steepest.report.content import Content
    from steepest.study.conclusion import Conclusion

MANY = 8  # comparisons, above which the undecided ones are only counted
HANDFUL = 5  # remarks shown on a terminal, the gravest ones


def tell(found: "Conclusion", content: "Content", show: "Callable[..., None]") -> None:
    """Print the answer, the table of arms, the verdicts and the warnings."""
    from steepest.report.collect import verdict_sentence
    from steepest.report.factor_table import factor_lines
    from steepest.report.table import table
    from steepest.report.tuning_table import tuning_lines

    show("")
    show(f"[bold]{safe(content.headline)}[/bold]", markup=True)
    show("")
    show(table(content).rstrip())
    show("")
    decided = [v for v in found.verdicts if v.word != "not distinguishable"]
    shown = decided if len(found.verdicts) > MANY else found.verdicts
    for verdict in shown:
        show(f"  {verdict_sentence(found, verdict)}")
    counts = Counter(v.word for v in content.verdicts)
    words = ", ".join(f"{n} {word}" for word, n in counts.items())
    count = len(content.verdicts)
    show(f"{count} comparison{'s' if count > 1 else ''}: {words}.")
    said = (*factor_lines(content), *_beside(found), *tuning_lines(content), *_published(content))
    for line in said:
        show(line)
    for note in shown_notes(found.study.notes, found.warnings):
        show(f"Note: {note}")


def _published(content: "Content") -> list[str]:
    """Return what a source published, beside ours, and its claims with their outcomes."""
    from steepest.report.published import claim_lines, reported_cells
    from steepest.report.table import text_rows

    cells = reported_cells(content)
    return [*(["", text_rows(cells).rstrip(), ""] if cells else []), *claim_lines(content)]


def shown_notes(notes: "Sequence[str]", remarks: "Sequence[str]") -> list[str]:
    """Return a study's own notes and the gravest remarks; the rest is on the page.

    >>> shown_notes(["reduced budget"], [str(i) for i in range(7)])[-2:]
    ['4', '2 further remarks are in the report.']
    """
    left = len(remarks) - HANDFUL
    more = [f"{left} further remarks are in the report."] if left > 1 else list(remarks[HANDFUL:])
    return [*notes, *remarks[:HANDFUL], *more]


def _beside(found: "Conclusion") -> list[str]:
    """Return what speaks beside the score: time to the target, tolerance of the learning rate."""
    said = []
    timed = [(a.median.median, a.name, a.median.text) for a in found.arms if a.median]
    if timed and found.target is not None:
        listed = ", ".join(f"{name} {text}" for _, name, text in sorted(timed))
        goal = f"{100 * found.target:g} % validation accuracy"
        said.append(f"Epochs to {goal}, median: {listed}.")
    wide = [(a.tolerance.decades, a.name) for a in found.arms if a.tolerance]
    if wide:
        listed = ", ".join(f"{name} {decades:.1f}" for decades, name in sorted(wide, reverse=True))
        said.append(f"Decades of learning rates within 5 % of the arm's best: {listed}.")
    return said


def safe(text: str) -> str:
    """Return text in which nothing is markup."""
    from rich.markup import escape

    return escape(text)
