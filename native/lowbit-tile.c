// Products of rows of s8 and panels of codes up to 255 a byte, a scale a block: y = fma(v, w * x, y) for the sum v of every block, as all tiers do.
#include "engine-kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { ROWS = 6, COLUMNS = 32 };
enum kind { PLAIN, ZEROS, MINIMA };

static inline __attribute__((always_inline)) __m512i quad_of(const int8_t *p) {
  int32_t quad;
  __builtin_memcpy(&quad, p, 4);
  return _mm512_set1_epi32(quad);
}

// R rows of a tile; R and K are constants where this is inlined. Twelve sums, as many results, and what feeds them fill the registers.
static inline __attribute__((always_inline)) void tile(const int R, const enum kind K, const engine_lowbit_tile *t, int first) {
  const intptr_t index = first / ROWS, pitch = t->pitch;
  const int8_t *x = t->x + index * t->codes_stride;
  const float *xs = t->x_scales + index * t->scales_stride, *scales = t->scales, *offsets = t->offsets;
  const int32_t *sums = t->x_sums + index * t->scales_stride;
  const uint8_t *w = t->codes, *next = t->next + 64 * index * t->blocks * t->lines;
  float *to = t->y + first * t->stride;
  __m512 y[ROWS][2];
#pragma GCC unroll 6
  for (int i = 0; i < R; i++)
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) y[i][j] = t->accumulate ? _mm512_loadu_ps(to + i * t->stride + 16 * j) : _mm512_setzero_ps();
  for (int32_t b = t->blocks; b > 0; b--, scales += COLUMNS, offsets += COLUMNS, xs += pitch, sums += pitch) {
    for (int32_t i = t->lines; i > 0; i--, next += 64) _mm_prefetch((const char *)next, _MM_HINT_T1);
    __m512i s[ROWS][2];
#pragma GCC unroll 6
    for (int i = 0; i < R; i++) s[i][0] = s[i][1] = K == PLAIN ? _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_set1_epi32(sums[i])) : _mm512_setzero_si512();
    for (int32_t q = t->quads; q > 0; q -= 4)
#pragma GCC unroll 4
      for (int u = 0; u < 4; u++, w += 4 * COLUMNS, x += 4 * pitch) {
        const __m512i w0 = _mm512_loadu_si512(w), w1 = _mm512_loadu_si512(w + 64);
#pragma GCC unroll 6
        for (int i = 0; i < R; i++) {
          const __m512i v = quad_of(x + 4 * i);
          s[i][0] = _mm512_dpbusd_epi32(s[i][0], w0, v);
          s[i][1] = _mm512_dpbusd_epi32(s[i][1], w1, v);
        }
      }
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) {
      const __m512 scale = _mm512_loadu_ps(scales + 16 * j), offset = K == PLAIN ? scale : _mm512_loadu_ps(offsets + 16 * j);
#pragma GCC unroll 6
      for (int i = 0; i < R; i++) {
        __m512 v = _mm512_cvtepi32_ps(s[i][j]);
        if (K == ZEROS) v = _mm512_fmadd_ps(offset, _mm512_set1_ps(-(float)sums[i]), v);
        y[i][j] = _mm512_fmadd_ps(v, _mm512_mul_ps(scale, _mm512_set1_ps(xs[i])), y[i][j]);
        if (K == MINIMA) y[i][j] = _mm512_fmadd_ps(offset, _mm512_set1_ps(xs[i] * (float)sums[i]), y[i][j]);
      }
    }
  }
#pragma GCC unroll 6
  for (int i = 0; i < R; i++)
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) _mm512_storeu_ps(to + i * t->stride + 16 * j, y[i][j]);
}

static inline __attribute__((always_inline)) void rows(const enum kind K, const engine_lowbit_tile *t) {
  for (int first = 0; first < t->rows; first += ROWS)
    switch (t->rows - first) {
      case 1: tile(1, K, t, first); break;
      case 2: tile(2, K, t, first); break;
      case 3: tile(3, K, t, first); break;
      case 4: tile(4, K, t, first); break;
      case 5: tile(5, K, t, first); break;
      default: tile(6, K, t, first); break;
    }
}

void engine_lowbit(const engine_lowbit_tile *t) {
  if (t->has_zeros) rows(ZEROS, t);
  else if (t->has_minima) rows(MINIMA, t);
  else rows(PLAIN, t);
}
#endif
