// As conv-f16 for codes u8 times codes s8, sums i32, finished as gemm-u8s8 does. What lies outside the image is the code of zero, 16 bytes of it in outside_global_read;
// bias takes the zero point's part as if every window lay inside. Channels of x are padded to multiples of 16; w is zero there.
// Roofline: 2 pixels K out operations at twice the rate of conv-f16.
#include "conv-tiles.cuh"
#include "requantize.cuh"

template <Finish FINISH, typename TOut, int TILE_M, int TILE_N, int WARPS_M, int WARPS_N>
device void run(const u8 *x_global_read, const u8 *outside_global_read, const i8 *w_global_read, const i32 *bias_global_read, TOut *y_global_write, const ConvShape &shape, const Requantize &requantize, const Steps &steps)
{
    using Tile = GemmTile<CodeProducts, TILE_M, TILE_N, WARPS_M, WARPS_N>;
    extern shared u32x4 dynamic_shared[];
    u8 *stages_shared = (u8 *)dynamic_shared;
    u32 m = shape.batch * shape.out_height * shape.out_width, n = shape.out_channels, k_bytes = shape.window_height * shape.window_width * shape.channel_bytes;
    TilePlace place = tile_place<TILE_M, TILE_N>(m, n);
    WindowRows<TILE_M, Tile::THREADS> x;
    x.first = x_global_read;
    x.outside = outside_global_read;
    x.s = shape;
    x.place(place.row);
    MatrixRows<TILE_N, Tile::THREADS> w{(const u8 *)w_global_read, place.column, n, k_bytes};
    Tile::template multiply<true>(stages_shared, (k_bytes + DEPTH - 1) / DEPTH, x, [&](u8 *w_tile, u32 step) { Tile::template stage<TILE_N>(w_tile, w, step * DEPTH); });

    // ---- phase 4: what sums stand for ----
    Tile::each(stages_shared, [&](u32 r, u32 c, i32 sum) {
        u32 row = place.row + r, column = place.column + c;
        if (row >= m || column >= n) return;
        finish<FINISH>(requantize, steps, bias_global_read, y_global_write, row * n + column, column, sum);
    });
}

#define CONV(name, FINISH, TOut, TILE_M, TILE_N, WARPS_M, WARPS_N) \
    entry bounds(WARPS_M * WARPS_N * WARP, 1) void conv_u8s8_##name(const u8 *x_global_read, const u8 *outside_global_read, const i8 *w_global_read, const i32 *bias_global_read, TOut *y_global_write, ConvShape shape, Requantize requantize, Steps steps) \
    { run<FINISH, TOut, TILE_M, TILE_N, WARPS_M, WARPS_N>(x_global_read, outside_global_read, w_global_read, bias_global_read, y_global_write, shape, requantize, steps); }

CONV(f32_128, FLOATS, float, 128, 128, 2, 4)
CONV(f32_64, FLOATS, float, 64, 64, 2, 2)
CONV(u8_128, CODES, u8, 128, 128, 2, 4)
CONV(u8_64, CODES, u8, 64, 64, 2, 2)
CONV(dyadic_128, DYADIC, u8, 128, 128, 2, 4)
CONV(dyadic_64, DYADIC, u8, 64, 64, 2, 2)
