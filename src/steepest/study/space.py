"""Spaces of nuisance hyper-parameters, and the trials drawn from them.

Fewer than ten trials tune the learning rate alone, on a logarithmic grid; from ten on, further
hyper-parameters of the rule join in the order of the tuning playbook and the trials are a Sobol
sequence, whose balance needs a power of two (Sobol 1967; Owen 2022).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from steepest.errors import UsageError, nearest
from steepest.seeds import stream
from steepest.spec import TABLES
from steepest.study.change import SHORT, word

Values = tuple[tuple[str, Any], ...]  # (field, value) pairs of one trial


@dataclass(frozen=True)
class Range:
    """Values a hyper-parameter may take: an interval, or a list of choices.

    `name` is a field of the run, with a dot for an option of a part ("optimizer.lr").
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[Any, ...] = ()
    integer: bool = False

    def at(self, share: float) -> Any:
        """Return the value at `share` of the way from low to high."""
        if self.choices:
            return self.choices[min(int(share * len(self.choices)), len(self.choices) - 1)]
        if self.log:
            value = self.low * (self.high / self.low) ** share
        else:
            value = self.low + (self.high - self.low) * share
        return self.rounded(value)

    def rounded(self, value: float) -> Any:
        """Return a value as short as it is tried: whole, or three digits; near 1 more of them."""
        if self.integer:
            return round(value)
        short = float(f"{value:.3g}")
        return float(f"{value:.6g}") if 0.9 < value < 1 and short != value else short

    def share(self, value: Any) -> float:
        """Return how far on the way from low to high a number lies: the inverse of `at`.

        >>> Range("optimizer.lr", 0.01, 1.0, log=True).share(0.1)
        0.5
        """
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return float((value - self.low) / (self.high - self.low))

    @property
    def size(self) -> float:
        """How many values there are; infinitely many in an interval of reals."""
        if self.choices:
            return len(self.choices)
        return round(self.high) - round(self.low) + 1 if self.integer else math.inf

    def is_edge(self, value: Any, tried: Sequence[Any]) -> bool:
        """Tell whether `value` is the smallest or largest of the values tried."""
        return not self.choices and len(set(tried)) > 1 and value in (min(tried), max(tried))


def _log(name: str, low: float, high: float) -> Range:
    return Range(name, low, high, log=True)


LR = "optimizer.lr"
SPACES: dict[str, tuple[Range, ...]] = {  # in the order in which a larger budget takes them up
    "sgd": (_log(LR, 1e-2, 1.0),),
    "momentum": (_log(LR, 5e-3, 0.5), Range("optimizer.momentum", 0.8, 0.99)),
    "nesterov": (_log(LR, 5e-3, 0.5), Range("optimizer.momentum", 0.8, 0.99)),
    "adagrad": (_log(LR, 3e-3, 0.3), _log("optimizer.eps", 1e-10, 1e-4)),
    "rmsprop": (
        _log(LR, 2e-4, 2e-2),
        Range("optimizer.rho", 0.9, 0.999),
        _log("optimizer.eps", 1e-10, 1e-4),
    ),
    **dict.fromkeys(
        ("adam", "adamw", "nadam"),
        (
            _log(LR, 3e-4, 3e-2),
            Range("optimizer.beta1", 0.8, 0.98),
            _log("optimizer.eps", 1e-10, 1e-4),
            Range("optimizer.beta2", 0.95, 0.9999),
        ),
    ),
}
OWN = (_log(LR, 1e-4, 1.0),)  # of a rule that is the user's own: four decades
TAKEN_UP = (1, 10, 25, 64)  # trials from which one, two, three, four hyper-parameters are tuned


def middle(space: Sequence[Range]) -> Values:
    """Return the trial in the middle of every range."""
    return tuple((r.name, r.at(0.5)) for r in space)


def alone(space: Sequence[Range]) -> list[Values]:
    """Return trials with one range at an end, or one choice, and all else in the middle."""
    ends = {r.name: r.choices or (r.at(0.0), r.at(1.0)) for r in space}
    return [changed(middle(space), name, v) for name, found in ends.items() for v in found]


def default_space(rule: str, trials: int) -> tuple[Range, ...]:
    """Return what a budget of `trials` tunes for a rule."""
    known = SPACES.get(rule, OWN)
    return known[: max(1, sum(trials >= least for least in TAKEN_UP))] if trials else ()


def draw(space: Sequence[Range], trials: int, seed: int) -> list[Values]:
    """Return the trials: a grid for one range, all combinations of choices, else a Sobol sequence.

    Raises UsageError where the number of trials does not suit the space.
    """
    if not space or trials == 0:
        return [()]
    if len(space) == 1:
        return line(space[0], trials)
    if all(r.choices for r in space) and math.prod(r.size for r in space) <= trials:
        return left_over(space, [])
    return sobol(space, trials, seed)


def sobol(space: Sequence[Range], trials: int, seed: int) -> list[Values]:
    """Return a scrambled Sobol sequence; UsageError unless its length is a power of two."""
    if trials & (trials - 1):
        above = 2 ** math.ceil(math.log2(trials))
        raise UsageError(
            f"{trials} trials over {len(space)} hyper-parameters: a Sobol sequence needs a power "
            f"of two, such as {above // 2} or {above}"
        )
    from scipy.stats import qmc

    scramble = np.random.default_rng(int(stream(seed, "sobol", len(space)).integers(2**62)))
    sequence = qmc.Sobol(len(space), scramble=True, rng=scramble)  # it must be able to spawn
    shares = sequence.random_base2(trials.bit_length() - 1)
    return [
        tuple((r.name, r.at(float(s))) for r, s in zip(space, row, strict=True)) for row in shares
    ]


def line(one: Range, trials: int) -> list[Values]:
    """Return evenly spaced values, ends included; a single one is the middle."""
    if one.choices:
        step = max(len(one.choices) / trials, 1.0)  # no more than the budget, spread evenly
        count = min(len(one.choices), trials)
        return [((one.name, one.choices[int(i * step)]),) for i in range(count)]
    shares = [0.5] if trials == 1 else np.linspace(0.0, 1.0, trials).tolist()
    found = list(dict.fromkeys(one.at(share) for share in shares))
    return [((one.name, value),) for value in found]


def left_over(space: Sequence[Range], tried: Sequence[Values]) -> list[Values]:
    """Return the combinations of choices that were not tried."""
    grid = product(*(r.choices for r in space))
    left = [tuple(zip((r.name for r in space), row, strict=True)) for row in grid]
    return [values for values in left if values not in tried]


def changed(values: Values, name: str, value: Any) -> Values:
    """Return a trial's values with one of them changed."""
    return tuple((n, value if n == name else v) for n, v in values)


def parse_space(given: Mapping[str, Any], where: str) -> tuple[Range, ...]:
    """Return the ranges of a table: each {low, high, log, integer} or a list of choices.

    An option may be written "model.dropout", or model.dropout, which TOML reads as two tables.
    """
    return tuple(_range(name, value, f"{where}.{name}") for name, value in _flat(given))


def _flat(given: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found = []
    for name, value in given.items():
        if name in TABLES and isinstance(value, Mapping):
            found += [(f"{name}.{option}", inner) for option, inner in value.items()]
        else:
            found.append((name, value))
    return found


def _range(name: str, value: Any, where: str) -> Range:
    full = f"optimizer.{word(name)}" if word(name) in SHORT else word(name)
    if isinstance(value, list):
        if not value:
            raise UsageError(f"{where}: an empty list of choices")
        for choice in value:
            if isinstance(choice, Mapping):
                raise UsageError(f"{where}: write a choice as text, 'step(every=5)', not {choice}")
        return Range(full, choices=tuple(tuple(v) if isinstance(v, list) else v for v in value))
    if not isinstance(value, Mapping):
        raise UsageError(f"{where}: write a list of choices or {{low, high, log}}, not {value!r}")
    _check_keys(value, where)
    one = Range(full, **value)
    if not one.low < one.high < math.inf or (one.log and one.low <= 0):
        needed = "low < high and low > 0" if one.log else "low < high"
        raise UsageError(f"{where}: needs {needed}, not low = {one.low}, high = {one.high}")
    return one


def _check_keys(value: Mapping[str, Any], where: str) -> None:
    known = ("low", "high", "log", "integer")
    for key in value:
        if key not in known:
            raise UsageError(f"{where}: unknown key '{key}'; {nearest(key, known)}")
    for key in ("low", "high"):
        number = value.get(key)
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise UsageError(f"{where}.{key} must be a number, not {number!r}")
    for key in ("log", "integer"):
        if not isinstance(value.get(key, False), bool):
            raise UsageError(f"{where}.{key} must be true or false, not {value[key]!r}")
