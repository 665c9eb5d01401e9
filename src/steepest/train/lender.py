"""Memory and programs of a run that has ended, lent to the next run of the same shape.

Recording, planning and binding cost more than the shortest runs themselves. Law: a session is lent
only after whoever held it has given it back, and a run in lent memory gives the same bits.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from steepest import codec
from steepest.optim import RULES
from steepest.optim.rule import coefficient_names, undecayed
from steepest.spec import RunSpec

if TYPE_CHECKING:
    from steepest.train.session import Session

OPEN = (  # decide no program
    "seed", "epochs", "updates", "fold", "outer", "optimizer", "schedule", "early_stopping",
)  # fmt: skip
Lot = tuple[Any, ...]


class Lender:
    """Keeps the last session that was given back."""

    def __init__(self) -> None:
        self._lot: Lot = ()
        self._session: Session | None = None

    def take(self, lot: Lot) -> "Session | None":
        """Return the kept session if it is of this lot; it is kept no longer."""
        if self._session is None or self._lot != lot:
            return None
        found, self._session = self._session, None
        return found

    def give(self, session: "Session") -> None:
        """Keep a session that nobody uses any more."""
        sizes = (session.split.train.shape, session.split.validation.shape)
        self._lot = lot_of(session.specs, session.dataset.digest, sizes, session.task)
        self._session = session


LENDER = Lender()  # empty unless someone gives a session back, as workers do


def lot_of(specs: Sequence[RunSpec], digest: str, sizes: tuple[Any, ...], task: Any) -> Lot:
    """Return what sessions have in common that may use the same memory and programs."""
    plain = {k: v for k, v in specs[0].plain().items() if k not in OPEN}
    rules = tuple(program_shape(spec.rule) for spec in specs)
    return (codec.canonical(plain), rules, digest, sizes, task)


def program_shape(rule: Any) -> Any:
    """Return what decides the program of a rule's step.

    The numbers of a built-in rule enter as coefficients alone; a rule of the user's own may read
    its fields in `step`, so it stands for itself.
    """
    if type(rule) not in RULES.values():
        return rule
    kept = {f.name: getattr(rule, f.name) for f in fields(rule)}
    other = undecayed(rule)
    return (
        type(rule),
        tuple((name, value) for name, value in kept.items() if not isinstance(value, float)),
        coefficient_names([rule]),
        coefficient_names([other]),
        other != rule,
    )
