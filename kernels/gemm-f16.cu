// y[M, N] = steps(x[M, K] w), f16 or bf16 with sums in f32, on tensor cores; w is [N, K] ("nk": weights, as the engine packs them) or [K, N] ("kn"). A batch along z.
// K and the row lengths of x and w are multiples of 8, so that rows begin at 16 bytes.
// Roofline: 2 M N K operations, M K + N K + M N elements; a 128 x 128 tile reads 256 elements for 16,384 products, so that from K = 256 on arithmetic is the limit.
#include "steps.cuh"
#include "tensor-core.cuh"

// Elements of K a stage, stages under way, bytes that one copy moves.
constexpr int DEPTH = 32, STAGES = 4, CHUNK = 8;

// Chunk c of row r lies where eight rows of one column of chunks meet eight different banks.
template <int CHUNKS_A_ROW> device int placed(int r, int c) { return r * CHUNKS_A_ROW + (CHUNKS_A_ROW == 4 ? c ^ ((r >> 1) & 3) : c ^ (r & 7)); }

// Copies ROWS x COLUMNS elements from row-major memory; what lies outside [rows, columns] becomes zero.
template <typename T, int ROWS, int COLUMNS, int THREADS>
device void stage(T *tile_shared_write, const T *global_read, u32 row, u32 column, u32 rows, u32 columns, u32 row_stride)
{
    constexpr int CHUNKS_A_ROW = COLUMNS / CHUNK, CHUNKS = ROWS * CHUNKS_A_ROW;
    static_assert(CHUNKS % THREADS == 0);
#pragma unroll
    for (int i = 0; i < CHUNKS / THREADS; i++)
    {
        int at = i * THREADS + (int)thread_x(), r = at / CHUNKS_A_ROW, c = at % CHUNKS_A_ROW;
        u32 from_row = row + r, from_column = column + c * CHUNK;
        bool inside = from_row < rows && from_column < columns;
        const T *from = inside ? global_read + (u64)from_row * row_stride + from_column : global_read;
        copy_16_async(shared_address(tile_shared_write + placed<CHUNKS_A_ROW>(r, c) * CHUNK), from, inside ? 16 : 0);
    }
}

template <typename T, bool W_IS_NK, int TILE_M, int TILE_N, int WARPS_M, int WARPS_N>
device void run(const T *x_global_read, const T *w_global_read, T *y_global_write, u32 m, u32 n, u32 k, u64 x_batch_stride, u64 w_batch_stride, const Steps &steps)
{
    constexpr int THREADS = WARPS_M * WARPS_N * WARP, WARP_M = TILE_M / WARPS_M, WARP_N = TILE_N / WARPS_N, BLOCKS_M = WARP_M / 16, BLOCKS_N = WARP_N / 8;
    constexpr int X_STAGE = TILE_M * DEPTH, W_STAGE = TILE_N * DEPTH;
    extern shared u32x4 dynamic_shared[];
    T *x_shared = (T *)dynamic_shared, *w_shared = x_shared + STAGES * X_STAGE;

    // Tiles that share rows of w follow each other, eight rows of tiles at a time, so that both operands stay in L2.
    constexpr u32 BAND = 8;
    u32 tiles_m = (m + TILE_M - 1) / TILE_M, tiles_n = (n + TILE_N - 1) / TILE_N;
    u32 band = block_x() / (BAND * tiles_n), first_m = band * BAND, band_m = tiles_m - first_m < BAND ? tiles_m - first_m : BAND, in_band = block_x() - band * BAND * tiles_n;
    u32 row = (first_m + in_band % band_m) * TILE_M, column = in_band / band_m * TILE_N;
    x_global_read += block_z() * x_batch_stride;
    w_global_read += block_z() * w_batch_stride;
    u32 y_first = block_z() * m * n;

    auto load = [&](u32 step) {
        u32 at = step * DEPTH;
        int slot = step % STAGES;
        if (at < k)
        {
            stage<T, TILE_M, DEPTH, THREADS>(x_shared + slot * X_STAGE, x_global_read, row, at, m, k, k);
            if constexpr (W_IS_NK) stage<T, TILE_N, DEPTH, THREADS>(w_shared + slot * W_STAGE, w_global_read, column, at, n, k, k);
            else stage<T, DEPTH, TILE_N, THREADS>(w_shared + slot * W_STAGE, w_global_read, at, column, k, n, n);
        }
        close_copy_group();
    };

    // ---- phase 1: fill the pipeline ----
#pragma unroll
    for (int s = 0; s < STAGES - 1; s++) load(s);

    // ---- phase 2: products, a stage of K at a time ----
    int warp_row = (int)(warp() / WARPS_N) * WARP_M, warp_column = (int)(warp() % WARPS_N) * WARP_N;
    float sums[BLOCKS_M][BLOCKS_N][4] = {};
    u32 stages = (k + DEPTH - 1) / DEPTH;
    for (u32 s = 0; s < stages; s++)
    {
        await_copy_groups<STAGES - 2>();
        // The stage has come for all threads, and all have left the one that is overwritten next.
        barrier();
        load(s + STAGES - 1);
        const T *x_tile = x_shared + s % STAGES * X_STAGE, *w_tile = w_shared + s % STAGES * W_STAGE;
#pragma unroll
        for (int part = 0; part < DEPTH / 16; part++)
        {
            u32 a[BLOCKS_M][4], b[BLOCKS_N / 2][4];
#pragma unroll
            for (int i = 0; i < BLOCKS_M; i++)
                load_matrices(a[i], shared_address(x_tile + placed<DEPTH / CHUNK>(warp_row + i * 16 + (int)lane() % 16, part * 2 + (int)lane() / 16) * CHUNK));
#pragma unroll
            for (int j = 0; j < BLOCKS_N / 2; j++)
            {
                if constexpr (W_IS_NK)
                    load_matrices(b[j], shared_address(w_tile + placed<DEPTH / CHUNK>(warp_column + j * 16 + (int)lane() % 8 + (int)lane() / 16 * 8, part * 2 + (int)lane() / 8 % 2) * CHUNK));
                else
                    load_matrices_transposed(b[j], shared_address(w_tile + placed<TILE_N / CHUNK>(part * 16 + (int)lane() % 16, (warp_column + j * 16) / CHUNK + (int)lane() / 16) * CHUNK));
            }
#pragma unroll
            for (int i = 0; i < BLOCKS_M; i++)
#pragma unroll
                for (int j = 0; j < BLOCKS_N; j++) multiply_add<T>(sums[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
        }
    }

    // ---- phase 3: sums to shared memory, each warp its own part, so that neighbours in a row meet in neighbouring lanes ----
    await_copy_groups<0>();
    barrier();
    float *sums_shared = (float *)dynamic_shared + warp() * (WARP_M * WARP_N);
#pragma unroll
    for (int i = 0; i < BLOCKS_M; i++)
#pragma unroll
        for (int j = 0; j < BLOCKS_N; j++)
#pragma unroll
            for (int half = 0; half < 2; half++)
            {
                int r = i * 16 + half * 8 + (int)lane() / 4, c = j * 8 + (int)lane() % 4 * 2;
                *(f32x2 *)(sums_shared + r * WARP_N + c) = f32x2{sums[i][j][half * 2], sums[i][j][half * 2 + 1]};
            }
    barrier();

    // ---- phase 4: steps and results ----
#pragma unroll 1
    for (int at = (int)lane(); at < WARP_M * WARP_N; at += WARP)
    {
        u32 r = row + warp_row + at / WARP_N, c = column + warp_column + at % WARP_N;
        if (r >= m || c >= n) continue;
        float v[1] = {sums_shared[at]};
        u32 i = y_first + r * n + c;
        apply<T>(steps, v, i);
        y_global_write[i] = narrow<T>(v[0]);
    }
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
