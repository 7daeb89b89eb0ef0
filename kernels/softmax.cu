// y[o, k, i] = e^(x[o, k, i] - m) / sum over k, or its logarithm; m is the largest of the row. A block takes a row at a time.
// Roofline: rows of up to 1,024 elements are read and written once (kept in registers between the passes); longer ones are read three times, mostly from L2.
// target sm_75: nothing newer is needed, and newer devices run it as it is.
#include "math.cuh"

constexpr int THREADS = 128, KEPT = 8;

// The elements of one row that this thread sees, kept where the row is short.
template <typename T, bool IN_REGISTERS> struct Row
{
    const T *x_row;
    u32 extent, inner;
    float kept[IN_REGISTERS ? KEPT : 1];

    template <typename F> member void each(F f)
    {
        if constexpr (IN_REGISTERS)
        {
#pragma unroll
            for (int j = 0; j < KEPT; j++)
                if (u32 k = j * THREADS + thread_x(); k < extent) f(k, kept[j]);
        }
        else
            for (u32 k = thread_x(); k < extent; k += THREADS) f(k, widen(x_row[(u64)k * inner]));
    }

    member void load()
    {
        if constexpr (IN_REGISTERS)
        {
#pragma unroll
            for (int j = 0; j < KEPT; j++)
                if (u32 k = j * THREADS + thread_x(); k < extent) kept[j] = widen(x_row[(u64)k * inner]);
        }
    }
};

template <typename T, bool IN_REGISTERS> device void row(const T *x_row, T *y_row, u32 extent, u32 inner, u32 logarithmic, float *largest_shared, float *sum_shared)
{
    Row<T, IN_REGISTERS> x;
    x.x_row = x_row;
    x.extent = extent;
    x.inner = inner;
    x.load();

    // ---- phase 1: the largest ----
    float m = -__builtin_inff();
    x.each([&](u32, float v) { m = larger(m, v); });
    m = over_block<Largest, THREADS>(m, largest_shared);

    // ---- phase 2: the sum ----
    float sum = 0.0f;
    x.each([&](u32, float v) { sum += exponential(v - m); });
    sum = over_block<Sum, THREADS>(sum, sum_shared);

    // ---- phase 3: results ----
    float scale = logarithmic ? logarithm(sum) : 1.0f / sum;
    x.each([&](u32 k, float v) { y_row[(u64)k * inner] = narrow<T>(logarithmic ? v - m - scale : exponential(v - m) * scale); });
}

template <typename T> device void run(const T *restrict x_global_read, T *restrict y_global_write, u32 rows, u32 extent, u32 inner, u32 logarithmic)
{
    shared float largest_shared[THREADS / WARP], sum_shared[THREADS / WARP];
    for (u32 r = block_x(); r < rows; r += blocks_x())
    {
        u32 o = r / inner;
        u64 at = (u64)o * extent * inner + (r - o * inner);
        if (extent <= KEPT * THREADS) row<T, true>(x_global_read + at, y_global_write + at, extent, inner, logarithmic, largest_shared, sum_shared);
        else row<T, false>(x_global_read + at, y_global_write + at, extent, inner, logarithmic, largest_shared, sum_shared);
        // The next row overwrites the partial results.
        barrier();
    }
}

#define SOFTMAX(name, T) \
    entry bounds(THREADS, 1) void softmax_##name(const T *x_global_read, T *y_global_write, u32 rows, u32 extent, u32 inner, u32 logarithmic) { run(x_global_read, y_global_write, rows, extent, inner, logarithmic); }

SOFTMAX(f32, float)
SOFTMAX(f16, f16)
SOFTMAX(bf16, bf16)
