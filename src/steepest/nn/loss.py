"""Losses: from a network's output and the targets to one number per example."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steepest.errors import UsageError
from steepest.program import F


@dataclass(frozen=True)
class CrossEntropy:
    """Softmax cross-entropy of integer labels.

    `smoothing` s mixes the labels with the uniform distribution (Szegedy et al. 2016, section 7).
    `class_weights` multiplies the loss of an example by the weight of its class; the mean over a
    batch divides by the number of examples, as Keras' `class_weight` does (PyTorch divides by the
    sum of the weights).
    """

    smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None

    def __call__(self, output: Any, targets: Any) -> Any:
        """Return (R, N) from logits (R, N, K) and integer labels (R, N)."""
        loss, _ = F.cross_entropy(output, targets, smoothing=self.smoothing)
        if self.class_weights is None:
            return loss
        weights = output.recorder.constant([float(w) for w in self.class_weights])
        return loss * F.gather(weights, targets, scale=1.0)


@dataclass(frozen=True)
class MSE:
    """Mean squared error over the last axis, for real targets."""

    def __call__(self, output: Any, targets: Any) -> Any:
        """Return (R, N) from outputs and targets of shape (R, N, K)."""
        return F.mean(F.square(output - targets), axis=-1)


def check_classes(spec: Any, classes: Sequence[str], data: str) -> None:
    """Raise UsageError where what a run says of classes does not suit those of its data.

    No `classes`: the data has numbers to predict.
    """
    for name in ("smoothing", "class_weights", "balanced"):
        if not classes and getattr(spec, name):
            raise UsageError(f"{name} is for classes, and '{data}' has numbers to predict")
    if len(classes) == 1:
        raise UsageError(f"'{data}' has the class '{classes[0]}' alone: there is nothing to learn")
    weights = spec.class_weights
    if weights and len(weights) != len(classes):
        raise UsageError(
            f"class_weights has {len(weights)} numbers, but '{data}' has {len(classes)} classes"
        )
    if weights and not any(weights):
        raise UsageError("class_weights are all 0: no example would count")


LOSSES: dict[str, type] = {"cross_entropy": CrossEntropy, "mse": MSE}
