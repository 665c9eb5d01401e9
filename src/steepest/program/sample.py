"""Resampling of images: whole pixels moved (`crop`), and pixels read between others (`warp`).

Shapes: x is (R, N, H, W, C) with R runs and N examples; every example has numbers of its own. What
lies outside an image is 0. Images are data: nothing is differentiated with respect to them.
"""

from typing import Any

import numpy as np

from steepest.program.primitive import Primitive, no_cost
from steepest.program.trace import Shape, Value


def crop_image(x: Any, place: Any, out: Any) -> None:
    """Write the window of one image x (H, W, C) at place (row, column, mirrored) into `out`."""
    row, column, mirrored = (int(n) for n in place)
    height, width = x.shape[:2]
    seen = x[:, ::-1] if mirrored else x
    out[...] = 0
    above, left = max(0, -row), max(0, -column)  # of the window, outside the image
    inside = seen[max(0, row) : max(0, row + height), max(0, column) : max(0, column + width)]
    out[above : above + inside.shape[0], left : left + inside.shape[1]] = inside


def _crop_array(x: Any, place: Any) -> Any:
    y = np.empty_like(x)
    for at in np.ndindex(x.shape[:2]):
        crop_image(x[at], place[at], y[at])
    return y


def warp_images(x: Any, matrix: Any) -> Any:
    """Return images x (N, H, W, C) resampled by matrices (N, 6), bilinearly.

    Pixel (i, j), counted from the centre, is read at (a i + b j + c, d i + e j + f).
    """
    examples, height, width, channels = x.shape
    i = (np.arange(height) - 0.5 * (height - 1)).astype(x.dtype)[:, None]
    j = (np.arange(width) - 0.5 * (width - 1)).astype(x.dtype)
    a, b, c, d, e, f = (matrix[:, k, None, None] for k in range(6))
    at_row = a * i + b * j + (c + x.dtype.type(0.5 * (height - 1)))
    at_column = d * i + e * j + (f + x.dtype.type(0.5 * (width - 1)))
    row, column = np.floor(at_row), np.floor(at_column)
    down, right = (at_row - row)[..., None], (at_column - column)[..., None]
    # Two pixels of zeros around every image, in which whatever lies farther out is read.
    wide = width + 4
    around = np.zeros((examples, height + 4, wide, channels), x.dtype)
    around[:, 2:-2, 2:-2] = x
    start = np.arange(examples)[:, None, None] * ((height + 4) * wide)
    index = (np.clip(row, -2, height) + 2).astype(np.int64) * wide + start
    index += (np.clip(column, -2, width) + 2).astype(np.int64)
    flat = around.reshape(-1, channels)

    def between(index: Any) -> Any:
        """Return what lies between a pixel and the one right of it."""
        left, other = (np.take(flat, k, axis=0, mode="clip") for k in (index, index + 1))
        other -= left
        other *= right
        other += left
        return other

    upper, lower = between(index), between(index + wide)
    lower -= upper
    lower *= down
    lower += upper
    return lower


def _warp_array(x: Any, matrix: Any) -> Any:
    return np.stack([warp_images(*pair) for pair in zip(x, matrix, strict=True)])


def _images(x: Value, numbers: Value, count: int, kind: str) -> list[tuple[Shape, str]]:
    if len(x.shape) != 5:
        raise ValueError("images need the axes (R, N, H, W, C)")
    if numbers.shape != (*x.shape[:2], count) or numbers.kind != kind:
        raise ValueError(f"every image needs {count} numbers of kind {kind}")
    return [(x.shape, x.kind)]


def _no_gradient(name: str) -> Any:
    def vjp(_g: Any, _y: Any, x: Any, _numbers: Any) -> Any:
        raise ValueError(f"{name} has no gradient with respect to its images, here {x.value}")

    return vjp


crop = Primitive(
    "crop",
    lambda x, place: _images(x, place, 3, "int"),
    _crop_array,
    (_no_gradient("crop"), None),
    flops=no_cost,
)
"""crop(x, place): the window of each image that begins at (row, column), zero outside of it.

place (R, N, 3) are integers (row, column, mirrored); with mirrored = 1 the image is turned left to
right before.
"""

warp = Primitive(
    "warp",
    lambda x, matrix: _images(x, matrix, 6, "real"),
    _warp_array,
    (_no_gradient("warp"), None),
    flops=lambda _, outs, __: 8 * outs[0].size,
)
"""warp(x, matrix): each image resampled by its own affine map, bilinearly; see `warp_images`."""

SAMPLE: dict[str, Primitive] = {p.name: p for p in (crop, warp)}
