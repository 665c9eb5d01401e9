"""What an update rule is: a frozen dataclass, split into a scalar and an array program.

`coefficients(t, lr)` computes the float64 scalars of steps t = 1, 2, ... at once (arrays of equal
length); `step(p, g, s, c)` is written with operators and F on flat vectors (R, N), where `c` holds
one number per run, and returns the new parameters and slots. The split keeps 1 - beta2 exact in
float32: the scalars are rounded once, after all arithmetic on them.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Protocol

import numpy as np

Coefficients = dict[str, Any]


class Rule(Protocol):
    """An optimizer's update rule."""

    slots: ClassVar[tuple[str, ...]]

    @property
    def lr(self) -> float:
        """The learning rate that a schedule starts from."""
        ...

    def coefficients(self, t: Any, lr: Any) -> Coefficients:
        """Return the scalars of steps t (1-based, float64 array) at rates `lr`."""
        ...

    def step(self, p: Any, g: Any, s: Mapping[str, Any], c: Mapping[str, Any]) -> Any:
        """Return (new parameters, new slots)."""
        ...


def undecayed(rule: Any) -> Any:
    """Return the rule as it acts on biases, gains and shifts: without weight decay."""
    return replace(rule, weight_decay=0.0) if getattr(rule, "weight_decay", 0.0) else rule


def coefficient_table(
    rules: list[Any], t: np.ndarray, rates: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the names (K) and the float64 table (steps, K, R, 1) of R rules of one class.

    `rates` has shape (steps, R). A coefficient that only some runs have (weight decay) is 0 in the
    others, which leaves their bits alone.
    """
    per_run = [rule.coefficients(t.astype(np.float64), rates[:, r]) for r, rule in enumerate(rules)]
    names = coefficient_names(rules)
    table = np.empty((len(t), len(names), len(rules), 1))
    for r, found in enumerate(per_run):
        for k, name in enumerate(names):
            table[:, k, r, 0] = found.get(name, NEUTRAL.get(name, 0.0))
    return names, table


NEUTRAL = {"keep": 1.0}  # the value of a missing coefficient that changes nothing; else 0


def coefficient_names(rules: list[Any]) -> tuple[str, ...]:
    """Return the union of the coefficients' names over the runs, in a fixed order."""
    one = np.ones(1)
    names: dict[str, None] = {}
    for rule in rules:
        names.update(dict.fromkeys(rule.coefficients(one, one)))
    return tuple(names)
