// A block's tile of a matrix product on tensor cores: two sources of rows, K innermost, come to shared memory in stages by asynchronous copies while stages that
// are there are multiplied. What the rows are (a matrix, pixels under a convolution's window) is the sources' business, what is done with sums that of the kernel.
#pragma once
#include "tensor-core.cuh"

// Bytes of K a stage, bytes that one copy moves, stages under way.
constexpr int DEPTH = 64, CHUNK = 16, STAGES = 4, CHUNKS_A_ROW = DEPTH / CHUNK;

// Bytes of shared memory that a tile asks for at launch.
constexpr int tile_bytes(int tile_m, int tile_n) { return STAGES * (tile_m + tile_n) * DEPTH; }

// Chunk c of row r lies where eight rows of one column of chunks meet eight different banks.
device int placed(int r, int c) { return (r * CHUNKS_A_ROW + (c ^ ((r >> 1) & 3))) * CHUNK; }
// The same for rows of 256 or 128 bytes, of a source that has K outermost.
template <int CHUNKS> device int placed_wide(int r, int c) { return (r * CHUNKS + (c ^ (r & 7))) * CHUNK; }

// ---- sources: pointer(i, byte) is where chunk number i of this thread finds bytes byte ... byte + 15 of K, null for zeros ----

// Rows of a matrix.
template <int ROWS, int THREADS> struct MatrixRows
{
    static constexpr int EACH = ROWS * CHUNKS_A_ROW / THREADS;
    const u8 *first;
    u32 row, rows, row_bytes;

    device int row_of(int i) { return (i * THREADS + (int)thread_x()) / CHUNKS_A_ROW; }
    member const u8 *pointer(int i, u32 byte) const
    {
        u32 r = row + row_of(i);
        return r < rows && byte < row_bytes ? first + (u64)r * row_bytes + byte : 0;
    }
};

// ---- arithmetic ----

template <typename T> struct FloatProducts
{
    using Sum = float;
    device void multiply(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { multiply_add<T>(d, a, b0, b1); }
};
struct CodeProducts
{
    using Sum = i32;
    device void multiply(i32 (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { multiply_add_u8s8(d, a, b0, b1); }
};
struct BitProducts
{
    using Sum = i32;
    device void multiply(i32 (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { multiply_add_bits(d, a, b0, b1); }
};

template <typename Products, int TILE_M, int TILE_N, int WARPS_M, int WARPS_N> struct GemmTile
{
    using Sum = typename Products::Sum;
    static constexpr int THREADS = WARPS_M * WARPS_N * WARP, WARP_M = TILE_M / WARPS_M, WARP_N = TILE_N / WARPS_N, BLOCKS_M = WARP_M / 16, BLOCKS_N = WARP_N / 8;
    static constexpr int X_STAGE = TILE_M * DEPTH, W_STAGE = TILE_N * DEPTH;
    using Rows = MatrixRows<TILE_N, THREADS>;

    template <int ROWS, typename Source> device void stage(u8 *tile_shared_write, const Source &source, u32 byte)
    {
#pragma unroll
        for (int i = 0; i < ROWS * CHUNKS_A_ROW / THREADS; i++)
        {
            int at = i * THREADS + (int)thread_x(), r = at / CHUNKS_A_ROW, c = at % CHUNKS_A_ROW;
            const u8 *from = source.pointer(i, byte + c * CHUNK);
            copy_16_async(shared_address(tile_shared_write + placed(r, c)), from ? from : source.first, from ? 16 : 0);
        }
    }

    // K outermost: rows of K, [k, columns] elements of 2 bytes.
    device void stage_outermost(u8 *tile_shared_write, const u8 *first, u32 k_row, u32 column_byte, u32 k, u32 row_bytes)
    {
        constexpr int CHUNKS = TILE_N * 2 / CHUNK, K_ROWS = DEPTH / 2;
#pragma unroll
        for (int i = 0; i < K_ROWS * CHUNKS / THREADS; i++)
        {
            int at = i * THREADS + (int)thread_x(), r = at / CHUNKS, c = at % CHUNKS;
            bool inside = k_row + r < k && column_byte + c * CHUNK < row_bytes;
            copy_16_async(shared_address(tile_shared_write + placed_wide<CHUNKS>(r, c)), inside ? first + (u64)(k_row + r) * row_bytes + column_byte + c * CHUNK : first, inside ? 16 : 0);
        }
    }

    // Sums of the block's tile to dynamic_shared, warp by warp: [WARP_M, WARP_N] at warp() * WARP_M * WARP_N. load_w(slot, step) copies a stage of w.
    template <bool W_IS_NK, typename XSource, typename LoadW> device void multiply(u8 *dynamic_shared, u32 steps, const XSource &x, LoadW load_w)
    {
        u8 *x_shared = dynamic_shared, *w_shared = x_shared + STAGES * X_STAGE;
        auto load = [&](u32 step) {
            u32 slot = step % STAGES;
            if (step < steps)
            {
                stage<TILE_M>(x_shared + slot * X_STAGE, x, step * DEPTH);
                load_w(w_shared + slot * W_STAGE, step);
            }
            close_copy_group();
        };

        // ---- phase 1: fill the pipeline ----
#pragma unroll
        for (int s = 0; s < STAGES - 1; s++) load(s);

        // ---- phase 2: products, a stage of K at a time ----
        int warp_row = (int)(warp() / WARPS_N) * WARP_M, warp_column = (int)(warp() % WARPS_N) * WARP_N;
        Sum sums[BLOCKS_M][BLOCKS_N][4] = {};
        for (u32 s = 0; s < steps; s++)
        {
            await_copy_groups<STAGES - 2>();
            // The stage has come for all threads, and all have left the one that is overwritten next.
            barrier();
            load(s + STAGES - 1);
            const u8 *x_tile = x_shared + s % STAGES * X_STAGE, *w_tile = w_shared + s % STAGES * W_STAGE;
#pragma unroll
            for (int part = 0; part < 2; part++)
            {
                u32 a[BLOCKS_M][4], b[BLOCKS_N / 2][4];
#pragma unroll
                for (int i = 0; i < BLOCKS_M; i++) load_matrices(a[i], shared_address(x_tile + placed(warp_row + i * 16 + (int)lane() % 16, part * 2 + (int)lane() / 16)));
#pragma unroll
                for (int j = 0; j < BLOCKS_N / 2; j++)
                {
                    if constexpr (W_IS_NK) load_matrices(b[j], shared_address(w_tile + placed(warp_column + j * 16 + (int)lane() % 8 + (int)lane() / 16 * 8, part * 2 + (int)lane() / 8 % 2)));
                    else load_matrices_transposed(b[j], shared_address(w_tile + placed_wide<TILE_N * 2 / CHUNK>(part * 16 + (int)lane() % 16, (warp_column + j * 16) * 2 / CHUNK + (int)lane() / 16)));
                }
#pragma unroll
                for (int i = 0; i < BLOCKS_M; i++)
#pragma unroll
                    for (int j = 0; j < BLOCKS_N; j++) Products::multiply(sums[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
            }
        }

        // ---- phase 3: sums to shared memory, so that neighbours in a row meet in neighbouring lanes and one copy of what follows serves all ----
        await_copy_groups<0>();
        barrier();
        Sum *sums_shared = (Sum *)dynamic_shared + warp() * (WARP_M * WARP_N);
#pragma unroll
        for (int i = 0; i < BLOCKS_M; i++)
#pragma unroll
            for (int j = 0; j < BLOCKS_N; j++)
#pragma unroll
                for (int k = 0; k < 4; k++) sums_shared[(i * 16 + k / 2 * 8 + (int)lane() / 4) * WARP_N + j * 8 + (int)lane() % 4 * 2 + k % 2] = sums[i][j][k];
        barrier();
    }

    // finish(row, column, sum) for every element of the block's tile, rows and columns counted from the tile's first.
    template <typename Finish> device void each(const u8 *dynamic_shared, Finish finish)
    {
        const Sum *sums_shared = (const Sum *)dynamic_shared + warp() * (WARP_M * WARP_N);
        int warp_row = (int)(warp() / WARPS_N) * WARP_M, warp_column = (int)(warp() % WARPS_N) * WARP_N;
#pragma unroll 1
        for (int at = (int)lane(); at < WARP_M * WARP_N; at += WARP) finish((u32)(warp_row + at / WARP_N), (u32)(warp_column + at % WARP_N), sums_shared[at]);
    }
};

// Where a block's tile begins: tiles that share rows of w follow each other, eight rows of tiles at a time, so that both operands stay in L2.
struct TilePlace { u32 row, column; };
template <int TILE_M, int TILE_N> device TilePlace tile_place(u32 m, u32 n)
{
    constexpr u32 BAND = 8;
    u32 tiles_m = (m + TILE_M - 1) / TILE_M, tiles_n = (n + TILE_N - 1) / TILE_N;
    u32 band = block_x() / (BAND * tiles_n), first_m = band * BAND, band_m = tiles_m - first_m < BAND ? tiles_m - first_m : BAND, in_band = block_x() - band * BAND * tiles_n;
    return {(first_m + in_band % band_m) * TILE_M, in_band / band_m * TILE_N};
}
