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


def _crop(args: list[Any], outs: list[Any], _: dict[str, Any]) -> list[Call]:
    x, place = args
    height, width = x.shape[2:4]
    i = torch.arange(height, device=x.device)[:, None]
    j = torch.arange(width, device=x.device)

    def kernel() -> None:
        row, column, mirrored = (place[..., k, None, None] for k in range(3))
        columns = column + j
        columns = torch.where(mirrored != 0, width - 1 - columns, columns)
        outs[0].copy_(_pixels(x, row + i, columns))

    return [(kernel, ())]


def _warp(args: list[Any], outs: list[Any], _: dict[str, Any]) -> list[Call]:
    x, matrix = args
    height, width = x.shape[2:4]
    i = (torch.arange(height, device=x.device) - 0.5 * (height - 1)).to(x.dtype)[:, None]
    j = (torch.arange(width, device=x.device) - 0.5 * (width - 1)).to(x.dtype)

    def kernel() -> None:
        a, b, c, d, e, f = (matrix[..., k, None, None] for k in range(6))
        at_row = a * i + b * j + (c + 0.5 * (height - 1))
        at_column = d * i + e * j + (f + 0.5 * (width - 1))
        row, column = torch.floor(at_row), torch.floor(at_column)
        down, right = (at_row - row)[..., None], (at_column - column)[..., None]
        r, k = row.long(), column.long()
        upper = _pixels(x, r, k) * (1 - right) + _pixels(x, r, k + 1) * right
        lower = _pixels(x, r + 1, k) * (1 - right) + _pixels(x, r + 1, k + 1) * right
        outs[0].copy_(upper * (1 - down) + lower * down)

    return [(kernel, ())]


SAMPLE_KERNELS: dict[str, Kernel] = {"crop": _crop, "warp": _warp}
