// y[M, N] = steps(x[M, K] w[N, K]) for few rows M: w is codes of 2, 4 or 8 bits with a scale, and perhaps a zero point, a group of 32 or more along K.
// Codes become f16 or bf16 in registers and go to tensor cores as the left operand, 16 rows of w at a time; the columns of the right one are the rows of x.
// Roofline: N K bits / 8 bytes and the scales, read once: memory, as long as M is small (up to 8 at a time with one tile of columns, 32 with four).
#include "steps.cuh"
#include "tensor-core.cuh"

constexpr int WARPS = 8, THREADS = WARPS * WARP;
// A tile of w: 16 rows, 64 elements of K in two halves. Lane 4 g + t holds, of half h, rows g and g + 8, K = 32 h + 8 t ... 8 t + 7, in the order in which the fragments take them.
constexpr int TILE_N = 16, TILE_K = 64, HALF = 32;

// ---- codes to a fragment of 16 x 16: a[0] row g, a[1] row g + 8, a[2] and a[3] the two elements behind; each minus the middle of the range ----

template <typename T> device u32 pair_less(u32 pair, u32 middle)
{
    u32 r;
    if constexpr (same<T, f16>) asm("sub.f16x2 %0, %1, %2;" : "=r"(r) : "r"(pair), "r"(middle));
    // bf16 has no subtraction before sm_90; 1 * pair + (-middle) rounds once and is exact here.
    else asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(r) : "r"(pair), "r"(0x3f803f80u), "r"(middle ^ 0x80008000u));
    return r;
}

// Two codes at bits 0 and 16 under a mask, as numbers: their bits are mantissa bits of 1024 (f16) or 128 (bf16).
template <typename T, u32 MASK> device u32 numbers(u32 codes, u32 middle)
{
    constexpr u32 BASE = same<T, f16> ? 0x64006400u : 0x43004300u;
    return pair_less<T>(and_or(codes, MASK, BASE), BASE + middle * 0x00010001u);
}

template <typename T, int BITS> device void decode(u32 (&a)[4], const u32 *words, int part)
{
    if constexpr (BITS == 8)
    {
        // Bytes 0 and 1 of a word are one pair, 2 and 3 the other; bf16 cannot hold them whole, so there they pass through f32.
#pragma unroll
        for (int i = 0; i < 4; i++)
        {
            u32 word = words[part * 2 + i / 2];
            if constexpr (same<T, f16>) a[i] = pair_less<T>(permute(word, 0x64646464u, i % 2 ? 0x4342 : 0x4140), 0x64806480u);
            else
            {
                float low = __builtin_bit_cast(float, permute(word, 0x4b000000u, i % 2 ? 0x7542 : 0x7540)) - 8388736.0f, high = __builtin_bit_cast(float, permute(word, 0x4b000000u, i % 2 ? 0x7543 : 0x7541)) - 8388736.0f;
                // Numbers of 8 bits are whole in the upper halves.
                a[i] = permute(__builtin_bit_cast(u32, low), __builtin_bit_cast(u32, high), 0x7632);
            }
        }
    }
    else if constexpr (BITS == 4)
    {
        u32 word = words[part];
#pragma unroll
        for (int i = 0; i < 4; i++) a[i] = numbers<T, 0x000f000fu>(word >> 4 * i, 8);
    }
    else
    {
        u32 word = words[part / 2] >> part % 2 * 8;
#pragma unroll
        for (int i = 0; i < 4; i++) a[i] = numbers<T, 0x00030003u>(word >> 2 * i, 2);
    }
}

template <typename T> device float scale_at(const void *scales_global_read, u32 scales_are_f32, u64 i)
{
    return scales_are_f32 ? ((const float *)scales_global_read)[i] : widen(((const T *)scales_global_read)[i]);
}

// COLUMNS: tiles of eight rows of x.
template <typename T, int BITS, int COLUMNS>
device void run(const T *x_global_read, const u32x4 *w_global_read, const void *scales_global_read, const u8 *zeros_global_read, T *y_global_write, u32 m, u32 n, u32 k, u32 group, u32 scales_are_f32, const Steps &steps)
{
    constexpr int WORDS = BITS, VECTORS = (WORDS + 3) / 4, MIDDLE = 1 << (BITS - 1);
    constexpr u32 ONES = same<T, f16> ? 0x3c003c00u : 0x3f803f80u;
    shared float sums_shared[WARPS][TILE_N][COLUMNS * 8 + 1];
    u32 g = lane() / 4, t = lane() % 4, tiles_k = (k + TILE_K - 1) / TILE_K, row = block_x() * TILE_N, n_padded = (n + TILE_N - 1) / TILE_N * TILE_N, first_x = block_y() * COLUMNS * 8;
    float sums[COLUMNS][4] = {};

    // ---- phase 1: products; the warps of a block take the tiles of K in turn ----
    for (u32 tile = warp(); tile < tiles_k; tile += WARPS)
    {
        u32 words[VECTORS * 4];
        if constexpr (WORDS >= 4)
        {
#pragma unroll
            for (int v = 0; v < VECTORS; v++)
            {
                u32x4 some = read_once(w_global_read + (((u64)block_x() * tiles_k + tile) * VECTORS + v) * WARP + lane());
                words[v * 4] = some.x, words[v * 4 + 1] = some.y, words[v * 4 + 2] = some.z, words[v * 4 + 3] = some.w;
            }
        }
        else
        {
            u32x2 some = ((const u32x2 *)w_global_read)[((u64)block_x() * tiles_k + tile) * WARP + lane()];
            words[0] = some.x, words[1] = some.y;
        }
#pragma unroll
        for (int half = 0; half < TILE_K / HALF; half++)
        {
            u32 at = tile * TILE_K + half * HALF, own = at + t * 8;
            if (at >= k) break;
            u32 x[COLUMNS][4];
#pragma unroll
            for (int j = 0; j < COLUMNS; j++)
            {
                u32 x_row = first_x + j * 8 + g;
                u32x4 some = {0, 0, 0, 0};
                if (x_row < m && own < k) some = *(const u32x4 *)(x_global_read + (u64)x_row * k + own);
                x[j][0] = some.x, x[j][1] = some.y, x[j][2] = some.z, x[j][3] = some.w;
            }
            float part[COLUMNS][4] = {}, x_sums[COLUMNS][4] = {};
#pragma unroll
            for (int step = 0; step < 2; step++)
            {
                u32 a[4];
                decode<T, BITS>(a, words, half * 2 + step);
#pragma unroll
                for (int j = 0; j < COLUMNS; j++) multiply_add<T>(part[j], a, x[j][step * 2], x[j][step * 2 + 1]);
            }
            u64 scale_first = (u64)(at / group) * n_padded + row + g;
            float scale[2] = {scale_at<T>(scales_global_read, scales_are_f32, scale_first), scale_at<T>(scales_global_read, scales_are_f32, scale_first + 8)};
            if (zeros_global_read)
            {
                // Sums of x come from the same instruction, by a left operand of ones.
                u32 ones[4] = {ONES, ONES, ONES, ONES};
                float shift[2] = {(float)(MIDDLE - (i32)zeros_global_read[scale_first]), (float)(MIDDLE - (i32)zeros_global_read[scale_first + 8])};
#pragma unroll
                for (int j = 0; j < COLUMNS; j++)
                {
                    multiply_add<T>(x_sums[j], ones, x[j][0], x[j][1]);
                    multiply_add<T>(x_sums[j], ones, x[j][2], x[j][3]);
#pragma unroll
                    for (int i = 0; i < 4; i++) part[j][i] = fused(shift[i / 2], x_sums[j][i], part[j][i]);
                }
            }
#pragma unroll
            for (int j = 0; j < COLUMNS; j++)
#pragma unroll
                for (int i = 0; i < 4; i++) sums[j][i] = fused(scale[i / 2], part[j][i], sums[j][i]);
        }
    }

    // ---- phase 2: sums of the warps ----
#pragma unroll
    for (int j = 0; j < COLUMNS; j++)
#pragma unroll
        for (int i = 0; i < 4; i++) sums_shared[warp()][g + i / 2 * 8][j * 8 + t * 2 + i % 2] = sums[j][i];
    barrier();

    // ---- phase 3: steps and results ----
#pragma unroll 1
    for (u32 e = thread_x(); e < TILE_N * COLUMNS * 8; e += THREADS)
    {
        u32 r = e % TILE_N, column = e / TILE_N, y_row = first_x + column, y_column = row + r;
        if (y_row >= m || y_column >= n) continue;
        float v[1] = {0.0f};
#pragma unroll
        for (int w = 0; w < WARPS; w++) v[0] += sums_shared[w][r][column];
        u32 i = y_row * n + y_column;
        apply<T>(steps, v, i);
        y_global_write[i] = narrow<T>(v[0]);
    }
}

#define LOWBIT(name, T, BITS, COLUMNS) \
    entry bounds(THREADS, 1) void lowbit_gemm_##name(const T *x_global_read, const u32x4 *w_global_read, const void *scales_global_read, const u8 *zeros_global_read, T *y_global_write, u32 m, u32 n, u32 k, u32 group, u32 scales_are_f32, Steps steps) \
    { run<T, BITS, COLUMNS>(x_global_read, w_global_read, scales_global_read, zeros_global_read, y_global_write, m, n, k, group, scales_are_f32, steps); }

LOWBIT(f16_4_8, f16, 4, 1)
LOWBIT(f16_4_32, f16, 4, 4)
LOWBIT(f16_8_8, f16, 8, 1)
LOWBIT(f16_8_32, f16, 8, 4)
LOWBIT(f16_2_8, f16, 2, 1)
LOWBIT(f16_2_32, f16, 2, 4)
LOWBIT(bf16_4_8, bf16, 4, 1)
LOWBIT(bf16_4_32, bf16, 4, 4)
LOWBIT(bf16_8_8, bf16, 8, 1)
LOWBIT(bf16_8_32, bf16, 8, 4)
LOWBIT(bf16_2_8, bf16, 2, 1)
LOWBIT(bf16_2_32, bf16, 2, 4)
