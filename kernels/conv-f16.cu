// Convolution of one group as a matrix product without a copy of the windows: y[pixels, out] = steps(windows[pixels, K] w[out, K]), f16 or bf16, channels innermost.
// Channels of x are padded to multiples of 8 with zeros, K = window * channels; y has its own channels, unpadded.
// Roofline: 2 pixels K out operations; x, w and y once: arithmetic, for all but 1 x 1 windows of few channels.
#include "conv-tiles.cuh"
#include "steps.cuh"

template <typename T, int TILE_M, int TILE_N, int WARPS_M, int WARPS_N>
device void run(const T *x_global_read, const T *w_global_read, T *y_global_write, const ConvShape &shape, const Steps &steps)
{
    using Tile = GemmTile<FloatProducts<T>, TILE_M, TILE_N, WARPS_M, WARPS_N>;
    extern shared u32x4 dynamic_shared[];
    u8 *stages_shared = (u8 *)dynamic_shared;
    u32 m = shape.batch * shape.out_height * shape.out_width, n = shape.out_channels, k_bytes = shape.window_height * shape.window_width * shape.channel_bytes;
    TilePlace place = tile_place<TILE_M, TILE_N>(m, n);
    WindowRows<TILE_M, Tile::THREADS> x;
    x.first = (const u8 *)x_global_read;
    x.outside = 0;
    x.s = shape;
    x.place(place.row);
    MatrixRows<TILE_N, Tile::THREADS> w{(const u8 *)w_global_read, place.column, n, k_bytes};
    Tile::template multiply<true>(stages_shared, (k_bytes + DEPTH - 1) / DEPTH, x, [&](u8 *w_tile, u32 step) { Tile::template stage<TILE_N>(w_tile, w, step * DEPTH); });

    // ---- phase 4: steps and results ----
    Tile::each(stages_shared, [&](u32 r, u32 c, float sum) {
        if (place.row + r >= m || place.column + c >= n) return;
        u32 i = (place.row + r) * n + place.column + c;
        float v[1] = {sum};
        apply<T>(steps, v, i);
        y_global_write[i] = narrow<T>(v[0]);
    });
}

#define CONV(name, T, TILE_M, TILE_N, WARPS_M, WARPS_N) \
    entry bounds(WARPS_M * WARPS_N * WARP, 1) void conv_##name(const T *x_global_read, const T *w_global_read, T *y_global_write, ConvShape shape, Steps steps) \
    { run<T, TILE_M, TILE_N, WARPS_M, WARPS_N>(x_global_read, w_global_read, y_global_write, shape, steps); }

CONV(f16_128, f16, 128, 128, 2, 4)
CONV(f16_64, f16, 64, 64, 2, 2)
CONV(bf16_128, bf16, 128, 128, 2, 4)
CONV(bf16_64, bf16, 64, 64, 2, 2)
