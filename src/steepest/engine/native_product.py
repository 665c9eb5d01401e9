"""Compiled products of small matrices that lie in cache, the inner loop of the convolutions in C.

`product` gives c = a b or c += a b, NR columns wide: six rows of two vectors stay in registers.
Rows of a lie `lda` apart and its terms `step`, so that any strided view of an image is a matrix.
"""

_VECTORS = """
#pragma GCC optimize ("fp-contract=fast")
#pragma STDC FP_CONTRACT ON
#if defined(__AVX512F__)
#define WIDE 64
#elif defined(__AVX__)
#define WIDE 32
#else
#define WIDE 16
#endif
typedef REAL vec __attribute__((vector_size(WIDE), aligned(sizeof(REAL)), may_alias));
#define L ((int64_t)(WIDE / sizeof(REAL)))
#define NR (2 * L)
int64_t product_width(void) { return NR; }
"""

_PRODUCT = """
#define KERNEL(R) \\
static inline void product_##R(const REAL *a, int64_t lda, int64_t step, const REAL *b, \\
                               int64_t ldb, int64_t K, REAL *c, int64_t ldc, int add) { \\
  vec s[R][2]; \\
  for (int i = 0; i < R; i++) \\
    for (int j = 0; j < 2; j++) s[i][j] = add ? *(vec *)(c + i * ldc + j * L) : (vec){0}; \\
  for (int64_t k = 0; k < K; k++, a += step, b += ldb) { \\
    const vec b0 = *(const vec *)b, b1 = *(const vec *)(b + L); \\
    for (int i = 0; i < R; i++) { \\
      const REAL x = a[i * lda]; \\
      s[i][0] += b0 * x; \\
      s[i][1] += b1 * x; \\
    } \\
  } \\
  for (int i = 0; i < R; i++) \\
    for (int j = 0; j < 2; j++) *(vec *)(c + i * ldc + j * L) = s[i][j]; \\
}
KERNEL(1) KERNEL(2) KERNEL(3) KERNEL(4) KERNEL(5) KERNEL(6)
static void product(int64_t rows, const REAL *a, int64_t lda, int64_t step, const REAL *b,
                    int64_t ldb, int64_t K, REAL *c, int64_t ldc, int add) {
  for (; rows >= 6; rows -= 6, a += 6 * lda, c += 6 * ldc)
    product_6(a, lda, step, b, ldb, K, c, ldc, add);
  if (rows == 1) product_1(a, lda, step, b, ldb, K, c, ldc, add);
  if (rows == 2) product_2(a, lda, step, b, ldb, K, c, ldc, add);
  if (rows == 3) product_3(a, lda, step, b, ldb, K, c, ldc, add);
  if (rows == 4) product_4(a, lda, step, b, ldb, K, c, ldc, add);
  if (rows == 5) product_5(a, lda, step, b, ldb, K, c, ldc, add);
}
"""


def product_source(real: str) -> str:
    """Return the C text for "float" or "double"."""
    return f"#define REAL {real}\n" + _VECTORS + _PRODUCT
