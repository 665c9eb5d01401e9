"""Compiled convolution of images with few channels, and the gradient of its weights.

A line of the window sees h C neighbouring numbers of an image with a border, so a line of results
is a sum of w products of strided views: nothing is unfolded. Names: x (N, H, W, C), w (h, w, C, O),
y and g (N, P, Q, O). Sizes are passed as N, H, W, C, P, Q, O, h, w, stride, padding.
"""

from steepest.engine.native_product import product_source

_SOURCE = """
#define SIZES const int64_t N = n[0], H = n[1], W = n[2], C = n[3], P = n[4], Q = n[5], O = n[6], \\
  rows = n[7], columns = n[8], stride = n[9], pad = n[10], line = (W + 2 * pad) * C, \\
  inner = columns * C;
static void frame(const REAL *x, REAL *border, int64_t H, int64_t W, int64_t C, int64_t pad) {
  const int64_t line = (W + 2 * pad) * C;
  for (int64_t i = 0; i < H; i++)
    memcpy(border + (i + pad) * line + pad * C, x + i * W * C, W * C * sizeof(REAL));
}
void narrow_conv(char **p, const int64_t *n) {
  SIZES
  const REAL *x = (const REAL *)p[0], *w = (const REAL *)p[1], *bias = (const REAL *)p[2];
  REAL *y = (REAL *)p[3], *border = (REAL *)p[4];
  memset(border, 0, (H + 2 * pad) * line * sizeof(REAL));
  for (int64_t b = 0; b < N; b++, x += H * W * C) {
    frame(x, border, H, W, C, pad);
    for (int64_t i = 0; i < P; i++, y += Q * O) {
      if (bias)
        for (int64_t j = 0; j < Q; j++) memcpy(y + j * O, bias, O * sizeof(REAL));
      for (int64_t o = 0; o < O; o += NR)
        for (int64_t a = 0; a < rows; a++)
          product(Q, border + (i * stride + a) * line, stride * C, 1, w + a * inner * O + o, O,
                  inner, y + o, O, bias || a);
    }
  }
}
void narrow_grad(char **p, const int64_t *n) {
  SIZES
  const REAL *x = (const REAL *)p[0], *g = (const REAL *)p[1];
  REAL *dw = (REAL *)p[2], *border = (REAL *)p[3];
  memset(border, 0, (H + 2 * pad) * line * sizeof(REAL));
  memset(dw, 0, rows * inner * O * sizeof(REAL));
  for (int64_t b = 0; b < N; b++, x += H * W * C) {
    frame(x, border, H, W, C, pad);
    for (int64_t i = 0; i < P; i++, g += Q * O)
      for (int64_t o = 0; o < O; o += NR)
        for (int64_t a = 0; a < rows; a++)
          product(inner, border + (i * stride + a) * line, 1, stride * C, g + o, O, Q,
                  dw + a * inner * O + o, O, 1);
  }
}
void narrow_fold(char **p, const int64_t *n) {
  const REAL *pieces = (const REAL *)p[0];
  REAL *dw = (REAL *)p[1];
  memcpy(dw, pieces, n[1] * sizeof(REAL));
  for (int64_t k = 1; k < n[0]; k++)
    for (int64_t c = 0; c < n[1]; c++) dw[c] += pieces[k * n[1] + c];
}
"""


def narrow_source(real: str) -> str:
    """Return the C text for "float" or "double"."""
    return product_source(real) + _SOURCE
