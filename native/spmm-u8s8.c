// Products of transposed u8 rows and s8 columns of which only quads that are not zero are stored: 16 rows are the lanes of a register, a quad of a column is one broadcast.
#include "engine-kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

// Rows and bytes of a quad's row of A.
enum { BLOCK_ROWS = 64, QUAD_BYTES = 4 * BLOCK_ROWS };

// V vectors of rows and U quads by turns, so that no sum waits for itself: constants where this is inlined.
static inline __attribute__((always_inline)) void columns(const int V, const int U, const engine_spmm_tile *t) {
  int32_t *c = t->c;
  for (int32_t j = 0; j < t->columns; j++, c += BLOCK_ROWS) {
    __m512i s[4][4];
#pragma GCC unroll 4
    for (int u = 0; u < U; u++)
#pragma GCC unroll 4
      for (int v = 0; v < V; v++) s[u][v] = u == 0 ? _mm512_loadu_si512(c + 16 * v) : _mm512_setzero_si512();
    intptr_t e = t->starts[j];
    const intptr_t end = t->starts[j + 1];
    for (; e + U <= end; e += U) {
#pragma GCC unroll 4
      for (int u = 0; u < U; u++) {
        const uint8_t *p = t->a + QUAD_BYTES * (intptr_t)t->places[e + u];
        int32_t quad;
        __builtin_memcpy(&quad, t->quads + 4 * (e + u), 4);
        const __m512i w = _mm512_set1_epi32(quad);
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) s[u][v] = _mm512_dpbusd_epi32(s[u][v], _mm512_loadu_si512(p + 64 * v), w);
      }
    }
    for (; e < end; e++) {
      const uint8_t *p = t->a + QUAD_BYTES * (intptr_t)t->places[e];
      int32_t quad;
      __builtin_memcpy(&quad, t->quads + 4 * e, 4);
      const __m512i w = _mm512_set1_epi32(quad);
#pragma GCC unroll 4
      for (int v = 0; v < V; v++) s[0][v] = _mm512_dpbusd_epi32(s[0][v], _mm512_loadu_si512(p + 64 * v), w);
    }
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) {
#pragma GCC unroll 4
      for (int u = 1; u < U; u++) s[0][v] = _mm512_add_epi32(s[0][v], s[u][v]);
      _mm512_storeu_si512(c + 16 * v, s[0][v]);
    }
  }
}

void engine_spmm_u8s8(const engine_spmm_tile *t) {
  if (t->rows > 48) columns(4, 2, t);
  else if (t->rows > 32) columns(3, 2, t);
  else if (t->rows > 16) columns(2, 4, t);
  else columns(1, 4, t);
}
#endif
