"""The scope a layer is traced in: parameters, running statistics, randomness, penalties.

A layer is one function of (x, scope). The first trace collects what it declares; later traces look
the declared leaves up. A leaf has a dotted name ("2.conv.w"); its last word is the role: `w` is
regularized and decayed, `b`, `gain`, `shift` are not.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from steepest.nn.initial import Initial, Zeros
from steepest.program import F as F_
from steepest.program import Symbol

Shape = tuple[int, ...]
DECAYED = ("w",)


@dataclass(frozen=True)
class Leaf:
    """A declared parameter or running statistic of one run: name, shape, initial values."""

    name: str
    shape: Shape
    initial: Initial
    limit: float = 0.0  # of the norm of every unit's incoming weights (max-norm); 0: none

    @property
    def size(self) -> int:
        """The number of elements."""
        n = 1
        for k in self.shape:
            n *= k
        return n

    @property
    def role(self) -> str:
        """The last word of the name."""
        return self.name.rsplit(".", 1)[-1]

    @property
    def is_decayed(self) -> bool:
        """Tell whether penalties and weight decay act on this leaf."""
        return self.role in DECAYED


@dataclass
class Scope:
    """Where a layer declares and finds what it needs while it is traced.

    `find(leaf)` returns the symbol of a parameter, (R, *shape); `train` is the mode; `key` the
    symbol of the step's random key, (R, 2); `classes` the width of the last layer.
    """

    find: Callable[[Leaf], Symbol]
    train: bool = False
    key: Symbol | None = None
    classes: int = 0
    path: tuple[str, ...] = ()
    leaves: dict[str, Leaf] = field(default_factory=dict)
    statistics: dict[str, Leaf] = field(default_factory=dict)
    updates: dict[str, tuple[Symbol, Symbol]] = field(default_factory=dict)
    penalties: list[Symbol] = field(default_factory=list)
    trail: list[tuple[str, Any, Shape]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)  # of every layer, by its name

    @contextmanager
    def inside(self, name: str | int) -> Iterator[None]:
        """Prefix names declared within."""
        before = self.path
        self.path = (*before, str(name))
        try:
            yield
        finally:
            self.path = before

    def call(self, name: str | int, layer: Any, x: Any) -> Any:
        """Apply a layer under a name and note its output's shape for summaries."""
        with self.inside(name):
            y = layer(x, self)
            self.trail.append((".".join(self.path), layer, tuple(y.shape[2:])))
            self.outputs[".".join(self.path)] = y
        return y

    def named(self, name: str) -> str:
        """Return the dotted name of something declared here."""
        return ".".join([*self.path, name])

    def param(self, name: str, shape: Shape, initial: Initial, limit: float = 0.0) -> Symbol:
        """Declare or find a parameter of `shape`; its symbol has shape (R, *shape).

        `limit` bounds the norm over all axes but the last after every update.
        """
        leaf = Leaf(self.named(name), shape, initial, limit)
        known = self.leaves.setdefault(leaf.name, leaf)
        if known.shape != shape:
            raise ValueError(f"parameter '{leaf.name}' is declared as {known.shape} and {shape}")
        return self.find(leaf)

    def vector(self, name: str, x: Any, initial: Initial | None = None) -> Any:
        """Declare a vector as long as the last axis of `x`, shaped to broadcast over it."""
        width = x.shape[-1]
        leaf = self.param(name, (width,), initial or Zeros())
        return F_.reshape(leaf, shape=(x.shape[0], *(1,) * (x.ndim - 2), width))

    def statistic(self, name: str, shape: Shape, initial: Initial) -> Symbol:
        """Declare or find a running statistic (not trained): symbol of shape (R, *shape)."""
        leaf = Leaf(self.named(name), shape, initial)
        self.statistics.setdefault(leaf.name, leaf)
        return self.find(leaf)

    def update(self, name: str, old: Symbol, new: Symbol) -> None:
        """Say what a running statistic becomes after this step."""
        self.updates[self.named(name)] = (old, new)

    def mask(self, shape: Shape, rate: float) -> Any:
        """Return a dropout mask: 0 with probability `rate`, else 1 / (1 - rate)."""
        if self.key is None:
            raise ValueError(f"layer '{'.'.join(self.path)}' needs a random key in training mode")
        return F_.dropout_mask(self.key, shape=shape, rate=rate, salt=self.named("mask"))
