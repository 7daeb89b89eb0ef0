// Normalization of rows: layer norm y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, and RMS norm y = x / sqrt(mean of squares + epsilon) * gamma.
// A residual may be added first; the sum is then stored too: sum = x + residual. A block takes a row at a time.
// Roofline: x, the residual, the sum and y once through memory; the second and third look at a row find it in L1 or L2.
// target sm_75: nothing newer is needed, and newer devices run it as it is.
#include "math.cuh"

constexpr int THREADS = 256;

template <typename T, bool CENTRED>
device void run(const T *x_global_read, const T *residual_global_read, const T *gamma_global_read, const T *beta_global_read, T *sum_global_write, T *y_global_write, u32 rows, u32 extent, float epsilon)
{
    shared float mean_shared[THREADS / WARP], square_shared[THREADS / WARP];
    for (u32 row = block_x(); row < rows; row += blocks_x())
    {
        u64 at = (u64)row * extent;
        // The element as it is normalized: of the stored type where a sum is stored, so that readers of both agree.
        auto element = [&](u32 k) {
            float v = widen(x_global_read[at + k]);
            return residual_global_read ? widen(narrow<T>(v + widen(residual_global_read[at + k]))) : v;
        };

        // ---- phase 1: the mean ----
        float mean = 0.0f;
        if (CENTRED)
        {
            for (u32 k = thread_x(); k < extent; k += THREADS) mean += element(k);
            mean = over_block<Sum, THREADS>(mean, mean_shared) / (float)extent;
        }

        // ---- phase 2: the mean of squares ----
        float square = 0.0f;
        for (u32 k = thread_x(); k < extent; k += THREADS)
        {
            float v = element(k) - mean;
            square = fused(v, v, square);
        }
        square = over_block<Sum, THREADS>(square, square_shared) / (float)extent;
        float scale = 1.0f / root(square + epsilon);

        // ---- phase 3: results ----
        for (u32 k = thread_x(); k < extent; k += THREADS)
        {
            float v = element(k);
            if (sum_global_write) sum_global_write[at + k] = narrow<T>(v);
            v = (v - mean) * scale;
            if (gamma_global_read) v = v * widen(gamma_global_read[k]);
            if (beta_global_read) v = v + widen(beta_global_read[k]);
            y_global_write[at + k] = narrow<T>(v);
        }
        // The next row overwrites the partial sums.
        barrier();
    }
}

#define LAYER_NORM(name, T) \
    entry bounds(THREADS, 1) void layer_norm_##name(const T *x_global_read, const T *residual_global_read, const T *gamma_global_read, const T *beta_global_read, T *sum_global_write, T *y_global_write, u32 rows, u32 extent, float epsilon) \
    { run<T, true>(x_global_read, residual_global_read, gamma_global_read, beta_global_read, sum_global_write, y_global_write, rows, extent, epsilon); }
#define RMS_NORM(name, T) \
    entry bounds(THREADS, 1) void rms_norm_##name(const T *x_global_read, const T *residual_global_read, const T *gamma_global_read, T *sum_global_write, T *y_global_write, u32 rows, u32 extent, float epsilon) \
    { run<T, false>(x_global_read, residual_global_read, gamma_global_read, (const T *)0, sum_global_write, y_global_write, rows, extent, epsilon); }

LAYER_NORM(f32, float)
LAYER_NORM(f16, f16)
LAYER_NORM(bf16, bf16)
RMS_NORM(f32, float)
RMS_NORM(f16, f16)
RMS_NORM(bf16, bf16)
