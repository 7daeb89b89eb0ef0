// y[i] = x[i] in another float type, to nearest and ties to even.
// Roofline: n reads and n writes: memory.
// target sm_75: nothing newer is needed, and newer devices run it as it is.
#include "common.cuh"

constexpr int THREADS = 256, PACK = 4;

template <typename T> struct alignas(PACK * sizeof(T)) Packed { T at[PACK]; };

template <typename TIn, typename TOut> device void run(const TIn *restrict x_global_read, TOut *restrict y_global_write, u32 n)
{
    u32 first = block_x() * THREADS + thread_x(), stride = blocks_x() * THREADS, packs = n / PACK;
    for (u32 p = first; p < packs; p += stride)
    {
        Packed<TIn> x = ((const Packed<TIn> *)x_global_read)[p];
        Packed<TOut> y;
#pragma unroll
        for (int k = 0; k < PACK; k++) y.at[k] = narrow<TOut>(widen(x.at[k]));
        ((Packed<TOut> *)y_global_write)[p] = y;
    }
    for (u32 i = packs * PACK + first; i < n; i += stride) y_global_write[i] = narrow<TOut>(widen(x_global_read[i]));
}

#define CAST(name, TIn, TOut) \
    entry bounds(THREADS, 1) void cast_##name(const TIn *x_global_read, TOut *y_global_write, u32 n) { run(x_global_read, y_global_write, n); }

CAST(f32_f16, float, f16)
CAST(f16_f32, f16, float)
CAST(f32_bf16, float, bf16)
CAST(bf16_f32, bf16, float)
