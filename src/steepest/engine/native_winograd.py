"""Compiled 3×3 convolution and its gradients by Winograd's minimal filtering F(2×2, 3×3).

A tile of 4×4 pixels gives 2×2 results with 16 products a pair of channels where the definition has
36 (Winograd 1980; Lavin & Gray 2016, section 4.1):

    y = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A        dw = Gᵀ [ (A g Aᵀ) ⊙ (Bᵀ x B) ] G   (summed over tiles)

and x's gradient is the convolution of g with the turned weights. Over channels the 16 products are
16 matrix products. Chunks of tiles stay in cache; the last axis is the one that vectors run along.
Fewer products are also fewer roundings: errors in float32 are no larger than those of ATen.

Names: x (N, H, W, C), y and g (N, P, Q, O), w (3, 3, C, O); u holds G w Gᵀ packed for the
product, du its gradient (16, C, O). Sizes are passed as N, H, W, C, P, Q, O, padding, tiles.
"""

from steepest.engine.native_product import product_source

_SIZES = """
#define PAD 16 /* of the planes, which would fall on the same lines of the cache otherwise */
#define SIZES const int64_t N = n[0], H = n[1], W = n[2], C = n[3], P = n[4], Q = n[5], O = n[6], \\
  pad = n[7], T = n[8], across = (Q + 1) / 2, each = (P + 1) / 2 * across, total = N * each, \\
  vs = T * C + PAD, ms = T * O + PAD;
#define TILE const int64_t b = (first + t) / each, at = (first + t) % each, \\
  i = at / across * 2, j = at % across * 2;
"""

_WEIGHTS = """
void winograd_weights(char **p, const int64_t *n) {
  const REAL *w = (const REAL *)p[0], half = (REAL)0.5;
  REAL *u = (REAL *)p[1];
  const int64_t C = n[0], O = n[1], turned = n[2], K = turned ? O : C, M = turned ? C : O;
  for (int64_t m = 0; m < M; m += NR)
    for (int64_t k = 0; k < K; k++) {
      REAL a[9][NR], t[4][3][NR];
      for (int64_t q = 0; q < 9; q++)
        for (int64_t l = 0; l < NR; l++)
          a[q][l] = turned ? w[((8 - q) * C + m + l) * O + k] : w[(q * C + k) * O + m + l];
      for (int64_t j = 0; j < 3; j++)
        for (int64_t l = 0; l < NR; l++) {
          REAL s = (a[j][l] + a[6 + j][l]) * half, h = a[3 + j][l] * half;
          t[0][j][l] = a[j][l];
          t[1][j][l] = s + h;
          t[2][j][l] = s - h;
          t[3][j][l] = a[6 + j][l];
        }
      for (int64_t i = 0; i < 4; i++) {
        REAL *out = u + (4 * i * M + m) * K + k * NR;
        for (int64_t l = 0; l < NR; l++) {
          REAL s = (t[i][0][l] + t[i][2][l]) * half, h = t[i][1][l] * half;
          out[l] = t[i][0][l];
          out[M * K + l] = s + h;
          out[2 * M * K + l] = s - h;
          out[3 * M * K + l] = t[i][2][l];
        }
      }
    }
}
void winograd_fold(char **p, const int64_t *n) {
  const int64_t pieces = n[0], size = n[1];
  const REAL *du = (const REAL *)p[0], half = (REAL)0.5;
  REAL *dw = (REAL *)p[1];
  for (int64_t c = 0; c < size; c += L) {
    vec a[16], t[3][4];
    for (int64_t k = 0; k < 16; k++) {
      a[k] = *(const vec *)(du + k * size + c);
      for (int64_t q = 1; q < pieces; q++) a[k] += *(const vec *)(du + (q * 16 + k) * size + c);
    }
    for (int64_t j = 0; j < 4; j++) {
      vec b = a[4 + j] * half, e = a[8 + j] * half;
      t[0][j] = a[j] + b + e;
      t[1][j] = b - e;
      t[2][j] = b + e + a[12 + j];
    }
    for (int64_t i = 0; i < 3; i++) {
      vec b = t[i][1] * half, e = t[i][2] * half;
      *(vec *)(dw + 3 * i * size + c) = t[i][0] + b + e;
      *(vec *)(dw + (3 * i + 1) * size + c) = b - e;
      *(vec *)(dw + (3 * i + 2) * size + c) = b + e + t[i][3];
    }
  }
}
"""

_TILES = """
static void pixels(const REAL *x, int64_t H, int64_t W, int64_t C, int64_t i, int64_t j, int side,
                   const REAL *zero, const REAL **out) {
  for (int a = 0; a < side; a++)
    for (int b = 0; b < side; b++) {
      const int64_t r = i + a, s = j + b;
      out[a * side + b] = r >= 0 && r < H && s >= 0 && s < W ? x + (r * W + s) * C : zero;
    }
}
static void spread_input(const REAL **d, REAL *v, int64_t C, int64_t step) {
  for (int64_t c = 0; c < C; c += L) {
    vec t[4][4];
    for (int64_t j = 0; j < 4; j++) {
      const vec a = *(const vec *)(d[j] + c), b = *(const vec *)(d[4 + j] + c);
      const vec e = *(const vec *)(d[8 + j] + c), f = *(const vec *)(d[12 + j] + c);
      t[0][j] = a - e;
      t[1][j] = b + e;
      t[2][j] = e - b;
      t[3][j] = b - f;
    }
    for (int64_t i = 0; i < 4; i++) {
      REAL *out = v + 4 * i * step + c;
      *(vec *)out = t[i][0] - t[i][2];
      *(vec *)(out + step) = t[i][1] + t[i][2];
      *(vec *)(out + 2 * step) = t[i][2] - t[i][1];
      *(vec *)(out + 3 * step) = t[i][1] - t[i][3];
    }
  }
}
static void spread_back(const REAL **g, REAL *h, int64_t O, int64_t step) {
  for (int64_t c = 0; c < O; c += L) {
    vec t[4][2];
    for (int64_t j = 0; j < 2; j++) {
      const vec a = *(const vec *)(g[j] + c), b = *(const vec *)(g[2 + j] + c);
      t[0][j] = a;
      t[1][j] = a + b;
      t[2][j] = a - b;
      t[3][j] = -b;
    }
    for (int64_t i = 0; i < 4; i++) {
      REAL *out = h + 4 * i * step + c;
      *(vec *)out = t[i][0];
      *(vec *)(out + step) = t[i][0] + t[i][1];
      *(vec *)(out + 2 * step) = t[i][0] - t[i][1];
      *(vec *)(out + 3 * step) = -t[i][1];
    }
  }
}
static void collect(const REAL *m, REAL **y, const REAL *bias, int64_t O, int64_t step) {
  for (int64_t c = 0; c < O; c += L) {
    vec t[2][4];
    for (int64_t j = 0; j < 4; j++) {
      const REAL *in = m + j * step + c;
      const vec a = *(const vec *)in, b = *(const vec *)(in + 4 * step);
      const vec e = *(const vec *)(in + 8 * step), f = *(const vec *)(in + 12 * step);
      t[0][j] = a + b + e;
      t[1][j] = b - e - f;
    }
    const vec shift = bias ? *(const vec *)(bias + c) : (vec){0};
    for (int64_t i = 0; i < 2; i++) {
      *(vec *)(y[2 * i] + c) = t[i][0] + t[i][1] + t[i][2] + shift;
      *(vec *)(y[2 * i + 1] + c) = t[i][1] - t[i][2] - t[i][3] + shift;
    }
  }
}
"""

_PASSES = """
void winograd_conv(char **p, const int64_t *n) {
  SIZES
  const REAL *x = (const REAL *)p[0], *u = (const REAL *)p[1], *bias = (const REAL *)p[2];
  REAL *y = (REAL *)p[3], *zero = (REAL *)p[4], *dump = zero + C, *v = dump + O, *m = v + 16 * vs;
  memset(zero, 0, C * sizeof(REAL));
  for (int64_t first = 0; first < total; first += T) {
    const int64_t count = T < total - first ? T : total - first;
    for (int64_t t = 0; t < count; t++) {
      TILE
      const REAL *in[16];
      pixels(x + b * H * W * C, H, W, C, i - pad, j - pad, 4, zero, in);
      spread_input(in, v + t * C, C, vs);
    }
    for (int64_t k = 0; k < 16; k++)
      for (int64_t o = 0; o < O; o += NR)
        product(count, v + k * vs, C, 1, u + (k * O + o) * C, NR, C, m + k * ms + o, O, 0);
    for (int64_t t = 0; t < count; t++) {
      TILE
      REAL *out[4];
      for (int64_t q = 0; q < 4; q++) {
        const int64_t r = i + q / 2, s = j + q % 2;
        out[q] = r < P && s < Q ? y + ((b * P + r) * Q + s) * O : dump;
      }
      collect(m + t * O, out, bias, O, ms);
    }
  }
}
void winograd_grad(char **p, const int64_t *n) {
  SIZES
  const REAL *x = (const REAL *)p[0], *g = (const REAL *)p[1];
  REAL *du = (REAL *)p[2], *zero = (REAL *)p[3], *v = zero + C + O, *h = v + 16 * vs;
  memset(zero, 0, (C + O) * sizeof(REAL));
  for (int64_t first = 0; first < total; first += T) {
    const int64_t count = T < total - first ? T : total - first;
    for (int64_t t = 0; t < count; t++) {
      TILE
      const REAL *in[16];
      pixels(x + b * H * W * C, H, W, C, i - pad, j - pad, 4, zero, in);
      spread_input(in, v + t * C, C, vs);
      pixels(g + b * P * Q * O, P, Q, O, i, j, 2, zero, in);
      spread_back(in, h + t * O, O, ms);
    }
    for (int64_t k = 0; k < 16; k++)
      for (int64_t o = 0; o < O; o += NR)
        product(C, v + k * vs, 1, C, h + k * ms + o, O, count, du + k * C * O + o, O, first > 0);
  }
}
"""


def winograd_source(real: str) -> str:
    """Return the C text for "float" or "double"."""
    return product_source(real) + _SIZES + _WEIGHTS + _TILES + _PASSES


def scratch_size(channels: int, tiles: int) -> int:
    """Return how many reals a pass needs beside its operands; `channels` is C + O."""
    return channels * (1 + 16 * tiles) + 2 * 16 * 16
