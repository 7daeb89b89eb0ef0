// y[M, N] = finish(x[M, K] w[N, K]) for elements of -1 (bit 1) and +1 (bit 0), 8 to a byte, rows of a multiple of 16 bytes with zeros behind K.
// x w = K - 2 popc(x) - 2 popc(w) + 4 popc(x and w): the last from tensor cores, the first two counted once a row (gemm_binary_counts).
// Finished as f32 by a factor and an addend a channel with steps, or as the bits of the next layer: 1 where the sum lies below the channel's bound, or above it.
// Roofline: 2 M N K operations of one bit, (M + N) K / 8 bytes: arithmetic from K = 1,024 on.
#include "gemm-tiles.cuh"
#include "steps.cuh"

constexpr int COUNT_THREADS = 128;

// counts[row] = bits set in a row, a warp a row.
entry bounds(COUNT_THREADS, 1) void gemm_binary_counts(const u32 *bits_global_read, i32 *counts_global_write, u32 rows, u32 words)
{
    u32 row = block_x() * (COUNT_THREADS / WARP) + warp();
    if (row >= rows) return;
    i32 count = 0;
    for (u32 k = lane(); k < words; k += WARP) count += __builtin_popcount(bits_global_read[(u64)row * words + k]);
#pragma unroll
    for (int mask = WARP / 2; mask > 0; mask /= 2) count += from_lane_xor(count, mask);
    if (lane() == 0) counts_global_write[row] = count;
}

template <int TILE_M, int TILE_N, int WARPS_M, int WARPS_N> struct BinaryTile : GemmTile<BitProducts, TILE_M, TILE_N, WARPS_M, WARPS_N>
{
    using Tile = GemmTile<BitProducts, TILE_M, TILE_N, WARPS_M, WARPS_N>;

    // finish(row, column, product) for all elements of the block's tile, those outside the matrix too, a warp on 32 neighbours in a row.
    template <typename Finish> device void run(const u8 *x, const u8 *w, const i32 *x_counts, const i32 *w_counts, u32 m, u32 n, u32 k, u32 row_bytes, u8 *stages_shared, Finish finish)
    {
        TilePlace place = tile_place<TILE_M, TILE_N>(m, n);
        MatrixRows<TILE_M, Tile::THREADS> x_rows{x, place.row, m, row_bytes};
        MatrixRows<TILE_N, Tile::THREADS> w_rows{w, place.column, n, row_bytes};
        Tile::template multiply<true>(stages_shared, (row_bytes + DEPTH - 1) / DEPTH, x_rows, [&](u8 *w_tile, u32 step) { Tile::template stage<TILE_N>(w_tile, w_rows, step * DEPTH); });
        Tile::each(stages_shared, [&](u32 r, u32 c, i32 both) {
            u32 row = place.row + r, column = place.column + c;
            bool inside = row < m && column < n;
            finish(row, column, inside, inside ? (i32)k - 2 * x_counts[row] - 2 * w_counts[column] + 4 * both : 0);
        });
    }
};

template <int TILE_M, int TILE_N, int WARPS_M, int WARPS_N>
device void floats(const u8 *x_global_read, const u8 *w_global_read, const i32 *x_counts_global_read, const i32 *w_counts_global_read, const float *scale_global_read, const float *offset_global_read, float *y_global_write, u32 m, u32 n, u32 k, u32 row_bytes, const Steps &steps)
{
    extern shared u32x4 dynamic_shared[];
    BinaryTile<TILE_M, TILE_N, WARPS_M, WARPS_N>::run(x_global_read, w_global_read, x_counts_global_read, w_counts_global_read, m, n, k, row_bytes, (u8 *)dynamic_shared, [&](u32 row, u32 column, bool inside, i32 product) {
        if (!inside) return;
        u32 i = row * n + column;
        float v[1] = {fused((float)product, scale_global_read[column], offset_global_read[column])};
        apply<float>(steps, v, i);
        y_global_write[i] = v[0];
    });
}

// bound[column] is i32; above[column] is 0 where bit 1 (-1) means a product below the bound, 1 where it means one at or above it.
template <int TILE_M, int TILE_N, int WARPS_M, int WARPS_N>
device void bits(const u8 *x_global_read, const u8 *w_global_read, const i32 *x_counts_global_read, const i32 *w_counts_global_read, const i32 *bound_global_read, const u8 *above_global_read, u32 *y_global_write, u32 m, u32 n, u32 k, u32 row_bytes, u32 y_words)
{
    extern shared u32x4 dynamic_shared[];
    static_assert(TILE_N / WARPS_N == WARP);
    BinaryTile<TILE_M, TILE_N, WARPS_M, WARPS_N>::run(x_global_read, w_global_read, x_counts_global_read, w_counts_global_read, m, n, k, row_bytes, (u8 *)dynamic_shared, [&](u32 row, u32 column, bool inside, i32 product) {
        bool negative = inside && (product < bound_global_read[column]) != (above_global_read[column] != 0);
        u32 word = __nvvm_vote_ballot_sync(ALL_LANES, negative);
        // Words behind the last channel belong to nobody else: a tile's columns are whole words.
        if (lane() == 0 && row < m && column / WARP < y_words) y_global_write[row * y_words + column / WARP] = word;
    });
}

#define GEMM(name, TILE_M, TILE_N, WARPS_M, WARPS_N) \
    entry bounds(WARPS_M * WARPS_N * WARP, 1) void gemm_binary_f32_##name(const u8 *x_global_read, const u8 *w_global_read, const i32 *x_counts_global_read, const i32 *w_counts_global_read, const float *scale_global_read, const float *offset_global_read, float *y_global_write, u32 m, u32 n, u32 k, u32 row_bytes, Steps steps) \
    { floats<TILE_M, TILE_N, WARPS_M, WARPS_N>(x_global_read, w_global_read, x_counts_global_read, w_counts_global_read, scale_global_read, offset_global_read, y_global_write, m, n, k, row_bytes, steps); } \
    entry bounds(WARPS_M * WARPS_N * WARP, 1) void gemm_binary_bits_##name(const u8 *x_global_read, const u8 *w_global_read, const i32 *x_counts_global_read, const i32 *w_counts_global_read, const i32 *bound_global_read, const u8 *above_global_read, u32 *y_global_write, u32 m, u32 n, u32 k, u32 row_bytes, u32 y_words) \
    { bits<TILE_M, TILE_N, WARPS_M, WARPS_N>(x_global_read, w_global_read, x_counts_global_read, w_counts_global_read, bound_global_read, above_global_read, y_global_write, m, n, k, row_bytes, y_words); }

GEMM(128, 128, 128, 2, 4)
GEMM(64, 64, 64, 2, 2)
