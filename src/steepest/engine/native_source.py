"""The fixed part of the compiled kernels, for one real type.

`steepest_run` replays a list of (kernel, pointers, sizes); `steepest_share` has the threads of an
OpenMP team do a list whose entries do not touch each other. The order of additions is NumPy's
pairwise one, so results are the same bits.
"""

from steepest.engine.native import FLUSH
from steepest.engine.native_pooling import POOLING_SOURCE

TYPES = {"float32": "float", "float64": "double"}

_DRIVER = """
typedef void (*kernel)(char **, const int64_t *);
void steepest_run(const uint64_t *entry, int64_t count) {
  for (int64_t i = 0; i < count; i++, entry += 3)
    ((kernel)entry[0])((char **)entry[1], (const int64_t *)entry[2]);
}
static int holders, before, busy;
/* Holds BLAS to one thread while any of ours is inside: the limit is the whole process's. */
static void hold(int (*get)(void), void (*set)(int), int more) {
  while (__atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE)) {}
  if (more > 0 && holders++ == 0) {
    before = get();
    set(1);
  }
  if (more < 0 && --holders == 0) set(before);
  __atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
}
void steepest_run_alone(const uint64_t *entry, int64_t count, int (*get)(void), void (*set)(int)) {
  hold(get, set, 1);
  steepest_run(entry, count);
  hold(get, set, -1);
}
typedef struct { const uint64_t *entry; int64_t count, next; } team;
static void member(void *p) {
  team *t = (team *)p;
  steepest_flush(); /* as the thread that began does: it changes bits */
  for (;;) {
    const int64_t i = __atomic_fetch_add(&t->next, 1, __ATOMIC_RELAXED);
    if (i >= t->count) return;
    steepest_run(t->entry + 3 * i, 1);
  }
}
void steepest_share(const uint64_t *entry, int64_t count,
                    void (*parallel)(void (*)(void *), void *, unsigned, unsigned),
                    int (*get)(void), void (*set)(int)) {
  team t = {entry, count, 0};
  if (set) hold(get, set, 1);
  if (parallel) parallel(member, &t, 0, 0);
  else steepest_run(entry, count);
  if (set) hold(get, set, -1);
}
"""

_MEMORY = """
void copy_rows(char **p, const int64_t *n) {
  for (int64_t i = 0; i < n[0]; i++) memcpy(p[0] + i * n[2], p[1] + i * n[3], n[1]);
}
static int64_t clip(int64_t i, int64_t n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }
void gather_rows(char **p, const int64_t *n) {
  const int64_t *index = (const int64_t *)p[1];
  for (int64_t i = 0; i < n[0]; i++)
    memcpy(p[2] + i * n[1], p[0] + clip(index[i], n[2]) * n[1], n[1]);
}
void gather_bytes(char **p, const int64_t *n) {
  const int64_t *index = (const int64_t *)p[1];
  REAL *out = (REAL *)p[2], scale = *(REAL *)p[3];
  for (int64_t i = 0; i < n[0]; i++, out += n[1]) {
    const uint8_t *row = (const uint8_t *)p[0] + clip(index[i], n[2]) * n[1];
    #pragma GCC ivdep
    for (int64_t j = 0; j < n[1]; j++) out[j] = (REAL)row[j] * scale;
  }
}
void gather_reals(char **p, const int64_t *n) {
  const int64_t *index = (const int64_t *)p[1];
  REAL *out = (REAL *)p[2], scale = *(REAL *)p[3];
  for (int64_t i = 0; i < n[0]; i++, out += n[1]) {
    const REAL *row = (const REAL *)p[0] + clip(index[i], n[2]) * n[1];
    #pragma GCC ivdep
    for (int64_t j = 0; j < n[1]; j++) out[j] = row[j] * scale;
  }
}
"""

_REDUCTION = """
static REAL pairwise(const REAL *a, int64_t n) {
  if (n < 8) {
    REAL s = -(REAL)0;
    for (int64_t i = 0; i < n; i++) s += a[i];
    return s;
  }
  if (n <= 128) {
    REAL r[8], s;
    int64_t i;
    for (i = 0; i < 8; i++) r[i] = a[i];
    for (i = 8; i < n - n % 8; i += 8)
      for (int64_t j = 0; j < 8; j++) r[j] += a[i + j];
    s = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; i < n; i++) s += a[i];
    return s;
  }
  int64_t half = n / 2;
  half -= half % 8;
  return pairwise(a, half) + pairwise(a + half, n - half);
}
void sum_rows(char **p, const int64_t *n) {
  const REAL *x = (const REAL *)p[0];
  REAL *out = (REAL *)p[1];
  for (int64_t i = 0; i < n[0]; i++) out[i] = pairwise(x + i * n[1], n[1]);
}
void argmax_rows(char **p, const int64_t *n) {
  const REAL *x = (const REAL *)p[0];
  int64_t *out = (int64_t *)p[1];
  for (int64_t i = 0; i < n[0]; i++, x += n[1]) {
    int64_t at = 0;
    for (int64_t j = 1; j < n[1] && x[at] == x[at]; j++)
      if (!(x[j] <= x[at])) at = j;
    out[i] = at;
  }
}
"""

_ENTROPY = """
void entropy_shift(char **p, const int64_t *n) {
  const REAL *x = (const REAL *)p[0], *factor = (const REAL *)p[4];
  const int64_t *label = (const int64_t *)p[1], rows = n[0], k = n[1];
  REAL *loss = (REAL *)p[2], *y = (REAL *)p[3];
  for (int64_t i = 0; i < rows; i++, x += k, y += k) {
    REAL top = x[0];
    for (int64_t j = 1; j < k; j++) top = (top > x[j] || top != top) ? top : x[j];
    for (int64_t j = 0; j < k; j++) y[j] = x[j] - top;
  }
  y = (REAL *)p[3];
  for (int64_t i = 0; i < rows; i++) loss[i] = y[clip(i * k + label[i], rows * k)];
  if (n[2])
    for (int64_t i = 0; i < rows; i++)
      loss[i] = loss[i] * factor[0] + pairwise(y + i * k, k) * factor[1];
}
void entropy_divide(char **p, const int64_t *n) {
  REAL *y = (REAL *)p[0], *total = (REAL *)p[1];
  for (int64_t i = 0; i < n[0]; i++, y += n[1]) {
    REAL s = pairwise(y, n[1]);
    for (int64_t j = 0; j < n[1]; j++) y[j] = y[j] / s;
    total[i] = s;
  }
}
void entropy_loss(char **p, const int64_t *n) {
  const REAL *total = (const REAL *)p[0];
  REAL *loss = (REAL *)p[1];
  for (int64_t i = 0; i < n[0]; i++) loss[i] = total[i] - loss[i];
}
void entropy_grad(char **p, const int64_t *n) {
  const REAL *g = (const REAL *)p[0], *y = (const REAL *)p[1], *factor = (const REAL *)p[4];
  const int64_t *label = (const int64_t *)p[2], rows = n[0], k = n[1], step = n[3];
  REAL *out = (REAL *)p[3];
  if (n[2]) for (int64_t i = 0; i < rows * k; i++) out[i] = y[i] - factor[1];
  else memmove(out, y, rows * k * sizeof(REAL));
  for (int64_t i = 0; i < rows; i++) out[clip(i * k + label[i], rows * k)] -= factor[0];
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < k; j++) out[i * k + j] *= g[i * step];
}
"""

_PRODUCT = """
#define BLAS(name, INT) \\
typedef void (*gemm_call_##name)(int, int, int, INT, INT, INT, REAL, const REAL *, INT, \\
                                 const REAL *, INT, REAL, REAL *, INT); \\
typedef void (*gemv_call_##name)(int, int, INT, INT, REAL, const REAL *, INT, \\
                                 const REAL *, INT, REAL, REAL *, INT); \\
void gemm_##name(char **p, const int64_t *n) { \\
  ((gemm_call_##name)p[3])(101, n[0], n[1], n[2], n[3], n[4], 1, (const REAL *)p[0], n[5], \\
                           (const REAL *)p[1], n[6], 0, (REAL *)p[2], n[7]); \\
} \\
void gemv_##name(char **p, const int64_t *n) { \\
  ((gemv_call_##name)p[3])(n[0], 112, n[1], n[2], 1, (const REAL *)p[1], n[3], \\
                           (const REAL *)p[0], 1, 0, (REAL *)p[2], 1); \\
}
BLAS(64, int64_t)
BLAS(32, int32_t)
void ufunc_loop(char **p, const int64_t *n) {
  typedef void (*loop)(char **, const intptr_t *, const intptr_t *, void *);
  char *both[2] = {p[0], p[1]};
  intptr_t count = n[0], steps[2] = {sizeof(REAL), sizeof(REAL)};
  ((loop)p[2])(both, &count, steps, p[3]);
}
void outer(char **p, const int64_t *n) {
  const REAL *a = (const REAL *)p[0], *b = (const REAL *)p[1];
  REAL *out = (REAL *)p[2];
  for (int64_t i = 0; i < n[0]; i++, out += n[1]) {
    REAL x = a[i];
    #pragma GCC ivdep
    for (int64_t j = 0; j < n[1]; j++) out[j] = x * b[j];
  }
}
void rank_one(char **p, const int64_t *n) {
  const REAL *old = (const REAL *)p[0], *x = (const REAL *)p[1], *d = (const REAL *)p[2];
  REAL scale = *(const REAL *)p[3], *out = (REAL *)p[4];
  for (int64_t i = 0; i < n[0]; i++, old += n[1], out += n[1]) {
    REAL a = x[i];
    if (a == 0 && old == out) continue;
    #pragma GCC ivdep
    for (int64_t j = 0; j < n[1]; j++) out[j] = old[j] - scale * (a * d[j]);
  }
}
"""

_MASK = """
void dropout_mask(char **p, const int64_t *n) {
  const uint32_t *base = (const uint32_t *)p[0], *key = (const uint32_t *)p[1];
  REAL *out = (REAL *)p[2], scale = *(const REAL *)p[3];
  uint32_t first = key[0], second = key[1];
  int32_t threshold = (int32_t)n[1];
  #pragma GCC ivdep
  for (int64_t i = 0; i < n[0]; i++) {
    uint32_t x = base[i] ^ first;
    x *= 0x7FEB352Du;
    x ^= x >> 15;
    x += second;
    x *= 0x846CA68Bu;
    out[i] = (int32_t)x < threshold ? scale : 0;
  }
}
"""


def fixed_source(real: str) -> str:
    """Return the C text of driver and array kernels for "float32" or "float64"."""
    head = f"#define REAL {TYPES[real]}\n"
    return (
        head + FLUSH + _DRIVER + _MEMORY + _REDUCTION + _ENTROPY + _PRODUCT + _MASK + POOLING_SOURCE
    )
