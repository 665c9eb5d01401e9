"""Losses: from a network's output and the targets to one number per example."""

from dataclasses import dataclass
from typing import Any

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


LOSSES: dict[str, type] = {"cross_entropy": CrossEntropy, "mse": MSE}
