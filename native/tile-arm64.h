// The loops of a product of panels on 128 bits: 4 rows x 16 columns are 16 registers of sums. A stem defines, before it includes this:
//   TILE      the name of its function
//   SUM       the type of four sums
//   LOAD(p), STORE(p, s), ZERO
//   DOT(s, a, b)  the sums s with the products of four bytes a lane added; a and b are uint8x16_t
#include <arm_neon.h>

enum { ROWS = 4, VECTORS = 4 };

// R rows from `row` and 16 columns from `column`, in a panel that begins with `panel` and is `width` columns wide.
static inline __attribute__((always_inline)) void tile(const int R, const engine_tile *t, int row, int panel, int width, int column) {
  const uint8_t *from = t->a + row * t->row_stride, *b = t->b + 4 * (intptr_t)panel * t->segments * t->quads + 4 * (column - panel);
  const int32_t *start = (const int32_t *)t->start + row * t->start_stride + column;
  int32_t *c = (int32_t *)t->c + row * t->c_stride + column;
  SUM s[ROWS][VECTORS];
#pragma GCC unroll 4
  for (int i = 0; i < R; i++)
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++) s[i][j] = t->start ? LOAD(start + i * t->start_stride + 4 * j) : ZERO;
  for (int32_t segment = t->segments; segment > 0; segment--, from += t->segment_stride) {
    const uint8_t *p = from;
    for (int32_t q = t->quads; q > 0; q--, b += 4 * (intptr_t)width, p += 4) {
      const uint8x16_t b0 = vld1q_u8(b), b1 = vld1q_u8(b + 16), b2 = vld1q_u8(b + 32), b3 = vld1q_u8(b + 48);
#pragma GCC unroll 4
      for (int i = 0; i < R; i++) {
        uint32_t quad;
        __builtin_memcpy(&quad, p + i * t->row_stride, 4);
        const uint8x16_t x = vreinterpretq_u8_u32(vdupq_n_u32(quad));
        s[i][0] = DOT(s[i][0], x, b0);
        s[i][1] = DOT(s[i][1], x, b1);
        s[i][2] = DOT(s[i][2], x, b2);
        s[i][3] = DOT(s[i][3], x, b3);
      }
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < R; i++)
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++) STORE(c + i * t->c_stride + 4 * j, s[i][j]);
}

void TILE(const engine_tile *t) {
  for (int column = 0; column < t->columns; column += 4 * VECTORS) {
    const int panel = column / 32 * 32, width = t->columns - panel > 16 ? 32 : 16;
    int row = 0;
    for (; row <= t->rows - 4; row += 4) tile(4, t, row, panel, width, column);
    for (; row <= t->rows - 2; row += 2) tile(2, t, row, panel, width, column);
    if (row < t->rows) tile(1, t, row, panel, width, column);
  }
}
