"""Spaces of nuisance hyper-parameters, and the trials drawn from them.

Fewer than ten trials tune the learning rate alone, on a logarithmic grid; from ten on, further
hyper-parameters of the rule join in the order of the tuning playbook and the trials are a Sobol
sequence, whose balance needs a power of two (Sobol 1967; Owen 2022).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import UsageError, nearest
from steepest.seeds import stream

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
        return round(value) if self.integer else float(f"{value:.3g}")

    def is_edge(self, value: Any, tried: Sequence[Any]) -> bool:
        """Tell whether `value` is the smallest or largest of the values tried."""
        return not self.choices and len(tried) > 1 and value in (min(tried), max(tried))


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
        return _line(space[0], trials)
    if trials & (trials - 1):
        above = 2 ** math.ceil(math.log2(trials))
        raise UsageError(
            f"{trials} trials over {len(space)} hyper-parameters: a Sobol sequence needs a power "
            f"of two, such as {above // 2} or {above}"
        )
    from scipy.stats import qmc

    sequence = qmc.Sobol(len(space), scramble=True, rng=stream(seed, "sobol", len(space)))
    shares = sequence.random_base2(trials.bit_length() - 1)
    return [
        tuple((r.name, r.at(float(s))) for r, s in zip(space, row, strict=True)) for row in shares
    ]


def _line(one: Range, trials: int) -> list[Values]:
    """Return evenly spaced values, ends included; a single one is the middle."""
    if one.choices:
        step = max(len(one.choices) / trials, 1.0)  # no more than the budget, spread evenly
        count = min(len(one.choices), trials)
        return [((one.name, one.choices[int(i * step)]),) for i in range(count)]
    shares = [0.5] if trials == 1 else np.linspace(0.0, 1.0, trials).tolist()
    found = list(dict.fromkeys(one.at(share) for share in shares))
    return [((one.name, value),) for value in found]


def beyond(one: Range, tried: Sequence[float], best: float, extra: int) -> list[float]:
    """Return `extra` further values: outward from an edge, else between the best's neighbours."""
    ordered = sorted(tried)
    place = ordered.index(best)
    step = ordered[1] / ordered[0] if one.log else ordered[1] - ordered[0]
    if place == len(ordered) - 1:
        outward = [_moved(one, best, step, k + 1) for k in range(extra)]
    elif place == 0:
        outward = [_moved(one, best, step, -k - 1) for k in range(extra)]
    else:
        shares = np.linspace(-1.0, 1.0, extra + 2 + extra % 2)
        inner = [_moved(one, best, step, float(s)) for s in shares[1:-1] if s]
        outward = inner[:extra]
    return [float(f"{v:.3g}") for v in outward]


def _moved(one: Range, value: float, step: float, k: float) -> float:
    return value * step**k if one.log else value + step * k


def parse_space(given: Mapping[str, Any], where: str) -> tuple[Range, ...]:
    """Return the ranges of a table: {low, high, log}, a list of choices, or two numbers."""
    return tuple(_range(name, value, f"{where}.{name}") for name, value in given.items())


def _range(name: str, value: Any, where: str) -> Range:
    full = "optimizer.lr" if name in ("lr", "learning_rate") else name
    if isinstance(value, list):
        if not value:
            raise UsageError(f"{where}: an empty list of choices")
        return Range(full, choices=tuple(tuple(v) if isinstance(v, list) else v for v in value))
    if not isinstance(value, Mapping):
        raise UsageError(f"{where}: write a list of choices or {{low, high, log}}, not {value!r}")
    known = ("low", "high", "log", "integer")
    for key in value:
        if key not in known:
            raise UsageError(f"{where}: unknown key '{key}'; {nearest(key, known)}")
    try:
        one = Range(full, **value)
        impossible = not float(one.low) < float(one.high) or (one.log and one.low <= 0)
    except (TypeError, ValueError):
        raise UsageError(f"{where}: low and high must be numbers") from None
    if impossible:
        raise UsageError(
            f"{where}: needs low < high{' and low > 0' if one.log else ''}, not {value}"
        )
    return one
