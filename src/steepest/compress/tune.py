"""Pruning a trained run and training it on: one plan, one network, the ordinary loop.

While a schedule is still cutting, a structured network is trained at its old width behind a mask;
once the last cut is made, the channels are removed and the rest is trained in the smaller network.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from steepest.compress.channel import gathered, named, shrink, silence
from steepest.compress.criterion import (
    LAYERED,
    check_method,
    prunable,
    score_channels,
    score_weights,
)
from steepest.compress.decision import choose_channels
from steepest.compress.dependency import dependencies
from steepest.compress.mask import check_scope, check_sparsity, make_mask
from steepest.compress.schedule import OneShot, Schedule
from steepest.data import Dataset
from steepest.errors import UsageError
from steepest.nn.arch import layout
from steepest.nn.description import to_text
from steepest.part import Part
from steepest.spec import RunSpec
from steepest.train.evaluate import evaluate
from steepest.train.loop import Epoch, train_session
from steepest.train.measure import Measure
from steepest.train.session import Session, open_session, read_state, write_state
from steepest.train.state import State

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Plan:
    """How a network is pruned; `scope` None: layer for channels, global for single weights."""

    method: str
    sparsity: float
    structured: bool = False
    epochs: int = 0  # of fine-tuning
    schedule: Schedule = field(default_factory=OneShot)
    scope: str | None = None

    def __post_init__(self) -> None:
        check_method(self.method, self.structured)
        check_sparsity(self.sparsity)
        check_scope(self.within)
        if self.method == LAYERED and self.within != "layer":
            raise UsageError(
                f"'{LAYERED}' compares within layers: leave out scope, or use magnitude"
            )
        if isinstance(self.epochs, bool) or not isinstance(self.epochs, int) or self.epochs < 0:
            raise UsageError(f"epochs of fine-tuning are a whole number, not {self.epochs!r}")

    @property
    def within(self) -> str:
        """The scope that scores compete in."""
        by_layer = self.structured or self.method == LAYERED
        return self.scope or ("layer" if by_layer else "global")


@dataclass(frozen=True, eq=False)
class Pruned:
    """What pruning left: a spec that names the smaller network, its session and measurements."""

    plan: Plan
    spec: RunSpec  # of the fine-tuning; `session.task.arch` is the network
    session: Session  # holds the weights
    epochs: tuple[Epoch, ...]
    cut: Measure  # of the validation examples after the last cut, before any training on it
    measure: Measure  # at the end
    flops: float  # spent in fine-tuning

    @property
    def state(self) -> State:
        """The weights, with their mask where there is one."""
        return read_state(self.session, len(self.epochs))

    @property
    def diverged(self) -> bool:
        """Tell whether fine-tuning diverged; the weights are then those it broke with."""
        return bool(self.epochs) and self.epochs[-1].diverged


def prune(spec: RunSpec, dataset: Dataset, state: State, plan: Plan) -> Pruned:
    """Prune the weights of a run and train on for `plan.epochs`.

    `spec` and `state` are the run's: its split of the data is kept, so that no validation example
    was ever trained on. Raises UsageError where nothing was held out, a layer would be emptied, or
    channels are to go from a network whose single weights went before: what holds those at zero is
    not carried over to smaller tensors.
    """
    if plan.structured and not state.arrays.get("mask", np.ones(1)).all():
        raise UsageError("single weights were removed before; remove channels first, then weights")
    if not spec.validation:
        raise UsageError(
            "the run held out no validation examples, so nothing can be compared; "
            "train it with --validation 0.2"
        )
    spec = replace(spec, epochs=max(plan.epochs, 1), updates=None, early_stopping=None)
    session = _opened(spec, dataset, state, masked=True)
    epochs: list[Epoch] = []
    flops, loop = 0.0, train_session(session)
    cut, reached, whole = None, -1.0, plan.structured
    for epoch in range(max(plan.epochs, 1)):
        target = plan.schedule.at(plan.sparsity, epoch, plan.epochs)
        if target > reached:
            reached = target
            write_mask(session, _mask(session, plan, target))
            if whole and target >= plan.sparsity:  # the last cut: the channels go for good
                session = shrunk(session)
                spec, loop, whole = session.spec, _from(session, epoch), False
            (cut,) = evaluate(session, session.split.validation)
        if epoch >= plan.epochs:
            break
        (found,) = next(loop)
        epochs.append(found)
        flops += session.flops
        if found.diverged:
            break
    if cut is None:
        raise AssertionError("a schedule cuts before the first epoch")
    measure = epochs[-1].validation if epochs and epochs[-1].validation else cut
    return Pruned(plan, spec, session, tuple(epochs), cut, measure, flops)


def _from(session: Session, start: int) -> Iterator[tuple[Epoch, ...]]:
    return train_session(session, start)


def _opened(spec: RunSpec, dataset: Dataset, state: State, masked: bool = False) -> Session:
    """Return a session that starts at a state's weights, its slots new."""
    session = open_session([spec], dataset, masked=masked or "mask" in state.arrays)
    kept = {k: v for k, v in state.arrays.items() if not k.startswith("slot.")}
    write_state(session, State(0, kept))
    return session


def write_mask(session: Session, mask: Array) -> None:
    """Put a mask (P,) over what the session's mask leaves, and zeros into its weights."""
    state = read_state(session, 0)
    both = mask * state.arrays["mask"]
    write_state(session, State(0, {"mask": both, "params": state.arrays["params"] * both}))


def _mask(session: Session, plan: Plan, sparsity: float) -> Array:
    """Return the mask that a plan asks for at the session's weights."""
    before = np.asarray(read_state(session, 0).arrays["mask"])
    if not plan.structured:
        scores = score_weights(session, plan.method)
        return make_mask(scores, prunable(session), sparsity, plan.within, before)
    task = session.task
    found = dependencies(task.arch, task.shape, task.classes)
    scores = score_channels(session, found, plan.method)
    scores[_removed(session, before)] = -np.inf  # what is gone stays gone
    keep = choose_channels(found, scores, sparsity, plan.within)
    return channel_mask(session, keep)


def _removed(session: Session, mask: Array) -> Array:
    """Return for every group whether the mask has silenced it: nothing is left of its makers."""
    task = session.task
    found = dependencies(task.arch, task.shape, task.classes)
    spans, shapes = _layout(session)
    gone = np.zeros(found.size, bool)
    for name, groups in found.outputs.items():
        leaf = f"{name}.w" if name else "w"
        left = mask[slice(*spans[leaf])].reshape(-1, shapes[leaf][-1]).any(axis=0)
        gone[groups[~left]] = True
    return gone


def _layout(session: Session) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, ...]]]:
    leaves = session.task.declared.leaves
    return layout(leaves), {leaf.name: leaf.shape for leaf in leaves}


def channel_mask(session: Session, keep: Array) -> Array:
    """Return the mask (P,) of a decision about channels."""
    task = session.task
    spans, shapes = _layout(session)
    ones = {name: np.ones(shape) for name, shape in shapes.items()}
    silent = silence(task.arch, task.shape, task.classes, ones, keep)
    flat = np.empty(task.declared.size)
    for name, (start, stop) in spans.items():
        flat[start:stop] = silent[name].reshape(-1)
    return flat


def shrunk(session: Session) -> Session:
    """Return a session of the smaller network that a session's mask of channels leaves."""
    task, spec = session.task, session.spec
    state = read_state(session, 0)
    keep = ~_removed(session, state.arrays["mask"])
    arrays = named(task.arch, task.shape, task.classes, state)
    smaller, cut = shrink(task.arch, task.shape, task.classes, arrays, keep)
    model = Part("described", (("text", to_text(smaller)),))
    start = gathered(smaller, task.shape, task.classes, cut)
    return _opened(replace(spec, model=model), session.dataset, start)
