// The loops of a product of panels: 14 rows x 32 columns are 28 registers of sums. A stem defines, before it includes this:
//   TILE      the name of its function
//   DOT(s, a, b)  the sums s with the products of four bytes a lane added, all three __m512i
//   PLUS(s, t)    the sums of two
#include <immintrin.h>

enum { ROWS = 14 };

static inline __attribute__((always_inline)) __m512i quad_of(const uint8_t *p) {
  int32_t quad;
  __builtin_memcpy(&quad, p, 4);
  return _mm512_set1_epi32(quad);
}

// R rows from `row` and W vectors of 16 columns from `column`, where a panel begins; R and W are constants where this is inlined, and so are all loops over them.
static inline __attribute__((always_inline)) void tile(const int R, const int W, const engine_tile *t, int row, int column) {
  const intptr_t rs = t->row_stride, rs3 = 3 * rs, step = 64 * (intptr_t)W;
  const uint8_t *from = t->a + row * rs, *b = t->b + 4 * (intptr_t)column * t->segments * t->quads;
  const int32_t *start = (const int32_t *)t->start + row * t->start_stride + column;
  int32_t *c = (int32_t *)t->c + row * t->c_stride + column;
  // Few rows are few chains of sums: more of them take turns, a quad each.
  const int U = R == 1 ? 4 : R < 4 ? 2 : 1;
  __m512i s[ROWS][2], more[3][3][2];
#pragma GCC unroll 14
  for (int i = 0; i < R; i++)
#pragma GCC unroll 2
    for (int j = 0; j < W; j++) s[i][j] = t->start ? _mm512_loadu_si512(start + i * t->start_stride + 16 * j) : _mm512_setzero_si512();
#pragma GCC unroll 3
  for (int u = 0; u < U - 1; u++)
#pragma GCC unroll 3
    for (int i = 0; i < R; i++) more[u][i][0] = more[u][i][1] = _mm512_setzero_si512();
  for (int32_t segment = t->segments; segment > 0; segment--, from += t->segment_stride) {
    // Four pointers reach 14 rows through scaled strides.
    const uint8_t *p0 = from, *p4 = from + 4 * rs, *p8 = p4 + 4 * rs, *p12 = p8 + 4 * rs;
    int32_t q = t->quads;
    for (; U > 1 && q >= U; q -= U, b += U * step, p0 += 4 * U) {
      // What lies in memory is fetched ahead; behind the end of B nothing is read.
      _mm_prefetch((const char *)b + 4096, _MM_HINT_T0);
      _mm_prefetch((const char *)b + 4096 + 64 * U, _MM_HINT_T0);
#pragma GCC unroll 4
      for (int u = 0; u < U; u++) {
        const __m512i b0 = _mm512_loadu_si512(b + u * step), b1 = W > 1 ? _mm512_loadu_si512(b + u * step + 64) : b0;
#pragma GCC unroll 3
        for (int i = 0; i < R; i++) {
          const __m512i x = quad_of(p0 + i * rs + 4 * u);
          __m512i *to = u == 0 ? s[i] : more[u - 1][i];
          to[0] = DOT(to[0], x, b0);
          if (W > 1) to[1] = DOT(to[1], x, b1);
        }
      }
    }
    p4 += p0 - from;
    p8 += p0 - from;
    p12 += p0 - from;
    for (; q > 0; q--, b += step, p0 += 4, p4 += 4, p8 += 4, p12 += 4) {
      const __m512i b0 = _mm512_loadu_si512(b), b1 = W > 1 ? _mm512_loadu_si512(b + 64) : b0;
      _mm_prefetch((const char *)b + 8192, _MM_HINT_T0);
      if (W > 1) _mm_prefetch((const char *)b + 8192 + 64, _MM_HINT_T0);
#pragma GCC unroll 14
      for (int i = 0; i < R; i++) {
        const uint8_t *p = (i < 4 ? p0 : i < 8 ? p4 : i < 12 ? p8 : p12) + (i % 4 == 3 ? rs3 : (i % 4) * rs);
        const __m512i x = quad_of(p);
        s[i][0] = DOT(s[i][0], x, b0);
        if (W > 1) s[i][1] = DOT(s[i][1], x, b1);
      }
    }
  }
#pragma GCC unroll 3
  for (int u = 0; u < U - 1; u++)
#pragma GCC unroll 3
    for (int i = 0; i < R; i++)
#pragma GCC unroll 2
      for (int j = 0; j < W; j++) s[i][j] = PLUS(s[i][j], more[u][i][j]);
#pragma GCC unroll 14
  for (int i = 0; i < R; i++)
#pragma GCC unroll 2
    for (int j = 0; j < W; j++) _mm512_storeu_si512(c + i * t->c_stride + 16 * j, s[i][j]);
}

#define CASE(R) case R: if (t->columns - column > 16) tile(R, 2, t, row, column); else tile(R, 1, t, row, column); break;

// Rows of A stay in the first-level cache while panels stream by in the order that they lie in.
void TILE(const engine_tile *t) {
  for (int row = 0, rows; row < t->rows; row += rows) {
    const int left = t->rows - row;
    // Two tiles of half the height pass a whole one and one of a few rows.
    rows = left <= ROWS ? left : left < 2 * ROWS ? (left + 1) / 2 : ROWS;
    for (int column = 0; column < t->columns; column += 32)
      switch (rows) {
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
      }
  }
}
