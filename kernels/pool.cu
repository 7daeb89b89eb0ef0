// Largest or mean of the pixels under a window, [batch * channels, height, width]; the mean counts what lies outside where that is asked for.
// Roofline: x and y once, what windows share from cache: memory.
// target sm_75: nothing newer is needed, and newer devices run it as it is.
#include "common.cuh"

constexpr int THREADS = 128;

struct Pool
{
    u32 planes, height, width, out_height, out_width, window_height, window_width;
    i32 stride_height, stride_width, pad_top, pad_left, dilation_height, dilation_width;
    // Means divide by the pixels inside the image, or by those of the padded image, which ends so far behind it.
    u32 count_outside;
    i32 pad_bottom, pad_right;
};

template <typename T, bool LARGEST> device void run(const T *restrict x_global_read, T *restrict y_global_write, const Pool &s)
{
    u32 count = s.planes * s.out_height * s.out_width, stride = blocks_x() * THREADS;
    for (u32 i = block_x() * THREADS + thread_x(); i < count; i += stride)
    {
        u32 out_row = i / s.out_width, plane = out_row / s.out_height;
        i32 top = (i32)(out_row - plane * s.out_height) * s.stride_height - s.pad_top, left = (i32)(i - out_row * s.out_width) * s.stride_width - s.pad_left;
        float result = LARGEST ? -__builtin_inff() : 0.0f;
        u32 inside = 0;
        for (u32 ky = 0; ky < s.window_height; ky++)
            for (u32 kx = 0; kx < s.window_width; kx++)
            {
                i32 y = top + (i32)ky * s.dilation_height, x = left + (i32)kx * s.dilation_width;
                if (y < 0 || y >= (i32)s.height || x < 0 || x >= (i32)s.width)
                {
                    inside += s.count_outside && y < (i32)s.height + s.pad_bottom && x < (i32)s.width + s.pad_right;
                    continue;
                }
                float v = widen(x_global_read[((u64)plane * s.height + y) * s.width + x]);
                result = LARGEST ? larger(result, v) : result + v;
                inside++;
            }
        y_global_write[i] = narrow<T>(LARGEST ? result : result / (float)inside);
    }
}

#define POOL(name, T) \
    entry bounds(THREADS, 1) void pool_largest_##name(const T *x_global_read, T *y_global_write, Pool shape) { run<T, true>(x_global_read, y_global_write, shape); } \
    entry bounds(THREADS, 1) void pool_mean_##name(const T *x_global_read, T *y_global_write, Pool shape) { run<T, false>(x_global_read, y_global_write, shape); }

POOL(f32, float)
POOL(f16, f16)
POOL(bf16, bf16)
