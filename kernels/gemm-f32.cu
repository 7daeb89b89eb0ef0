// y[M, N] = steps(x[M, K] w) in f32 without tensor cores; w is [N, K] ("nk") or [K, N] ("kn"). A batch along z.
// Roofline: 2 M N K operations by fused multiply-add; a 64 x 64 tile loads 128 elements for 4,096 products a step of K, 8 from shared memory for 16.
// target sm_75: nothing newer is needed, and newer devices run it as it is.
#include "steps.cuh"

constexpr int THREADS = 256, TILE = 64, DEPTH = 16, EACH = 4, PADDED = TILE + 4;

// One step of K of a tile, K outermost in shared memory; what lies outside is zero. K_INNERMOST: the source has K innermost, [outer, K], else it is [K, outer].
template <bool K_INNERMOST> device void stage(float (*tile_shared_write)[PADDED], const float *global_read, u32 outer, u32 at, u32 outers, u32 k, u32 stride)
{
#pragma unroll
    for (int i = 0; i < TILE * DEPTH / THREADS; i++)
    {
        u32 e = i * THREADS + thread_x(), d = K_INNERMOST ? e % DEPTH : e / TILE, o = K_INNERMOST ? e / DEPTH : e % TILE;
        bool inside = outer + o < outers && at + d < k;
        tile_shared_write[d][o] = inside ? global_read[K_INNERMOST ? (u64)(outer + o) * stride + at + d : (u64)(at + d) * stride + outer + o] : 0.0f;
    }
}

template <bool W_IS_NK> device void run(const float *x_global_read, const float *w_global_read, float *y_global_write, u32 m, u32 n, u32 k, u64 x_batch_stride, u64 w_batch_stride, const Steps &steps)
{
    shared float x_shared[2][DEPTH][PADDED], w_shared[2][DEPTH][PADDED];
    u32 row = block_y() * TILE, column = block_x() * TILE, y_first = block_z() * m * n;
    x_global_read += block_z() * x_batch_stride;
    w_global_read += block_z() * w_batch_stride;
    int r = (int)thread_x() / (TILE / EACH) * EACH, c = (int)thread_x() % (TILE / EACH) * EACH;
    float sums[EACH][EACH] = {};

    // ---- phase 1: the first step of K ----
    stage<true>(x_shared[0], x_global_read, row, 0, m, k, k);
    stage<W_IS_NK>(w_shared[0], w_global_read, column, 0, n, k, W_IS_NK ? k : n);
    barrier();

    // ---- phase 2: products, while the next step of K comes ----
    u32 slot = 0;
    for (u32 at = 0; at < k; at += DEPTH, slot ^= 1)
    {
        if (at + DEPTH < k)
        {
            stage<true>(x_shared[slot ^ 1], x_global_read, row, at + DEPTH, m, k, k);
            stage<W_IS_NK>(w_shared[slot ^ 1], w_global_read, column, at + DEPTH, n, k, W_IS_NK ? k : n);
        }
#pragma unroll
        for (int d = 0; d < DEPTH; d++)
        {
            f32x4 a = *(const f32x4 *)&x_shared[slot][d][r], b = *(const f32x4 *)&w_shared[slot][d][c];
#pragma unroll
            for (int i = 0; i < EACH; i++)
#pragma unroll
                for (int j = 0; j < EACH; j++) sums[i][j] = fused(a[i], b[j], sums[i][j]);
        }
        barrier();
    }

    // ---- phase 3: sums to shared memory, so that one copy of the steps serves all of them ----
    float *sums_shared = &x_shared[0][0][0];
    static_assert(sizeof(x_shared) >= TILE / 2 * TILE * sizeof(float));
#pragma unroll 1
    for (int part = 0; part < 2; part++)
    {
        if (r / (TILE / 2) == part)
#pragma unroll
            for (int i = 0; i < EACH; i++)
#pragma unroll
                for (int j = 0; j < EACH; j++) sums_shared[(r % (TILE / 2) + i) * TILE + c + j] = sums[i][j];
        barrier();
#pragma unroll 1
        for (int e = (int)thread_x(); e < TILE / 2 * TILE; e += THREADS)
        {
            u32 y_row = row + part * (TILE / 2) + e / TILE, y_column = column + e % TILE;
            if (y_row >= m || y_column >= n) continue;
            u32 i = y_first + y_row * n + y_column;
            float v[1] = {sums_shared[e]};
            apply<float>(steps, v, i);
            y_global_write[i] = v[0];
        }
        barrier();
    }
}

#define GEMM(name, W_IS_NK) \
    entry bounds(THREADS, 1) void gemm_##name(const float *x_global_read, const float *w_global_read, float *y_global_write, u32 m, u32 n, u32 k, u64 x_batch_stride, u64 w_batch_stride, Steps steps) \
    { run<W_IS_NK>(x_global_read, w_global_read, y_global_write, m, n, k, x_batch_stride, w_batch_stride, steps); }

GEMM(f32_nk, true)
GEMM(f32_kn, false)
