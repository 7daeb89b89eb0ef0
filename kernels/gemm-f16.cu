// y[M, N] = steps(x[M, K] w), f16 or bf16 with sums in f32, on tensor cores; w is [N, K] ("nk": weights, as the engine packs them) or [K, N] ("kn"). A batch along z.
// K and the row lengths of x and w are multiples of 8, so that rows begin at 16 bytes.
// Roofline: 2 M N K operations, M K + N K + M N elements; a 128 x 128 tile reads 256 elements for 16,384 products, so that from K = 256 on arithmetic is the limit.
#include "gemm-tiles.cuh"
#include "steps.cuh"

template <typename T, bool W_IS_NK, int TILE_M, int TILE_N, int WARPS_M, int WARPS_N>
device void run(const T *x_global_read, const T *w_global_read, T *y_global_write, u32 m, u32 n, u32 k, u64 x_batch_stride, u64 w_batch_stride, const Steps &steps)
{
    using Tile = GemmTile<FloatProducts<T>, TILE_M, TILE_N, WARPS_M, WARPS_N>;
    extern shared u32x4 dynamic_shared[];
    u8 *stages_shared = (u8 *)dynamic_shared;
    TilePlace place = tile_place<TILE_M, TILE_N>(m, n);
    const u8 *x_first = (const u8 *)(x_global_read + block_z() * x_batch_stride), *w_first = (const u8 *)(w_global_read + block_z() * w_batch_stride);
    u32 y_first = block_z() * m * n;

    MatrixRows<TILE_M, Tile::THREADS> x{x_first, place.row, m, k * 2};
    MatrixRows<TILE_N, Tile::THREADS> w{w_first, place.column, n, k * 2};
    Tile::template multiply<W_IS_NK>(stages_shared, (k * 2 + DEPTH - 1) / DEPTH, x, [&](u8 *w_tile, u32 step) {
        if constexpr (W_IS_NK) Tile::template stage<TILE_N>(w_tile, w, step * DEPTH);
        else Tile::stage_outermost(w_tile, w_first, step * DEPTH / 2, place.column * 2, k, n * 2);
    });

    // ---- phase 4: steps and results ----
    Tile::each(stages_shared, [&](u32 r, u32 c, float sum) {
        if (place.row + r >= m || place.column + c >= n) return;
        u32 i = y_first + (place.row + r) * n + place.column + c;
        float v[1] = {sum};
        apply<T>(steps, v, i);
        y_global_write[i] = narrow<T>(v[0]);
    });
}

#define GEMM(name, T, W_IS_NK, TILE_M, TILE_N, WARPS_M, WARPS_N) \
    entry bounds(WARPS_M * WARPS_N * WARP, 1) void gemm_##name(const T *x_global_read, const T *w_global_read, T *y_global_write, u32 m, u32 n, u32 k, u64 x_batch_stride, u64 w_batch_stride, Steps steps) \
    { run<T, W_IS_NK, TILE_M, TILE_N, WARPS_M, WARPS_N>(x_global_read, w_global_read, y_global_write, m, n, k, x_batch_stride, w_batch_stride, steps); }

GEMM(f16_nk_128, f16, true, 128, 128, 2, 4)
GEMM(f16_kn_128, f16, false, 128, 128, 2, 4)
GEMM(f16_nk_64, f16, true, 64, 64, 2, 2)
GEMM(f16_kn_64, f16, false, 64, 64, 2, 2)
GEMM(bf16_nk_128, bf16, true, 128, 128, 2, 4)
GEMM(bf16_kn_128, bf16, false, 128, 128, 2, 4)
GEMM(bf16_nk_64, bf16, true, 64, 64, 2, 2)
GEMM(bf16_kn_64, bf16, false, 64, 64, 2, 2)
