"""Sensitivity: what pruning one layer alone, with no training after it, does to the accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.compress.criterion import prunable, score_channels, score_weights
from steepest.compress.dependency import dependencies
from steepest.compress.mask import check_sparsity, lowest, make_mask, portion
from steepest.compress.tune import channel_mask
from steepest.train.evaluate import evaluate
from steepest.train.session import Session, read_state, write_state
from steepest.train.state import State

Array = np.ndarray[Any, Any]
SPARSITIES = (0.5, 0.8, 0.9)


@dataclass(frozen=True)
class Sensitivity:
    """Validation accuracy with a fraction of one layer (or of tied layers) removed."""

    layer: str
    sparsity: float
    accuracy: float
    loss: float


def sensitivities(
    session: Session,
    method: str,
    structured: bool = False,
    sparsities: Sequence[float] = SPARSITIES,
) -> tuple[Sensitivity, ...]:
    """Return the sensitivity of every layer; the session's weights are left as they were."""
    start = read_state(session, 0).arrays["params"]
    masks = _channel_masks if structured else _weight_masks
    found = []
    for name, sparsity, mask in masks(session, method, [check_sparsity(s) for s in sparsities]):
        write_state(session, State(0, {"params": start * mask}))
        (measure,) = evaluate(session, session.split.validation)
        found.append(Sensitivity(name, sparsity, measure.accuracy, measure.loss))
    write_state(session, State(0, {"params": start}))
    return tuple(found)


def _weight_masks(session: Session, method: str, sparsities: list[float]) -> Any:
    scores = score_weights(session, method)
    for name, span in prunable(session).items():
        for sparsity in sparsities:
            yield name, sparsity, make_mask(scores, {name: span}, sparsity, "layer")


def _channel_masks(session: Session, method: str, sparsities: list[float]) -> Any:
    task = session.task
    found = dependencies(task.arch, task.shape, task.classes)
    scores = score_channels(session, found, method)
    decided = []
    for family in found.families:
        groups = np.array(family)
        for sparsity in sparsities:
            keep = np.ones(found.size, bool)
            keep[groups] = ~lowest(scores[groups], portion(sparsity, len(groups)))
            decided.append((_title(found.makers[family[0]]), sparsity, keep))
    for name, sparsity, keep in decided:
        yield name, sparsity, channel_mask(session, keep)


def _title(makers: tuple[str, ...]) -> str:
    """Return the name of a family: its first layer, and how many others it is tied to."""
    rest = len(makers) - 1
    return f"{makers[0]} (+{rest} tied)" if rest else makers[0]
