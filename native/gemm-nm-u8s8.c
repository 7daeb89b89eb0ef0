// Products of u8 rows and N:M sparse s8 panels, summed in i32: the activations of a quad of kept values are gathered by one byte shuffle.
#include "engine-kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

// 12 rows x 32 columns are 24 registers of sums.
enum { ROWS = 12 };


// The window of a quad, in every lane that the shuffle sees.
static inline __attribute__((always_inline)) __m512i window_of(const int BYTES, const uint8_t *p) {
  if (BYTES == 16) return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)p));
  int64_t eight;
  __builtin_memcpy(&eight, p, 8);
  return _mm512_set1_epi64(eight);
}

// R rows, W vectors of 16 columns, BYTES a window and BITS a position: all constants where this is inlined.
static inline __attribute__((always_inline)) void tile(const int R, const int W, const int BYTES, const int BITS, const engine_nm_tile *nm, int row) {
  const engine_tile *t = &nm->tile;
  const intptr_t rs = t->row_stride, rs3 = 3 * rs, step = 64 * (intptr_t)W;
  const uint8_t *from = t->a + row * rs, *b = t->b;
  const int32_t *start = (const int32_t *)t->start + row * t->start_stride;
  int32_t *c = (int32_t *)t->c + row * t->c_stride;
  const __m512i mask = _mm512_set1_epi8(BITS == 2 ? 3 : 15), offsets = _mm512_set1_epi32((int32_t)nm->offsets);
  // Few rows are few chains of sums: two of them take turns, a quad each.
  const int U = R < 4 ? 2 : 1;
  __m512i s[ROWS][2], more[3][2];
#pragma GCC unroll 12
  for (int i = 0; i < R; i++)
#pragma GCC unroll 2
    for (int j = 0; j < W; j++) s[i][j] = t->start ? _mm512_loadu_si512(start + i * t->start_stride + 16 * j) : _mm512_setzero_si512();
#pragma GCC unroll 3
  for (int i = 0; i < 3; i++) more[i][0] = more[i][1] = _mm512_setzero_si512();
  for (int32_t segment = t->segments; segment > 0; segment--, from += t->segment_stride) {
    // Three pointers reach 12 rows through scaled strides.
    const uint8_t *p0 = from, *p4 = from + 4 * rs, *p8 = p4 + 4 * rs;
    for (int32_t left = t->quads; left > 0;) {
      __m512i i0 = _mm512_loadu_si512(b), i1 = W > 1 ? _mm512_loadu_si512(b + 64) : i0;
      // What lies in memory is fetched ahead; behind the end of B nothing is read.
#pragma GCC unroll 10
      for (int k = 0; k < (1 + 8 / BITS) * W; k++) _mm_prefetch((const char *)b + (U > 1 ? 4096 : 8192) + 64 * k, _MM_HINT_T0);
      b += step;
      int32_t fields = left < 8 / BITS ? left : 8 / BITS;
      left -= fields;
      for (; U > 1 && fields >= 2; fields -= 2, b += 2 * step, p0 += 2 * BYTES) {
#pragma GCC unroll 2
        for (int u = 0; u < 2; u++) {
          const __m512i c0 = _mm512_ternarylogic_epi32(u ? _mm512_srli_epi32(i0, BITS) : i0, mask, offsets, 0xEA), b0 = _mm512_loadu_si512(b + u * step);
          const __m512i c1 = W > 1 ? _mm512_ternarylogic_epi32(u ? _mm512_srli_epi32(i1, BITS) : i1, mask, offsets, 0xEA) : c0, b1 = W > 1 ? _mm512_loadu_si512(b + u * step + 64) : b0;
#pragma GCC unroll 3
          for (int i = 0; i < R; i++) {
            const __m512i x = window_of(BYTES, p0 + i * rs + u * BYTES);
            __m512i *to = u == 0 ? s[i] : more[i];
            to[0] = _mm512_dpbusd_epi32(to[0], _mm512_shuffle_epi8(x, c0), b0);
            if (W > 1) to[1] = _mm512_dpbusd_epi32(to[1], _mm512_shuffle_epi8(x, c1), b1);
          }
        }
        i0 = _mm512_srli_epi32(i0, 2 * BITS);
        i1 = _mm512_srli_epi32(i1, 2 * BITS);
      }
      for (; fields > 0; fields--, b += step, p0 += BYTES, p4 += BYTES, p8 += BYTES) {
        const __m512i c0 = _mm512_ternarylogic_epi32(i0, mask, offsets, 0xEA), b0 = _mm512_loadu_si512(b);
        const __m512i c1 = W > 1 ? _mm512_ternarylogic_epi32(i1, mask, offsets, 0xEA) : c0, b1 = W > 1 ? _mm512_loadu_si512(b + 64) : b0;
        i0 = _mm512_srli_epi32(i0, BITS);
        i1 = _mm512_srli_epi32(i1, BITS);
#pragma GCC unroll 12
        for (int i = 0; i < R; i++) {
          const __m512i x = window_of(BYTES, (i < 4 ? p0 : i < 8 ? p4 : p8) + (i % 4 == 3 ? rs3 : (i % 4) * rs));
          s[i][0] = _mm512_dpbusd_epi32(s[i][0], _mm512_shuffle_epi8(x, c0), b0);
          if (W > 1) s[i][1] = _mm512_dpbusd_epi32(s[i][1], _mm512_shuffle_epi8(x, c1), b1);
        }
      }
    }
  }
#pragma GCC unroll 3
  for (int i = 0; U > 1 && i < R; i++)
#pragma GCC unroll 2
    for (int j = 0; j < W; j++) s[i][j] = _mm512_add_epi32(s[i][j], more[i][j]);
#pragma GCC unroll 12
  for (int i = 0; i < R; i++)
#pragma GCC unroll 2
    for (int j = 0; j < W; j++) _mm512_storeu_si512(c + i * t->c_stride + 16 * j, s[i][j]);
}

// Rows in tiles as high as there are, 14 in two of 7: what a tile costs beside its rows is that of 2 or 3 rows more. Gives the rows done.
static inline __attribute__((always_inline)) int part(const int W, const int BYTES, const int BITS, const engine_nm_tile *t, int row, int left) {
#define ROWS_OF(R) if (left >= R && (left != 14 || R < 8)) { tile(R, W, BYTES, BITS, t, row); return R; }
  ROWS_OF(12) ROWS_OF(8) ROWS_OF(7) ROWS_OF(6) ROWS_OF(4) ROWS_OF(3) ROWS_OF(2) ROWS_OF(1)
#undef ROWS_OF
  return 0;
}

#define FORM(NAME, BYTES, BITS)                                                                                                      \
  static void NAME(const engine_nm_tile *t) {                                                                                        \
    for (int row = 0; row < t->tile.rows;)                                                                                           \
      row += t->tile.columns == 32 ? part(2, BYTES, BITS, t, row, t->tile.rows - row) : part(1, BYTES, BITS, t, row, t->tile.rows - row); \
  }

FORM(bytes8_bits2, 8, 2)
FORM(bytes16_bits2, 16, 2)
FORM(bytes8_bits4, 8, 4)
FORM(bytes16_bits4, 16, 4)

void engine_gemm_nm_u8s8(const engine_nm_tile *t) {
  if (t->index_bits == 2)
    (t->window == 8 ? bytes8_bits2 : bytes16_bits2)(t);
  else
    (t->window == 8 ? bytes8_bits4 : bytes16_bits4)(t);
}
#endif
