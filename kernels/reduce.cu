// y[o, i] = reduction over k of x[o, k, i]. A row (i = 0) belongs to a block, a column to a thread; the order of additions depends on the shape alone.
// Roofline: every element read once: memory.
// target sm_75: nothing newer is needed, and newer devices run it as it is.
#include "math.cuh"

constexpr int THREADS = 128;

enum ReduceOp : i32 { SUM, MEAN, LARGEST, SMALLEST, PRODUCT, SUM_OF_SQUARES, SUM_OF_MAGNITUDES, EUCLIDEAN_NORM };

device float reduce_start(i32 op) { return op == LARGEST ? -__builtin_inff() : op == SMALLEST ? __builtin_inff() : op == PRODUCT ? 1.0f : 0.0f; }

device float reduce_element(i32 op, float sum, float x)
{
    switch (op)
    {
        case LARGEST: return larger(sum, x);
        case SMALLEST: return smaller(sum, x);
        case PRODUCT: return sum * x;
        case SUM_OF_SQUARES: case EUCLIDEAN_NORM: return fused(x, x, sum);
        case SUM_OF_MAGNITUDES: return sum + magnitude(x);
        default: return sum + x;
    }
}

device float reduce_pair(i32 op, float a, float b) { return op == LARGEST ? larger(a, b) : op == SMALLEST ? smaller(a, b) : op == PRODUCT ? a * b : a + b; }

device float reduce_finish(i32 op, float sum, u32 extent) { return op == MEAN ? sum / (float)extent : op == EUCLIDEAN_NORM ? root(sum) : sum; }

template <typename T> device void rows(const T *restrict x_global_read, T *restrict y_global_write, u32 row_count, u32 extent, i32 op)
{
    shared float partial_shared[THREADS / WARP];
    for (u32 row = block_x(); row < row_count; row += blocks_x())
    {
        const T *x_row = x_global_read + (u64)row * extent;
        float sum = reduce_start(op);
        for (u32 k = thread_x(); k < extent; k += THREADS) sum = reduce_element(op, sum, widen(x_row[k]));
#pragma unroll
        for (int mask = WARP / 2; mask > 0; mask /= 2) sum = reduce_pair(op, sum, from_lane_xor(sum, mask));
        if (lane() == 0) partial_shared[warp()] = sum;
        barrier();
        if (thread_x() == 0)
        {
            float all = partial_shared[0];
#pragma unroll
            for (int w = 1; w < THREADS / WARP; w++) all = reduce_pair(op, all, partial_shared[w]);
            y_global_write[row] = narrow<T>(reduce_finish(op, all, extent));
        }
        // The next row overwrites the partial sums.
        barrier();
    }
}

template <typename T> device void columns(const T *restrict x_global_read, T *restrict y_global_write, u32 outer, u32 extent, u32 inner, i32 op)
{
    u32 stride = blocks_x() * THREADS, n = outer * inner;
    for (u32 i = block_x() * THREADS + thread_x(); i < n; i += stride)
    {
        u32 o = i / inner;
        const T *x_column = x_global_read + (u64)o * extent * inner + (i - o * inner);
        float sum = reduce_start(op);
        for (u32 k = 0; k < extent; k++) sum = reduce_element(op, sum, widen(x_column[(u64)k * inner]));
        y_global_write[i] = narrow<T>(reduce_finish(op, sum, extent));
    }
}

#define REDUCE_ROWS(name, T) \
    entry bounds(THREADS, 1) void reduce_rows_##name(const T *x_global_read, T *y_global_write, u32 row_count, u32 extent, i32 op) { rows(x_global_read, y_global_write, row_count, extent, op); }
#define REDUCE_COLUMNS(name, T) \
    entry bounds(THREADS, 1) void reduce_columns_##name(const T *x_global_read, T *y_global_write, u32 outer, u32 extent, u32 inner, i32 op) { columns(x_global_read, y_global_write, outer, extent, inner, op); }

REDUCE_ROWS(f32, float)
REDUCE_ROWS(f16, f16)
REDUCE_ROWS(bf16, bf16)
REDUCE_COLUMNS(f32, float)
REDUCE_COLUMNS(f16, f16)
REDUCE_COLUMNS(bf16, bf16)
