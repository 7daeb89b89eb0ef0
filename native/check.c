// Compares the kernels with their definition on random shapes: for processors that no test of the repository runs on, as under an emulator.
//   aarch64-linux-gnu-gcc -O2 -static -fno-strict-aliasing -march=armv8.2-a+dotprod+i8mm+bf16 -o check check.c gemm-*.c lowbit-*.c limits.c engine-kernels.c && qemu-aarch64 -cpu max ./check
#include "engine-kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 20, COLUMNS = 96, SEGMENTS = 3, QUADS = 12, STRIDE = 4 * QUADS + 8, PITCH = COLUMNS + 4 };

static uint8_t a[ROWS * STRIDE + SEGMENTS * STRIDE], b[SEGMENTS * QUADS * COLUMNS * 4];
static int32_t start[ROWS * PITCH], c[ROWS * PITCH];

static double widened(const uint8_t *p) {
  const uint32_t bits = (uint32_t)(p[0] | p[1] << 8) << 16;
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

static double magnitude(double x) { return x < 0 ? -x : x; }

// bf16 of magnitude 1/2 to 4.
static void fill_bf16(uint8_t *p, size_t count) {
  for (size_t i = 0; i + 1 < count; i += 2) {
    p[i] = (uint8_t)rand();
    p[i + 1] = (uint8_t)(0x3f + rand() % 2 + 128 * (rand() % 2));
  }
}

static int wrong(const engine_tile *t, int bf16) {
  int count = 0;
  for (int i = 0; i < t->rows; i++)
    for (int j = 0; j < t->columns; j++) {
      const intptr_t at = i * t->start_stride + j;
      const int panel = j / 32 * 32, width = t->columns - panel > 16 ? 32 : 16;
      uint32_t sum = t->start && !bf16 ? (uint32_t)start[at] : 0;
      double exact = t->start && bf16 ? ((float *)start)[at] : 0, size = magnitude(exact);
      for (int s = 0; s < t->segments; s++)
        for (int q = 0; q < t->quads; q++) {
          const uint8_t *x = a + i * t->row_stride + s * t->segment_stride + 4 * q, *w = b + (panel * t->segments * t->quads + (s * t->quads + q) * width + j - panel) * 4;
          for (int e = 0; e < 4; e++) sum += (uint32_t)(x[e] * (int8_t)w[e]);
          for (int e = 0; e < 4; e += 2) {
            exact += widened(x + e) * widened(w + e);
            size += magnitude(widened(x + e) * widened(w + e));
          }
        }
      const int32_t *to = c + i * t->c_stride + j;
      count += bf16 ? !(magnitude(*(const float *)to - exact) <= 1e-5 * size) : (uint32_t)*to != sum;
    }
  return count;
}

// N of M kept: bytes that a quad reads, bits of a position, and what is added to the positions of its four values.
static const struct { int of, window, bits; uint32_t offsets; } forms[] = {{4, 16, 2, 0x0c080400}, {4, 8, 2, 0x04040000}, {8, 16, 4, 0x08080000}, {8, 8, 4, 0}, {16, 16, 4, 0}, {2, 8, 2, 0x06040200}};

// Records of 8 / bits quads of a segment: positions, then values.
static int sparse_wrong(void (*run)(const engine_nm_tile *)) {
  static uint8_t x[ROWS * 16 * QUADS * SEGMENTS + 64], w[SEGMENTS * QUADS * 2 * 32 * 4];
  const int form = rand() % 6, window = forms[form].window, bits = forms[form].bits, fields = 8 / bits, quads = rand() % QUADS, segments = 1 + rand() % SEGMENTS, columns = 16 * (1 + rand() % 2), from = rand() % 3;
  const intptr_t between = window * quads, stride = between * segments, pitch = columns + rand() % 4;
  const engine_nm_tile t = {{x, stride, between, w, from ? start : NULL, from == 1 ? 0 : pitch, c, pitch, 1 + rand() % ROWS, columns, segments, quads}, forms[form].offsets, window, bits};
  for (size_t i = 0; i < sizeof x; i++) x[i] = (uint8_t)rand();
  for (size_t i = 0; i < sizeof w; i++) w[i] = (uint8_t)rand();
  for (size_t i = 0; i < ROWS * PITCH; i++) start[i] = rand();
  const int step = 4 * columns, bytes = (quads + (quads + fields - 1) / fields) * step;
  for (int s = 0; s < segments; s++)
    for (int q = 0; q < quads; q += fields)
      for (int i = 0; i < step; i++) {
        uint8_t *p = w + s * bytes + (q / fields * (fields + 1)) * step + i;
        *p = 0;
        for (int f = 0; f < fields; f++) *p = (uint8_t)(*p | rand() % forms[form].of << f * bits);
      }
  run(&t);
  int count = 0;
  for (int i = 0; i < t.tile.rows; i++)
    for (int j = 0; j < columns; j++) {
      uint32_t sum = from ? (uint32_t)start[i * t.tile.start_stride + j] : 0;
      for (int s = 0; s < segments; s++)
        for (int q = 0; q < quads; q++)
          for (int e = 0; e < 4; e++) {
            const uint8_t *record = w + s * bytes + q / fields * (fields + 1) * step + 4 * j + e;
            const int position = (*record >> q % fields * bits & ((1 << bits) - 1)) + (int)(forms[form].offsets >> 8 * e & 255);
            sum += (uint32_t)(x[i * stride + s * between + q * window + position] * (int8_t)record[(1 + q % fields) * step]);
          }
      count += (uint32_t)c[i * pitch + j] != sum;
    }
  return count;
}

// Rows of words that begin anywhere; segments lie where windows of a convolution have them, apart from each other or one upon the other.
static int binary_wrong(void (*run)(const engine_binary_tile *)) {
  enum { PANEL = 64, PANELS = 3, WORDS = 4 };
  static uint8_t x[8 * ROWS * SEGMENTS * WORDS];
  static uint64_t w[PANELS * SEGMENTS * WORDS * PANEL];
  static int32_t bases[2 * (PANELS + 1) * PANEL], sums[ROWS * (PANELS * PANEL + 3)];
  engine_binary_row rows[ROWS];
  intptr_t offsets[SEGMENTS];
  const int words = 1 + rand() % WORDS;
  const engine_binary_tile t = {rows, offsets, (const uint8_t *)w, sums, PANELS * PANEL + rand() % 4, rand() % ROWS, 1 + rand() % PANELS, 1 + rand() % SEGMENTS, words, PANEL * (rand() % 2)};
  for (size_t i = 0; i < sizeof x; i++) x[i] = (uint8_t)rand();
  for (size_t i = 0; i < sizeof w; i++) ((uint8_t *)w)[i] = (uint8_t)rand();
  for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) bases[i] = rand() % 10000;
  for (int s = 0; s < SEGMENTS; s++) offsets[s] = rand() % (8 * (SEGMENTS - 1) * WORDS);
  for (int i = 0; i < ROWS; i++) rows[i] = (engine_binary_row){x + rand() % (8 * (ROWS - 1) * WORDS), bases + rand() % 2 * (PANELS + 1) * PANEL};
  run(&t);
  int count = 0;
  for (int i = 0; i < t.row_count; i++)
    for (int j = 0; j < t.panels * PANEL; j++) {
      int32_t sum = rows[i].base[t.column + j];
      for (int s = 0; s < t.segments; s++)
        for (int v = 0; v < words; v++) {
          uint64_t word;
          memcpy(&word, rows[i].a + offsets[s] + 8 * v, 8);
          for (word ^= w[((j / PANEL * t.segments + s) * words + v) * PANEL + j % PANEL]; word; word &= word - 1) sum -= 2;
        }
      count += sums[i * t.c_stride + j] != sum;
    }
  return count;
}

int main(void) {
  int32_t n;
  int bad = 0;
  const engine_kernel *k = engine_kernels(&n);
  for (int i = 0; i < n; i++) printf("%s %s: %s\n", k[i].stem, k[i].tier, k[i].supported ? "runs" : "not on this processor");
  for (int trial = 0; trial < 1000; trial++) {
    const int from = rand() % 3, columns = 16 * (1 + rand() % 6), pitch = columns + rand() % 4, quads = rand() % QUADS, bf16 = rand() % 2;
    const engine_tile t = {a, 4 * quads + 2 * (rand() % 4), 4 * quads + 2 * (rand() % 4), b, from ? start : NULL, from == 1 ? 0 : pitch, c, pitch, 1 + rand() % ROWS, columns, 1 + rand() % SEGMENTS, quads};
    if (!k[bf16].supported) continue;
    for (size_t i = 0; i < sizeof a; i++) a[i] = (uint8_t)rand();
    for (size_t i = 0; i < sizeof b; i++) b[i] = (uint8_t)rand();
    for (size_t i = 0; i < ROWS * PITCH; i++) start[i] = rand();
    if (bf16) {
      fill_bf16(a, sizeof a);
      fill_bf16(b, sizeof b);
      for (size_t i = 0; i < ROWS * PITCH; i++) ((float *)start)[i] = (float)(rand() % 100) / 9;
    }
    (bf16 ? engine_gemm_bf16 : engine_gemm_u8s8)(&t);
    bad += wrong(&t, bf16);
  }
  for (int i = 0; i < n; i++)
    for (int trial = 0; trial < 1000 && k[i].supported && !strcmp(k[i].stem, "gemm-nm-u8s8"); trial++) bad += sparse_wrong((void (*)(const engine_nm_tile *))k[i].run);
  // Binary convolutions are the same kernel, each window's taps as segments.
  for (int i = 0; i < n; i++)
    for (int trial = 0; trial < 1000 && k[i].supported && !strcmp(k[i].stem, "gemm-binary"); trial++) bad += binary_wrong((void (*)(const engine_binary_tile *))k[i].run);
  printf("%d sums differ\n", bad);
  return bad != 0;
}
