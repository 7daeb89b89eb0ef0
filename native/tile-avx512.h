// The loops of a product of panels: 14 rows x 32 columns are 28 registers of sums. A stem defines, before it includes this:
//   TILE      the name of its function
//   DOT(s, a, b)  the sums s with the products of four bytes a lane added, all three __m512i
#include <immintrin.h>

enum { ROWS = 14 };

// R rows and W vectors of 16 columns; both are constants where this is inlined, and so are all loops over them.
static inline __attribute__((always_inline)) void tile(const int R, const int W, const engine_tile *t, int row) {
  const intptr_t rs = t->row_stride, rs3 = 3 * rs, step = 64 * (intptr_t)W;
  const uint8_t *from = t->a + row * rs, *b = t->b;
  const int32_t *start = (const int32_t *)t->start + row * t->start_stride;
  int32_t *c = (int32_t *)t->c + row * t->c_stride;
  __m512i s[ROWS][2];
#pragma GCC unroll 14
  for (int i = 0; i < R; i++)
#pragma GCC unroll 2
    for (int j = 0; j < W; j++) s[i][j] = t->start ? _mm512_loadu_si512(start + i * t->start_stride + 16 * j) : _mm512_setzero_si512();
  for (int32_t segment = t->segments; segment > 0; segment--, from += t->segment_stride) {
    // Four pointers reach 14 rows through scaled strides.
    const uint8_t *p0 = from, *p4 = from + 4 * rs, *p8 = p4 + 4 * rs, *p12 = p8 + 4 * rs;
    for (int32_t q = t->quads; q > 0; q--, b += step, p0 += 4, p4 += 4, p8 += 4, p12 += 4) {
      const __m512i b0 = _mm512_loadu_si512(b), b1 = W > 1 ? _mm512_loadu_si512(b + 64) : b0;
#pragma GCC unroll 14
      for (int i = 0; i < R; i++) {
        const uint8_t *p = (i < 4 ? p0 : i < 8 ? p4 : i < 12 ? p8 : p12) + (i % 4 == 3 ? rs3 : (i % 4) * rs);
        int32_t quad;
        __builtin_memcpy(&quad, p, 4);
        const __m512i x = _mm512_set1_epi32(quad);
        s[i][0] = DOT(s[i][0], x, b0);
        if (W > 1) s[i][1] = DOT(s[i][1], x, b1);
      }
    }
  }
#pragma GCC unroll 14
  for (int i = 0; i < R; i++)
#pragma GCC unroll 2
    for (int j = 0; j < W; j++) _mm512_storeu_si512(c + i * t->c_stride + 16 * j, s[i][j]);
}

#define CASE(R) case R: if (t->columns == 32) tile(R, 2, t, row); else tile(R, 1, t, row); break;

void TILE(const engine_tile *t) {
  for (int row = 0; row < t->rows; row += ROWS) {
    const int rows = t->rows - row;
    switch (rows < ROWS ? rows : ROWS) {
      CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
    }
  }
}
