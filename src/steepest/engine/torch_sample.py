"""ATen kernels of image resampling, run axis included: x (R, N, H, W, C)."""

from collections.abc import Callable
from typing import Any

import torch

from steepest.engine.protocol import Call

Kernel = Callable[[list[Any], list[Any], dict[str, Any]], list[Call]]


def _pixels(x: Any, rows: Any, columns: Any) -> Any:
    """Return pixels (R, N, H, W, C) at rows and columns that broadcast to (R, N, H, W)."""
    runs, examples, height, width, channels = x.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    flat = (rows * width + columns).masked_fill(~inside, 0)
    index = flat.reshape(runs, examples, height * width, 1).expand(-1, -1, -1, channels)
    seen = torch.gather(x.reshape(runs, examples, height * width, channels), 2, index)
    return seen.view(x.shape).masked_fill_(~inside[..., None], 0)


def crop(x: Any, place: Any) -> Any:
    """Return the windows of images at places (R, N, 3): row, column, mirrored."""
    height, width = x.shape[2:4]
    row, column, mirrored = (place[..., k, None, None] for k in range(3))
    columns = column + torch.arange(width, device=x.device)
    columns = torch.where(mirrored != 0, width - 1 - columns, columns)
    return _pixels(x, row + torch.arange(height, device=x.device)[:, None], columns)


def warp(x: Any, matrix: Any) -> Any:
    """Return images read between pixels, at affine functions (R, N, 6) of the pixel's place."""
    height, width = x.shape[2:4]
    i = (torch.arange(height, device=x.device) - 0.5 * (height - 1)).to(x.dtype)[:, None]
    j = (torch.arange(width, device=x.device) - 0.5 * (width - 1)).to(x.dtype)
    a, b, c, d, e, f = (matrix[..., k, None, None] for k in range(6))
    at_row = a * i + b * j + (c + 0.5 * (height - 1))
    at_column = d * i + e * j + (f + 0.5 * (width - 1))
    row, column = torch.floor(at_row), torch.floor(at_column)
    down, right = (at_row - row)[..., None], (at_column - column)[..., None]
    r, k = row.long(), column.long()
    upper = _pixels(x, r, k) * (1 - right) + _pixels(x, r, k + 1) * right
    lower = _pixels(x, r + 1, k) * (1 - right) + _pixels(x, r + 1, k + 1) * right
    return upper * (1 - down) + lower * down


def _into(function: Callable[[Any, Any], Any]) -> Kernel:
    """Return the kernel of a function of images and their numbers."""

    def kernel(args: list[Any], outs: list[Any], _: dict[str, Any]) -> list[Call]:
        return [(lambda: outs[0].copy_(function(*args)), ())]

    return kernel


SAMPLE_KERNELS: dict[str, Kernel] = {"crop": _into(crop), "warp": _into(warp)}
