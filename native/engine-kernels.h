// Kernels for instructions that .NET has no intrinsics for. The structures are those of src/Engine.Kernels: a change of any raises the ABI.
#ifndef ENGINE_KERNELS_H
#define ENGINE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define ENGINE_KERNELS_ABI 1

#if defined(_WIN32)
#define ENGINE_EXPORT __declspec(dllexport)
#else
#define ENGINE_EXPORT __attribute__((visibility("default")))
#endif

#define ENGINE_INLINE static inline __attribute__((always_inline))

// One kernel: its stem and tier, its function, and whether this CPU and system run it.
typedef struct {
  const char *stem, *tier;
  void (*run)(void);
  int32_t supported;
} engine_kernel;

ENGINE_EXPORT int32_t engine_kernels_abi(void);
ENGINE_EXPORT const engine_kernel *engine_kernels(int32_t *count);

// GemmU8S8.Tile: c[i, j] = start[i, j] + sum over segments and k of a[i, k] * b[k, j]; strides of A in bytes, of start and C in elements.
typedef struct {
  const uint8_t *a;
  intptr_t row_stride, segment_stride;
  const int8_t *b;
  const int32_t *start;
  intptr_t start_stride;
  int32_t *c;
  intptr_t c_stride;
  int32_t rows, columns, segments, quads;
} engine_tile_u8s8;

void engine_gemm_u8s8(const engine_tile_u8s8 *t);

#endif
