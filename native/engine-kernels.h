// Kernels for instructions that .NET has no intrinsics for. The structures are those of src/Engine.Kernels: a change of any raises the ABI.
#ifndef ENGINE_KERNELS_H
#define ENGINE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define ENGINE_KERNELS_ABI 3

#if defined(_WIN32)
#define ENGINE_EXPORT __declspec(dllexport)
#else
#define ENGINE_EXPORT __attribute__((visibility("default")))
#endif

// One kernel: its stem and tier, its function, and whether this CPU and system run it.
typedef struct {
  const char *stem, *tier;
  void (*run)(void);
  int32_t supported;
} engine_kernel;

ENGINE_EXPORT int32_t engine_kernels_abi(void);
ENGINE_EXPORT const engine_kernel *engine_kernels(int32_t *count);

// GemmU8S8.Tile and GemmBf16.Tile: c[i, j] = start[i, j] + sum over segments and k of a[i, k] * b[k, j] for panels of 32 columns, the last of
// 16 or 32. Four bytes of k are taken at a time: four of u8 and s8, summed in i32, or two of bf16, summed in f32. B is its panels one after the
// other, each [segments * quads, its columns, 4 bytes]; strides of A are bytes, those of start and C elements; start is null for zeros.
typedef struct {
  const uint8_t *a;
  intptr_t row_stride, segment_stride;
  const uint8_t *b;
  const void *start;
  intptr_t start_stride;
  void *c;
  intptr_t c_stride;
  int32_t rows, columns, segments, quads;
} engine_tile;

// LowBitTile.Tile: y[i, r] (+)= sum over blocks and k of w[r, k] * x[i, k] for 32 rows r of a weight. Codes are [blocks * quads, 32, 4], scales and
// offsets of the weight [blocks, 32]. Rows of x lie in tiles of six, codes_stride bytes and scales_stride elements apart: codes [blocks * quads, pitch,
// 4], scales and sums [blocks, pitch]. With every block of a tile `lines` cache lines from `next` on are fetched to the second-level cache.
typedef struct {
  const uint8_t *codes;
  const float *scales, *offsets;
  const int8_t *x;
  const float *x_scales;
  const int32_t *x_sums;
  float *y;
  intptr_t stride, codes_stride, scales_stride;
  const uint8_t *next;
  int32_t quads, blocks, rows, pitch, lines;
  uint8_t has_zeros, has_minima, accumulate;
} engine_lowbit_tile;

void engine_lowbit(const engine_lowbit_tile *t);

// LowBitGemv: y[r] = sum over k of w[r, k] * x[k] for a packed panel of 32 rows, codes of 2 or 4 bits, as LowBitLayout describes it: blocks of 4 or 8
// quads; scales 0 of rows behind the panel, 1 f16 and 2 f32 before each group. x has a scale and a sum a block.
typedef struct {
  const uint8_t *panel;
  const int8_t *x;
  const float *x_scales;
  const int32_t *x_sums;
  float *y;
  int32_t blocks, group_blocks, bits, quads, scales;
} engine_lowbit_gemv;

void engine_lowbit_row(const engine_lowbit_gemv *t);

// GemmNmU8S8.Tile: the same with N:M sparse columns. B is records: positions [columns, 4 bytes], then up to 8 / index_bits quads of kept values
// [columns, 4 bytes]; a quad's values meet bytes of window bytes of A, each at its position plus its byte of offsets.
typedef struct {
  engine_tile tile;
  uint32_t offsets;
  int32_t window, index_bits;
} engine_nm_tile;

// GemmBinary.Tile: c[i, j] = rows[i].base[column + j] - 2 * the bits that differ between row i of A and column j, for the 64 columns of each panel.
// B is [segments * words, 64 columns] u64 a panel; a segment of a row begins offsets[s] bytes from the row.
typedef struct {
  const uint8_t *a;
  const int32_t *base;
} engine_binary_row;

typedef struct {
  const engine_binary_row *rows;
  const intptr_t *offsets;
  const uint8_t *b;
  int32_t *c;
  intptr_t c_stride;
  int32_t row_count, panels, segments, words, column;
} engine_binary_tile;

void engine_gemm_binary(const engine_binary_tile *t);
// SpmmU8S8.Tile: c[j, i] += sum of the quads of column j, from starts[j] to before starts[j + 1], times the quads of a at their places: a is [places, 64
// rows, 4 bytes], c [columns, 64 rows]. Rows behind those that count may be computed.
typedef struct {
  const uint8_t *a;
  const int8_t *quads;
  const uint8_t *places;
  const int32_t *starts;
  int32_t *c;
  int32_t rows, columns;
} engine_spmm_tile;

void engine_spmm_u8s8(const engine_spmm_tile *t);
void engine_gemm_u8s8(const engine_tile *t);
void engine_gemm_nm_u8s8(const engine_nm_tile *t);
void engine_gemm_bf16(const engine_tile *t);

// Loops of engine-bench: so many turns over the bytes of data, 64 bytes of results to the sink.
void engine_limit_dot8(const uint8_t *data, int64_t bytes, int64_t times, uint8_t *sink);
void engine_limit_bf16(const uint8_t *data, int64_t bytes, int64_t times, uint8_t *sink);
void engine_limit_popcount(const uint8_t *data, int64_t bytes, int64_t times, uint8_t *sink);

#endif
