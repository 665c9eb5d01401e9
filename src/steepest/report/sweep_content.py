"""What the page of a sweep shows: its rows, its layers, and the answer in one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from steepest.compress.sensitivity import Sensitivity
from steepest.compress.summary import Row
from steepest.compress.sweep import DENSE, RANDOM, SCRATCH, Sweep
from steepest.report.content import Method, Metric
from steepest.report.number import THIN, finite, signed, signed_interval
from steepest.report.palette import looks

METRIC = Metric("validation accuracy")
USUAL = 0.8  # the sparsity that an answer is about, or the nearest there is
FEW = 5  # seeds, below which an interval is wide


@dataclass(frozen=True)
class SweepContent:
    """Everything the page of a sweep shows; the first fields are those of every page."""

    study: str
    question: str
    headline: str  # the answer in one sentence
    created: str  # as text; the page never asks for the time itself
    claim_scope: str = ""
    plan: str = ""
    notes: tuple[str, ...] = ()
    method: Method = field(default_factory=Method)
    structured: bool = False
    rows: tuple[Row, ...] = ()
    sensitive: tuple[Sensitivity, ...] = ()

    @property
    def methods(self) -> list[str]:
        """The methods in order, the dense network first."""
        return list(dict.fromkeys([DENSE, *(row.method for row in self.rows)]))

    @property
    def looks(self) -> list[int]:
        """The look of every method; the dense network's is the neutral one."""
        return looks(self.methods, DENSE)

    @property
    def dense(self) -> Row:
        """The dense network's row."""
        return next(row for row in self.rows if row.method == DENSE)


def answer(sweep: Sweep, rows: Sequence[Row]) -> str:
    """Return what pruning by the first method costs, beside its baselines, in a sentence or two."""
    pruned = [row for row in rows if row.method == sweep.methods[0]]
    if not pruned:
        return f"The dense network reaches {rows[0].accuracy.mean:.2%}."
    row = min(pruned, key=lambda r: abs(r.sparsity - USUAL))
    what = "channels" if sweep.structured else "weights"
    beside = {r.method: r for r in rows if r.sparsity == row.sparsity}
    said = [
        f"{name} costs {_points(beside[method])}"
        for method, name in ((RANDOM, "random pruning"), (SCRATCH, "training from scratch"))
        if method in beside and method != row.method
    ]
    rest = f" There {' and '.join(said)}." if said else ""
    return (
        f"Removing {100 * row.sparsity:.4g}{THIN}% of the {what} by {row.method} costs "
        f"{_points(row)} of validation accuracy{_doubt(row)}.{rest}"
    )


def _points(row: Row) -> str:
    """Return a loss in points with its interval."""
    if row.drop is None:
        return "an unknown loss"
    text = f"{signed(row.drop.mean, METRIC, 2)} points"
    ends = signed_interval(row.drop.low, row.drop.high, METRIC, 2)
    return f"{text} ({ends})" if ends else f"{text} (one seed: no interval)"


def _doubt(row: Row) -> str:
    if row.drop is None or finite(row.drop.low) is None or not row.drop.low <= 0 <= row.drop.high:
        return ""
    return "; the interval holds 0, so that no loss was shown"


def plan(sweep: Sweep) -> str:
    """Return the size of a sweep in one line."""
    what = "channels" if sweep.structured else "single weights"
    own = [m for m in sweep.methods if m != RANDOM]
    some = "1 seed" if sweep.seeds == 1 else f"{sweep.seeds} seeds"
    return (
        f"{sweep.base.model.name} on {sweep.base.data}: {what} removed by {', '.join(own)}; "
        f"random pruning and training from scratch beside them · {some} · "
        f"{sweep.finetune} epoch{'' if sweep.finetune == 1 else 's'} of fine-tuning"
    )


def notes(sweep: Sweep, rows: Sequence[Row], opened: bool) -> tuple[str, ...]:
    """Return the warnings a careful reader would want."""
    found = []
    if sweep.seeds < FEW:
        found.append(
            f"{sweep.seeds} seed{'s' if sweep.seeds > 1 else ''}: intervals are wide, and a loss"
            " that they do not show may be there."
        )
    if not sweep.structured:
        found.append(
            "Zeros in a dense tensor cost as much time, memory and FLOPs as other numbers; only"
            " the compressed file shrinks. The network from scratch is truly small."
        )
    found.append(
        "Latency is the median of repetitions on one thread, of the first seed's network, on the"
        " machine named below and whatever else it was doing; FLOPs, bytes and memory are counted."
    )
    for word in ("emptied", "diverged"):
        lost = sum(getattr(row, word) for row in rows)
        how = "lost a layer, and count at chance level" if word == "emptied" else "diverged"
        if lost:
            found.append(f"{lost} network{'s' if lost > 1 else ''} {how}.")
    if opened:
        found.append("The test set was opened for every point; the page shows validation scores.")
    return tuple(found)


SCOPE = (
    "Scores are of validation examples that no weight was trained on, at the last epoch. A loss is"
    " paired by seed with the dense network after the same fine-tuning. Intervals hold one by one:"
    " they are not widened for the number of points."
)
