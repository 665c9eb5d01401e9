"""A budget: how long every run of a study trains, in the unit that is held equal.

"epochs(10)", "updates(2000)", "examples(1e6)", "flops(1e12)" or "seconds(30)". Every kind becomes
a number of updates when the study is planned, so that runs of one cell are the same everywhere and
their schedules stretch to their end. What seconds buy is measured: the time of an update, once for
every shape of program, kept in the store with the study, so that a second planning gives the same
runs. A budget buys the nearest whole number of updates, at least one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from threadpoolctl import threadpool_limits

from steepest import codec
from steepest.data import Dataset
from steepest.errors import UsageError, nearest
from steepest.spec import RunSpec
from steepest.train.lender import program_shape
from steepest.train.loop import train_session
from steepest.train.partition import split_sizes
from steepest.train.session import Session, open_session

KINDS = {  # the unit as text, in the plural
    "epochs": "epochs",
    "updates": "updates",
    "examples": "training examples",
    "flops": "FLOPs of training",
    "seconds": "seconds of training",
}
WRITTEN = re.compile(r"^\s*(\w+)\s*\(\s*([^()]+?)\s*\)\s*$")
MEASURED = 0.1  # seconds of training that a measurement takes at least, three of them
SILENT = (  # decide neither the time nor the work of an update
    "seed", "epochs", "updates", "schedule", "early_stopping", "fold", "outer", "validation",
    "optimizer", "probes", "examples",
)  # fmt: skip


@dataclass(frozen=True)
class Budget:
    """An amount of training: `amount` of `kind`."""

    kind: str
    amount: float

    @classmethod
    def parse(cls, text: Any) -> "Budget":
        """Return the budget that a text such as "updates(2000)" means; UsageError for no such.

        >>> Budget.parse("examples(1e6)"), str(Budget.parse("flops(2.5e12)"))
        (Budget(kind='examples', amount=1000000.0), 'flops(2.5e+12)')
        """
        match = WRITTEN.match(text) if isinstance(text, str) else None
        kind, amount = match.groups() if match else ("", "")
        if kind and kind not in KINDS:
            raise UsageError(f"budget: unknown kind '{kind}'; {nearest(kind, KINDS)}")
        try:
            number = float(amount.replace("_", ""))
        except ValueError:
            number = 0.0
        whole = kind != "updates" or number.is_integer()
        if not 0.0 < number < float("inf") or not whole:
            raise UsageError(
                f"budget is written as epochs(10), updates(2000), examples(1e6), flops(1e12) or "
                f"seconds(30), not {text!r}"
            )
        return cls(kind, number)

    def __str__(self) -> str:
        short = _number(self.amount)
        return f"{self.kind}({short if float(short) == self.amount else repr(self.amount)})"

    @property
    def text(self) -> str:
        """The budget as a reader says it.

        >>> Budget("updates", 2000.0).text
        '2,000 updates'
        """
        return f"{_number(self.amount, ',')} {KINDS[self.kind]}"


def _number(amount: float, comma: str = "") -> str:
    return f"{int(amount):{comma}}" if amount.is_integer() and amount < 1e10 else f"{amount:g}"


@dataclass(frozen=True, eq=False)
class Purse:
    """What turns a budget into updates: the data, and the seconds of an update by shape."""

    budget: Budget
    dataset: Dataset | None = None
    paces: dict[str, float] = field(default_factory=dict)  # grows as new shapes are met
    _flops: dict[Any, tuple[float, float]] = field(default_factory=dict)
    _sizes: dict[Any, int] = field(default_factory=dict)

    def spend(self, spec: RunSpec) -> RunSpec:
        """Return the run that trains for the budget; before the data is known, what needs none."""
        kind, amount = self.budget.kind, self.budget.amount
        if kind == "updates":
            return replace(spec, updates=int(amount))
        if kind == "epochs" and amount.is_integer():
            return replace(spec, epochs=int(amount), updates=None)
        if self.dataset is None:
            return spec
        return replace(spec, updates=max(1, self._updates(spec, self.dataset)))

    def _updates(self, spec: RunSpec, dataset: Dataset) -> int:
        kind, amount = self.budget.kind, self.budget.amount
        if kind == "seconds":
            return round(amount / self._pace(spec, dataset))
        n = self._size(spec, dataset)
        batch = n if spec.batch_size == "full" else min(int(spec.batch_size), n)
        steps = -(-n // batch)
        if kind == "epochs":
            return round(amount * steps)
        one, whole = (batch, n) if kind == "examples" else self._work(spec, dataset, n)
        epochs, rest = divmod(amount, whole)
        return int(epochs) * steps + min(round(rest / one), steps)

    def _size(self, spec: RunSpec, dataset: Dataset) -> int:
        """Return how many examples a run trains on."""
        key = (spec.examples, spec.validation, spec.fold, spec.outer)
        if key not in self._sizes:
            self._sizes[key] = split_sizes(spec, dataset)[0]
        return self._sizes[key]

    def _work(self, spec: RunSpec, dataset: Dataset, n: int) -> tuple[float, float]:
        """Return the FLOPs of an update and of an epoch."""
        key = (shape_of(spec), n)
        if key not in self._flops:
            session = open_session([spec], dataset)
            self._flops[key] = session.flops_of(1), session.flops
        return self._flops[key]

    def _pace(self, spec: RunSpec, dataset: Dataset) -> float:
        """Return the seconds of an update, as the clock of a run counts them."""
        shape = shape_of(spec)
        if shape not in self.paces:
            self.paces[shape] = measure_pace(spec, dataset)
        return self.paces[shape]


def shape_of(spec: RunSpec) -> str:
    """Return what decides the time of an update; the numbers of a rule do not."""
    plain = {k: _shaped(v) for k, v in spec.plain().items() if k not in SILENT}
    shape = program_shape(spec.rule)
    rule = spec.optimizer.name if shape is spec.rule else repr(shape)
    return codec.digest({**plain, "optimizer": rule})


def _shaped(value: Any) -> Any:
    """Return plain values with numbers that are no counts as zero or not."""
    if isinstance(value, Mapping):
        return {k: _shaped(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shaped(v) for v in value]
    return bool(value) if isinstance(value, float) else value


def measure_pace(spec: RunSpec, dataset: Dataset) -> float:
    """Return the seconds of an update of a run on one thread, gathering included: a median."""
    with threadpool_limits(1):
        session = open_session([replace(spec, updates=1)], dataset)
        count, seconds = 8, _trained(session, 8)
        while seconds < MEASURED and count < 1_000_000:
            count *= 2
            seconds = _trained(session, count)
        return median([seconds, _trained(session, count), _trained(session, count)]) / count


def _trained(session: Session, updates: int) -> float:
    """Train for some updates and return the seconds they took, as stored of a run."""
    longer = replace(session, specs=(replace(session.spec, updates=updates),))
    *_, (last,) = train_session(longer)
    return last.seconds * updates / last.updates  # fewer were done where the loss diverged
