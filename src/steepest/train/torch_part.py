"""Modules that PyTorch has no layer for: our flattening, sums, graphs, shortcuts, standardization.

Shapes are PyTorch's: images (N, C, H, W), else (N, ...). Imported only by `torch_net`.
"""

# mypy: disable-error-code="misc"
# torch publishes no types here, so its Module is Any, which strict checking does not subclass

from typing import Any

import torch
from torch import nn


class Last(nn.Module):
    """A layer over the last axis of our layout, applied to the channels of images."""

    def __init__(self, inside: Any) -> None:
        super().__init__()
        self.inside = inside

    def forward(self, x: Any) -> Any:
        """Return the layer's output, channels second again."""
        if x.dim() != 4:
            return self.inside(x)
        return self.inside(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Flatten(nn.Module):
    """All axes of an example in one, in the order (H, W, C)."""

    def forward(self, x: Any) -> Any:
        """Return (N, features)."""
        return (x.permute(0, 2, 3, 1) if x.dim() == 4 else x).flatten(1)


class Mean(nn.Module):
    """The mean over all pixels."""

    def forward(self, x: Any) -> Any:
        """Return (N, C)."""
        return x.mean(dim=(2, 3))


class Sum(nn.Module):
    """Two branches added."""

    def __init__(self, body: Any, shortcut: Any) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Any) -> Any:
        """Return body(x) + shortcut(x)."""
        return self.body(x) + self.shortcut(x)


class Nodes(nn.ModuleDict):
    """Named layers, each fed the sum of earlier outputs."""

    def __init__(self, layers: dict[str, Any], inputs: dict[str, tuple[str, ...]]) -> None:
        super().__init__(layers)
        self.inputs = inputs

    def forward(self, x: Any) -> Any:
        """Return the last node's output."""
        known = {"x": x}
        for name, sources in self.inputs.items():
            total = known[sources[0]]
            for source in sources[1:]:
                total = total + known[source]
            known[name] = self[name](total)
        return known[name]


class Subsample(nn.Module):
    """Every `stride`-th pixel, with channels of zeros before and after the others."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Any) -> Any:
        """Return (N, filters, H', W')."""
        missing, step = self.layer.filters - x.shape[1], self.layer.stride
        front = self.layer.front(missing)
        return nn.functional.pad(x[:, :, ::step, ::step], (0, 0, 0, 0, front, missing - front))


class Excite(nn.Module):
    """Channels weighted by a small network of their means."""

    def __init__(self, squeeze: Any, excite: Any) -> None:
        super().__init__()
        self.squeeze, self.excite = squeeze, excite

    def forward(self, x: Any) -> Any:
        """Return x times one weight per example and channel."""
        weights = torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean(dim=(2, 3))))))
        return x * weights[:, :, None, None]


class Path(nn.Module):
    """Whole examples zeroed at random in training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Any) -> Any:
        """Return x with examples zeroed in training, x itself otherwise."""
        if not self.training or not self.rate:
            return x
        shape = (len(x), *(1,) * (x.dim() - 1))
        return x * (torch.rand(shape, device=x.device) >= self.rate) / (1 - self.rate)


class Standardize(nn.Module):
    """Inputs centred and scaled by the training examples' statistics."""

    def __init__(self, shift: Any, gain: Any) -> None:
        super().__init__()
        self.register_buffer("shift", shift)
        self.register_buffer("gain", gain)

    def forward(self, x: Any) -> Any:
        """Return (x - shift) gain."""
        return (x - self.shift) * self.gain
