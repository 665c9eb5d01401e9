"""Compiled max-pooling both ways: one pass over the image, channel by channel side by side.

Shapes have no run axis here: x (N, H, W, C), y and where (N, H', W', C), all contiguous. Sizes are
passed as N, H, W, C, H', W', window, stride. A position is how many pixels it lies behind the
window's first.
"""

from typing import Any

import numpy as np

from steepest.engine.native_chain import Entry

Array = np.ndarray

POOLING_SOURCE = """
void max_pool(char **p, const int64_t *n) {
  const REAL *x = (const REAL *)p[0];
  REAL *y = (REAL *)p[1];
  uint8_t *where = (uint8_t *)p[2];
  const int64_t W = n[2], C = n[3], window = n[6], stride = n[7];
  for (int64_t b = 0; b < n[0]; b++, x += n[1] * W * C)
    for (int64_t i = 0; i < n[4]; i++)
      for (int64_t j = 0; j < n[5]; j++, y += C, where += C) {
        const REAL *first = x + (i * stride * W + j * stride) * C;
        memcpy(y, first, C * sizeof(REAL));
        memset(where, 0, C);
        for (int64_t k = 1; k < window * window; k++) {
          const int64_t behind = k / window * W + k % window;
          const REAL *seen = first + behind * C;
          #pragma GCC ivdep
          for (int64_t c = 0; c < C; c++) {
            where[c] = seen[c] > y[c] ? (uint8_t)behind : where[c];
            y[c] = (y[c] > seen[c] || y[c] != y[c]) ? y[c] : seen[c];
          }
        }
      }
}
void max_pool_grad(char **p, const int64_t *n) {
  const int64_t W = n[2], C = n[3], window = n[6], stride = n[7];
  REAL *dx = (REAL *)p[2];
  if (stride != window || n[1] != n[4] * window || W != n[5] * window)
    memset(dx, 0, n[0] * n[1] * W * C * sizeof(REAL));
  for (int64_t k = 0; k < window * window; k++) {
    const int64_t behind = k / window * W + k % window;
    const REAL *g = (const REAL *)p[0];
    const uint8_t *where = (const uint8_t *)p[1];
    for (int64_t b = 0; b < n[0]; b++)
      for (int64_t i = 0; i < n[4]; i++)
        for (int64_t j = 0; j < n[5]; j++, g += C, where += C) {
          REAL *to = dx + ((b * n[1] + i * stride) * W + j * stride + behind) * C;
          if (stride < window) {
            #pragma GCC ivdep
            for (int64_t c = 0; c < C; c++) to[c] += where[c] == behind ? g[c] : 0;
          } else {
            #pragma GCC ivdep
            for (int64_t c = 0; c < C; c++) to[c] = where[c] == behind ? g[c] : 0;
          }
        }
  }
}
"""


def _is_covered(*arrays: Array) -> bool:
    """Tell whether the C text knows these arrays; positions in wide images are no bytes."""
    return all(a.flags.c_contiguous for a in arrays) and any(a.dtype == np.uint8 for a in arrays)


def lower_max_pool(
    args: list[Array], outs: list[Array], attributes: dict[str, Any]
) -> list[Entry] | None:
    """Return the entry of max-pooling with the position of each maximum."""
    window, stride = attributes["window"], attributes["stride"]
    x, y, where = args[0], *outs
    if not _is_covered(x, y, where):
        return None
    return [Entry("max_pool", (x, y, where), (*x.shape, *y.shape[1:3], window, stride))]


def lower_max_pool_grad(
    args: list[Array], outs: list[Array], attributes: dict[str, Any]
) -> list[Entry] | None:
    """Return the entry that sends each gradient to the position of its maximum."""
    window, stride = attributes["window"], attributes["stride"]
    g, where, dx = *args, outs[0]
    if not _is_covered(g, where, dx):
        return None
    return [Entry("max_pool_grad", (g, where, dx), (*dx.shape, *g.shape[1:3], window, stride))]
