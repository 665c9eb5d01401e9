"""A user's own PyTorch code, for the tests of the adapter: networks with state, an optimizer."""
# ruff: noqa: D102, ARG002 - written as users write

import torch
from torch import nn


class Net(nn.Module):
    """A net of 4 features with batch normalization, dropout and a frozen parameter."""

    def __init__(self, classes, hidden=8, dropout=0.3):
        super().__init__()
        self.first = nn.Linear(4, hidden, bias=False)
        self.norm = nn.BatchNorm1d(hidden)
        self.drop = nn.Dropout(dropout)
        self.last = nn.Linear(hidden, classes)
        self.scale = nn.Parameter(torch.tensor([2.0]), requires_grad=False)

    def forward(self, x):
        return self.last(self.drop(torch.relu(self.norm(self.first(x))))) * self.scale


class Lazy(nn.Sequential):
    """A net whose first layer learns its width from its first batch."""

    def __init__(self, classes):
        super().__init__(nn.LazyLinear(6), nn.Tanh(), nn.Linear(6, classes))


class Image(nn.Module):
    """A convolutional net that looks at its images as torch has them."""

    def __init__(self, classes=3):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.last = nn.Linear(4 * 5 * 6, classes)

    def forward(self, x):
        assert x.shape[1:] == (2, 5, 6)
        assert x.is_contiguous()
        assert float(x.min()) >= 0
        assert float(x.max()) <= 1
        return self.last(torch.relu(self.conv(x)).view(len(x), -1))


def perceptron(shape, classes):
    """Return a network of the library's own, as a factory."""
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0], 6), nn.Tanh(), nn.Linear(6, classes))


class Flat(nn.Sequential):
    """A linear classifier of images."""

    def __init__(self, shape, classes):
        super().__init__(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], classes))


class HeavyBall(torch.optim.Optimizer):
    """Momentum written as users write optimizers, with a number in its state."""

    def __init__(self, params, lr=0.05, momentum=0.9, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state.setdefault("m", torch.zeros_like(p))
                state["count"] = state.get("count", 0) + 1
                g = p.grad + group["weight_decay"] * p
                state["m"].mul_(group["momentum"]).add_(g)
                p.sub_(group["lr"] * state["m"])


class Searching(torch.optim.Optimizer):
    """An optimizer that wants to evaluate the loss itself."""

    def __init__(self, params, lr=1.0):
        super().__init__(params, {"lr": lr})

    def step(self, closure):
        closure()


class Wrong(nn.Module):
    """A net that returns two things."""

    def forward(self, x):
        return x, x
