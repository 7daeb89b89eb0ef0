// Products of signs: vpopcntq counts what differs in eight words at a time; three rows of a panel's 64 columns are 24 registers of counts.
#include "engine-kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { PANEL = 64, VECTORS = PANEL / 8, ROWS = 3 };

static inline __attribute__((always_inline)) void block(const int R, const engine_binary_tile *t, int row, int panel) {
  const uint64_t *b = (const uint64_t *)t->b + (intptr_t)panel * t->segments * t->words * PANEL;
  __m512i s[ROWS][VECTORS];
#pragma GCC unroll 3
  for (int i = 0; i < R; i++)
#pragma GCC unroll 8
    for (int j = 0; j < VECTORS; j++) s[i][j] = _mm512_setzero_si512();
  for (int32_t segment = 0; segment < t->segments; segment++) {
    const uint8_t *p0 = t->rows[row].a + t->offsets[segment], *p1 = t->rows[row + (R > 1)].a + t->offsets[segment], *p2 = t->rows[row + (R > 2 ? 2 : 0)].a + t->offsets[segment];
    for (int32_t w = t->words; w > 0; w--, b += PANEL, p0 += 8, p1 += 8, p2 += 8) {
      int64_t word[ROWS];
      __builtin_memcpy(word, p0, 8);
      if (R > 1) __builtin_memcpy(word + 1, p1, 8);
      if (R > 2) __builtin_memcpy(word + 2, p2, 8);
      __m512i x[ROWS];
#pragma GCC unroll 3
      for (int i = 0; i < R; i++) x[i] = _mm512_set1_epi64(word[i]);
#pragma GCC unroll 8
      for (int j = 0; j < VECTORS; j++) {
        const __m512i y = _mm512_loadu_si512(b + 8 * j);
#pragma GCC unroll 3
        for (int i = 0; i < R; i++) s[i][j] = _mm512_add_epi64(s[i][j], _mm512_popcnt_epi64(_mm512_xor_si512(x[i], y)));
      }
    }
  }
#pragma GCC unroll 3
  for (int i = 0; i < R; i++) {
    const int32_t *base = t->rows[row + i].base + t->column + panel * PANEL;
    int32_t *c = t->c + (row + i) * t->c_stride + panel * PANEL;
#pragma GCC unroll 8
    for (int j = 0; j < VECTORS; j++) {
      const __m256i n = _mm512_cvtepi64_epi32(_mm512_slli_epi64(s[i][j], 1));
      _mm256_storeu_si256((__m256i *)(c + 8 * j), _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *)(base + 8 * j)), n));
    }
  }
}

void engine_gemm_binary(const engine_binary_tile *t) {
  for (int panel = 0; panel < t->panels; panel++) {
    int row = 0;
    for (; row <= t->row_count - 3; row += 3) block(3, t, row, panel);
    if (row <= t->row_count - 2) block(2, t, row, panel), row += 2;
    if (row < t->row_count) block(1, t, row, panel);
  }
}
#endif
