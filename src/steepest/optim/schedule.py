"""Schedules: the learning rate as a pure function of progress; nothing is mutated.

`rates(lr, step, per_epoch, epochs)` takes 0-based steps (an array) and returns float64 rates.
"""

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Protocol

import numpy as np

from steepest.errors import unknown
from steepest.part import build, parse


class Schedule(Protocol):
    """The learning rate over a run."""

    def rates(self, lr: float, step: np.ndarray, per_epoch: int, epochs: float) -> np.ndarray:
        """Return the rate at each 0-based step of a run of `epochs` with `per_epoch` steps each.

        `epochs` is a fraction where the run ends after a number of updates.
        """
        ...


def _epoch(step: np.ndarray, per_epoch: int) -> np.ndarray:
    return step // per_epoch


@dataclass(frozen=True)
class Constant:
    """The same rate throughout."""

    def rates(self, lr: float, step: np.ndarray, per_epoch: int, epochs: float) -> np.ndarray:  # noqa: ARG002 - a schedule takes all
        """Return lr everywhere."""
        return np.full(len(step), float(lr))


@dataclass(frozen=True)
class Table:
    """Rates by epoch (0-based): {0: 1e-3, 5: 5e-4}; before the first entry the rule's own."""

    rows: tuple[tuple[int, float], ...]

    def rates(self, lr: float, step: np.ndarray, per_epoch: int, epochs: float) -> np.ndarray:  # noqa: ARG002 - a schedule takes all
        """Return the rate of the latest entry that has begun."""
        out = np.full(len(step), float(lr))
        for epoch, rate in sorted(self.rows):
            out[_epoch(step, per_epoch) >= epoch] = rate
        return out


@dataclass(frozen=True)
class Step:
    """Multiply by `gamma` every `every` epochs."""

    every: int = 10
    gamma: float = 0.1

    def rates(self, lr: float, step: np.ndarray, per_epoch: int, epochs: float) -> np.ndarray:  # noqa: ARG002 - a schedule takes all
        """Return lr gamma^floor(epoch / every)."""
        return lr * self.gamma ** (_epoch(step, per_epoch) // self.every).astype(np.float64)


@dataclass(frozen=True)
class Exponential:
    """Multiply by `gamma` every epoch."""

    gamma: float = 0.95

    def rates(self, lr: float, step: np.ndarray, per_epoch: int, epochs: float) -> np.ndarray:  # noqa: ARG002 - a schedule takes all
        """Return lr gamma^epoch."""
        return lr * self.gamma ** _epoch(step, per_epoch).astype(np.float64)


@dataclass(frozen=True)
class InverseTime:
    """lr / (1 + decay t) with t counted in updates: the `decay` of Keras' older optimizers."""

    decay: float = 1e-4

    def rates(self, lr: float, step: np.ndarray, per_epoch: int, epochs: float) -> np.ndarray:  # noqa: ARG002 - a schedule takes all
        """Return lr / (1 + decay step)."""
        return lr / (1.0 + self.decay * step.astype(np.float64))


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from lr to `floor` times lr over the run (Loshchilov & Hutter 2017, eq. 5)."""

    floor: float = 0.0

    def rates(self, lr: float, step: np.ndarray, per_epoch: int, epochs: float) -> np.ndarray:
        """Return the cosine at every step; the last step comes just short of the floor."""
        progress = step / max(per_epoch * epochs, 1)
        wave = 0.5 * (1.0 + np.cos(np.pi * np.minimum(progress, 1.0)))
        return lr * (self.floor + (1.0 - self.floor) * wave)


@dataclass(frozen=True)
class Warmup:
    """Linear from lr / steps to lr over `epochs` epochs, then `after` over what remains.

    `after` is a schedule by name, "cosine(floor=0.1)"; an instance is turned into its name.

    >>> Warmup(after=Cosine(floor=0.1)).after
    'cosine(floor=0.1)'
    """

    epochs: float = 1.0
    after: Any = "constant"

    def __post_init__(self) -> None:
        if is_dataclass(self.after):
            object.__setattr__(self, "after", _text(self.after))
        _named(self.after)

    def rates(self, lr: float, step: np.ndarray, per_epoch: int, epochs: float) -> np.ndarray:
        """Return the joined schedules; `after` starts at its own step 0."""
        steps = max(round(self.epochs * per_epoch), 1)
        rising = lr * (step + 1.0) / steps
        rest = np.maximum(step - steps, 0)
        left = _left(epochs, steps, per_epoch)
        return np.where(step < steps, rising, _named(self.after).rates(lr, rest, per_epoch, left))


def _left(epochs: float, steps: int, per_epoch: int) -> float:
    """Return the epochs after a warm-up; at least one step."""
    return max(epochs - steps / per_epoch, 1 / per_epoch)


def _named(text: str) -> Any:
    return build("schedule", parse("schedule", text, SCHEDULES), SCHEDULES)


def _text(schedule: Any) -> str:
    """Return a schedule as "name(option=value)"; UsageError for one of no known kind."""
    names = [name for name, known in SCHEDULES.items() if known is type(schedule)]
    if not names:
        raise unknown("schedule", type(schedule).__name__, SCHEDULES)
    set_options = [f for f in fields(schedule) if getattr(schedule, f.name) != f.default]
    inside = ", ".join(f"{f.name}={getattr(schedule, f.name)!r}" for f in set_options)
    return f"{names[0]}({inside})" if inside else names[0]


SCHEDULES: dict[str, type] = {
    "constant": Constant,
    "table": Table,
    "step": Step,
    "exponential": Exponential,
    "inverse_time": InverseTime,
    "cosine": Cosine,
    "warmup": Warmup,
}
