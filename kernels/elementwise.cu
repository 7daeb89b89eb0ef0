// y[i] = steps(x[i]): every elementwise operator, and chains of them, in one pass over memory.
// Roofline: n reads, n writes and the operands' reads, with fewer than some 40 instructions an element: memory.
// target sm_75: nothing newer is needed, and newer devices run it as it is.
#include "steps.cuh"

constexpr int THREADS = 256, PACK = 4;

template <typename T> struct alignas(PACK * sizeof(T)) Packed { T at[PACK]; };

// Packs of four neighbours, single elements behind the last whole one.
template <typename T> device void run(const T *restrict x_global_read, T *restrict y_global_write, u32 n, const Steps &steps)
{
    u32 first = block_x() * THREADS + thread_x(), stride = blocks_x() * THREADS, packs = n / PACK;
    for (u32 p = first; p < packs; p += stride)
    {
        Packed<T> pack = ((const Packed<T> *)x_global_read)[p];
        float x[PACK];
#pragma unroll
        for (int k = 0; k < PACK; k++) x[k] = widen(pack.at[k]);
        apply<T>(steps, x, p * PACK);
#pragma unroll
        for (int k = 0; k < PACK; k++) pack.at[k] = narrow<T>(x[k]);
        ((Packed<T> *)y_global_write)[p] = pack;
    }
    for (u32 i = packs * PACK + first; i < n; i += stride)
    {
        float x[1] = {widen(x_global_read[i])};
        apply<T>(steps, x, i);
        y_global_write[i] = narrow<T>(x[0]);
    }
}

#define ELEMENTWISE(name, T) \
    entry bounds(THREADS, 1) void elementwise_##name(const T *x_global_read, T *y_global_write, u32 n, Steps steps) { run(x_global_read, y_global_write, n, steps); }

ELEMENTWISE(f32, float)
ELEMENTWISE(f16, f16)
ELEMENTWISE(bf16, bf16)
