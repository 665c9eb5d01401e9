"""Update rules that act element by element.

p parameters, g gradient, s slots, c coefficients, t step (1-based), lr learning rate. Definitions
and defaults are those of `torch.optim`; where that differs from the paper, the docstring says so.
`weight_decay` is coupled (added to the gradient, an L2 penalty) except in AdamW.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from steepest.program import F

Slots = Mapping[str, Any]
Scalars = dict[str, Any]


def _decay(weight_decay: float) -> Scalars:
    return {"wd": weight_decay} if weight_decay else {}


def _coupled(p: Any, g: Any, c: Mapping[str, Any]) -> Any:
    """Add the gradient of wd/2 |p|² where the rule decays."""
    return g + c["wd"] * p if "wd" in c else g


@dataclass(frozen=True)
class SGD:
    """p - lr g (Robbins & Monro 1951). The default lr is PyTorch's; Keras has 0.01."""

    lr: float = 1e-3
    weight_decay: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ()

    def coefficients(self, t: Any, lr: Any) -> Scalars:  # noqa: ARG002 - a rule takes the step
        """Return lr (and wd)."""
        return {"lr": lr, **_decay(self.weight_decay)}

    def step(self, p: Any, g: Any, s: Slots, c: Mapping[str, Any]) -> Any:  # noqa: ARG002 - no slots
        """Return p - lr g."""
        return p - c["lr"] * _coupled(p, g, c), {}


@dataclass(frozen=True)
class Momentum:
    """Heavy ball (Polyak 1964) as in PyTorch: m = momentum m + g; p - lr m.

    Deviates: the paper and Keras put lr inside m, which differs when lr changes.
    """

    lr: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ("m",)

    def coefficients(self, t: Any, lr: Any) -> Scalars:  # noqa: ARG002 - a rule takes the step
        """Return lr, momentum (and wd)."""
        return {"lr": lr, "momentum": self.momentum, **_decay(self.weight_decay)}

    def step(self, p: Any, g: Any, s: Slots, c: Mapping[str, Any]) -> Any:
        """Return p - lr m."""
        m = c["momentum"] * s["m"] + _coupled(p, g, c)
        return p - c["lr"] * m, {"m": m}


@dataclass(frozen=True)
class Nesterov:
    """Accelerated gradient (Nesterov 1983; Sutskever et al. 2013) as in PyTorch.

    m = momentum m + g; p - lr (g + momentum m): the gradient is taken at p, not at the point ahead.
    """

    lr: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ("m",)

    def coefficients(self, t: Any, lr: Any) -> Scalars:  # noqa: ARG002 - a rule takes the step
        """Return lr, momentum (and wd)."""
        return {"lr": lr, "momentum": self.momentum, **_decay(self.weight_decay)}

    def step(self, p: Any, g: Any, s: Slots, c: Mapping[str, Any]) -> Any:
        """Return p - lr (g + momentum m)."""
        d = _coupled(p, g, c)
        m = c["momentum"] * s["m"] + d
        return p - c["lr"] * (d + c["momentum"] * m), {"m": m}


@dataclass(frozen=True)
class AdaGrad:
    """AdaGrad, diagonal (Duchi et al. 2011, figure 1): p - lr g / (sqrt(sum of g²) + eps)."""

    lr: float = 1e-2
    eps: float = 1e-10
    weight_decay: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ("v",)

    def coefficients(self, t: Any, lr: Any) -> Scalars:  # noqa: ARG002 - a rule takes the step
        """Return lr, eps (and wd)."""
        return {"lr": lr, "eps": self.eps, **_decay(self.weight_decay)}

    def step(self, p: Any, g: Any, s: Slots, c: Mapping[str, Any]) -> Any:
        """Return p - lr g / (sqrt(v) + eps)."""
        d = _coupled(p, g, c)
        v = s["v"] + F.square(d)
        return p - c["lr"] * d / (F.sqrt(v) + c["eps"]), {"v": v}


@dataclass(frozen=True)
class RMSProp:
    """RMSProp (Tieleman & Hinton 2012, lecture 6e): p - lr g / (sqrt(v) + eps).

    As in PyTorch: eps outside the root, rho 0.99 (the lecture and Keras: 0.9), v starts at 0.
    """

    lr: float = 1e-2
    rho: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ("v",)

    def coefficients(self, t: Any, lr: Any) -> Scalars:  # noqa: ARG002 - a rule takes the step
        """Return lr, rho, 1 - rho, eps (and wd)."""
        decay = _decay(self.weight_decay)
        return {"lr": lr, "rho": self.rho, "rest": 1.0 - self.rho, "eps": self.eps, **decay}

    def step(self, p: Any, g: Any, s: Slots, c: Mapping[str, Any]) -> Any:
        """Return p - lr g / (sqrt(v) + eps)."""
        d = _coupled(p, g, c)
        v = c["rho"] * s["v"] + c["rest"] * F.square(d)
        return p - c["lr"] * d / (F.sqrt(v) + c["eps"]), {"v": v}


def _moments(s: Slots, g: Any, c: Mapping[str, Any]) -> tuple[Any, Any]:
    m = c["a1"] * s["m"] + c["c1"] * g
    v = c["a2"] * s["v"] + c["c2"] * F.square(g)
    return m, v


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1): eps outside the root, after bias correction.

    As in PyTorch; Keras adds its eps (1e-7) before the correction ("epsilon hat").
    """

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ("m", "v")

    def coefficients(self, t: Any, lr: Any) -> Scalars:
        """Return the decay rates, their complements, and the bias-corrected scales of step t."""
        return {
            "a1": self.beta1, "c1": 1.0 - self.beta1, "a2": self.beta2, "c2": 1.0 - self.beta2,
            "eps": self.eps, "scale": lr / (1.0 - self.beta1**t),
            "root": 1.0 / (1.0 - self.beta2**t), **_decay(self.weight_decay),
        }  # fmt: skip

    def step(self, p: Any, g: Any, s: Slots, c: Mapping[str, Any]) -> Any:
        """Return p - scale m / (sqrt(root v) + eps)."""
        m, v = _moments(s, _coupled(p, g, c), c)
        return p - c["scale"] * m / (F.sqrt(v * c["root"]) + c["eps"]), {"m": m, "v": v}


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2), as in PyTorch.

    Deviates: the decay is multiplied by lr, and so follows its schedule.
    """

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 1e-2
    slots: ClassVar[tuple[str, ...]] = ("m", "v")

    def coefficients(self, t: Any, lr: Any) -> Scalars:
        """Return Adam's scalars and keep = 1 - lr weight_decay."""
        keep = {"keep": 1.0 - lr * self.weight_decay} if self.weight_decay else {}
        return Adam(self.lr, self.beta1, self.beta2, self.eps).coefficients(t, lr) | keep

    def step(self, p: Any, g: Any, s: Slots, c: Mapping[str, Any]) -> Any:
        """Return keep p - scale m / (sqrt(root v) + eps)."""
        m, v = _moments(s, g, c)
        kept = c["keep"] * p if "keep" in c else p
        return kept - c["scale"] * m / (F.sqrt(v * c["root"]) + c["eps"]), {"m": m, "v": v}


@dataclass(frozen=True)
class Nadam:
    """Nadam (Dozat 2016) as in PyTorch, with the momentum schedule mu of its `NAdam`.

    mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2). The product of the mu is recomputed from step 1,
    so that it is a function of t and no state.
    """

    lr: float = 2e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum_decay: float = 4e-3
    slots: ClassVar[tuple[str, ...]] = ("m", "v")

    def coefficients(self, t: Any, lr: Any) -> Scalars:
        """Return the scales of gradient and momentum in step t."""
        last = int(np.max(t))
        every = np.arange(1, last + 2, dtype=np.float64)
        mu = self.beta1 * (1.0 - 0.5 * 0.96 ** (every * self.momentum_decay))
        product = np.cumprod(mu)
        at = np.asarray(t, np.int64)
        return {
            "a1": self.beta1, "c1": 1.0 - self.beta1, "a2": self.beta2, "c2": 1.0 - self.beta2,
            "eps": self.eps, "root": 1.0 / (1.0 - self.beta2**t),
            "now": lr * (1.0 - mu[at - 1]) / (1.0 - product[at - 1]),
            "next": lr * mu[at] / (1.0 - product[at]), **_decay(self.weight_decay),
        }  # fmt: skip

    def step(self, p: Any, g: Any, s: Slots, c: Mapping[str, Any]) -> Any:
        """Return p - (now g + next m) / (sqrt(root v) + eps)."""
        d = _coupled(p, g, c)
        m, v = _moments(s, d, c)
        ahead = c["now"] * d + c["next"] * m
        return p - ahead / (F.sqrt(v * c["root"]) + c["eps"]), {"m": m, "v": v}


RULES: dict[str, type] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
    "nadam": Nadam,
}
