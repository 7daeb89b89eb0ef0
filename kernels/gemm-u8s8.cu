// y[M, N] = finish(x[M, K] w[N, K] + bias[N]): codes u8 times codes s8 on tensor cores, sums i32. bias holds minus the zero point of x times the sums of w's rows, and the layer's own.
// Finished as f32 with steps, as codes by a factor, or as codes by dyadic numbers. Rows of x and w are multiples of 16 bytes; what they hold behind K is zero in w.
// Roofline: 2 M N K operations, M K + N K + M N bytes; twice the rate and half the bytes of gemm-f16.
#include "gemm-tiles.cuh"
#include "requantize.cuh"

template <Finish FINISH, typename TOut, int TILE_M, int TILE_N, int WARPS_M, int WARPS_N>
device void run(const u8 *x_global_read, const i8 *w_global_read, const i32 *bias_global_read, TOut *y_global_write, u32 m, u32 n, u32 k, const Requantize &requantize, const Steps &steps)
{
    using Tile = GemmTile<CodeProducts, TILE_M, TILE_N, WARPS_M, WARPS_N>;
    extern shared u32x4 dynamic_shared[];
    u8 *stages_shared = (u8 *)dynamic_shared;
    TilePlace place = tile_place<TILE_M, TILE_N>(m, n);
    MatrixRows<TILE_M, Tile::THREADS> x{x_global_read, place.row, m, k};
    MatrixRows<TILE_N, Tile::THREADS> w{(const u8 *)w_global_read, place.column, n, k};
    Tile::template multiply<true>(stages_shared, (k + DEPTH - 1) / DEPTH, x, [&](u8 *w_tile, u32 step) { Tile::template stage<TILE_N>(w_tile, w, step * DEPTH); });

    // ---- phase 4: what sums stand for ----
    Tile::each(stages_shared, [&](u32 r, u32 c, i32 sum) {
        u32 row = place.row + r, column = place.column + c;
        if (row >= m || column >= n) return;
        finish<FINISH>(requantize, steps, bias_global_read, y_global_write, row * n + column, column, sum);
    });
}

#define GEMM(name, FINISH, TOut, TILE_M, TILE_N, WARPS_M, WARPS_N) \
    entry bounds(WARPS_M * WARPS_N * WARP, 1) void gemm_u8s8_##name(const u8 *x_global_read, const i8 *w_global_read, const i32 *bias_global_read, TOut *y_global_write, u32 m, u32 n, u32 k, Requantize requantize, Steps steps) \
    { run<FINISH, TOut, TILE_M, TILE_N, WARPS_M, WARPS_N>(x_global_read, w_global_read, bias_global_read, y_global_write, m, n, k, requantize, steps); }

GEMM(f32_128, FLOATS, float, 128, 128, 2, 4)
GEMM(f32_64, FLOATS, float, 64, 64, 2, 2)
GEMM(u8_128, CODES, u8, 128, 128, 2, 4)
GEMM(u8_64, CODES, u8, 64, 64, 2, 2)
GEMM(dyadic_128, DYADIC, u8, 128, 128, 2, 4)
GEMM(dyadic_64, DYADIC, u8, 64, 64, 2, 2)
