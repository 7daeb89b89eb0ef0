// One row of s8 and a packed panel of codes of 2 or 4 bits: y = fma(v, w * x, y) for the sum v of every block, as all tiers do. Fields are not shifted
// but multiplied where they lie in their bytes; their sums are shifted, once a block.
#include "engine-kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { AHEAD = 4096 };
enum scales { ROW, F16, F32 };

static inline __attribute__((always_inline)) __m512i quad_of(const int8_t *p) {
  int32_t quad;
  __builtin_memcpy(&quad, p, 4);
  return _mm512_set1_epi32(quad);
}

static inline __attribute__((always_inline)) __m512 scale_of(const enum scales S, const uint8_t *group, int half) {
  return S == F16 ? _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(group + 32 * half))) : _mm512_loadu_ps((const float *)group + 16 * half);
}

// BITS a code, VECTORS a block for each 16 rows and where scales lie: constants where this is inlined.
static inline __attribute__((always_inline)) void panel(const int BITS, const int VECTORS, const enum scales S, const engine_lowbit_gemv *t) {
  const int FIELDS = 8 / BITS;
  const uint8_t *p = t->panel;
  const int8_t *x = t->x;
  const float *xs = t->x_scales;
  const int32_t *sums = t->x_sums;
  __m512 y[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()}, w[2] = {y[0], y[0]};
  for (int32_t left = t->blocks; left > 0;) {
    int32_t n = left < t->group_blocks ? left : t->group_blocks;
    left -= n;
    if (S != ROW) {
      for (int i = 0; i < (S == F16 ? 1 : 2); i++) _mm_prefetch((const char *)p + 64 * i + AHEAD, _MM_HINT_T0);
      for (int h = 0; h < 2; h++) w[h] = scale_of(S, p, h);
      p += S == F16 ? 64 : 128;
    }
    for (; n > 0; n--, p += 128 * VECTORS, x += 4 * VECTORS * FIELDS, xs++, sums++) {
      __m512i s[4][2];
#pragma GCC unroll 4
      for (int f = 0; f < FIELDS; f++) s[f][0] = s[f][1] = _mm512_setzero_si512();
#pragma GCC unroll 4
      for (int v = 0; v < VECTORS; v++)
#pragma GCC unroll 2
        for (int h = 0; h < 2; h++) {
          const uint8_t *at = p + 64 * (2 * v + h);
          const __m512i codes = _mm512_loadu_si512(at);
          _mm_prefetch((const char *)at + AHEAD, _MM_HINT_T0);
#pragma GCC unroll 4
          for (int f = 0; f < FIELDS; f++) {
            const __m512i field = _mm512_and_si512(codes, _mm512_set1_epi8((char)(((1 << BITS) - 1) << f * BITS)));
            s[f][h] = _mm512_dpbusd_epi32(s[f][h], field, quad_of(x + 4 * (v * FIELDS + f)));
          }
        }
#pragma GCC unroll 2
      for (int h = 0; h < 2; h++) {
        __m512i sum = _mm512_sub_epi32(s[0][h], _mm512_set1_epi32(*sums));
#pragma GCC unroll 3
        for (int f = 1; f < FIELDS; f++) sum = _mm512_add_epi32(sum, _mm512_srai_epi32(s[f][h], f * BITS));
        const __m512 scale = _mm512_set1_ps(*xs);
        y[h] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), S == ROW ? scale : _mm512_mul_ps(w[h], scale), y[h]);
      }
    }
  }
  for (int h = 0; h < 2; h++) _mm512_storeu_ps(t->y + 16 * h, S == ROW ? _mm512_mul_ps(y[h], _mm512_loadu_ps((const float *)p + 16 * h)) : y[h]);
}

static inline __attribute__((always_inline)) void blocks(const enum scales S, const engine_lowbit_gemv *t) {
  if (t->bits == 2 && t->quads == 8) panel(2, 2, S, t);
  else if (t->bits == 2) panel(2, 1, S, t);
  else if (t->quads == 8) panel(4, 4, S, t);
  else panel(4, 2, S, t);
}

void engine_lowbit_row(const engine_lowbit_gemv *t) {
  if (t->scales == F16) blocks(F16, t);
  else if (t->scales == F32) blocks(F32, t);
  else blocks(ROW, t);
}
#endif
