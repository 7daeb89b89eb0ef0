// Convolution by its definition, row-major [batch, channels, height, width], any groups, strides and dilations: what the matrix kernels do not take, depthwise above all.
// A thread computes one pixel of up to EACH output channels of a group, so that an element of x serves them all; neighbours in a warp are neighbours in a row.
// Roofline of depthwise: x, y once: memory. Of dense ones: 2 pixels K out operations by fused multiply-add.
// target sm_75: nothing newer is needed, and newer devices run it as it is.
#include "steps.cuh"

constexpr int THREADS = 128, EACH = 4;

struct ConvDirect
{
    u32 batch, channels, height, width, out_channels, out_height, out_width, window_height, window_width, groups;
    i32 stride_height, stride_width, pad_top, pad_left, dilation_height, dilation_width;
};

template <typename T> device void run(const T *restrict x_global_read, const T *restrict w_global_read, const T *restrict bias_global_read, T *restrict y_global_write, const ConvDirect &s, const Steps &steps)
{
    u32 pixel = block_x() * THREADS + thread_x(), pixels = s.out_height * s.out_width;
    u32 out_a_group = s.out_channels / s.groups, in_a_group = s.channels / s.groups, parts = (out_a_group + EACH - 1) / EACH;
    u32 group = block_y() / parts, first = block_y() % parts * EACH, n = block_z();
    if (pixel >= pixels) return;
    u32 out_y = pixel / s.out_width, window = s.window_height * s.window_width, w_stride = in_a_group * window;
    i32 top = (i32)out_y * s.stride_height - s.pad_top, left = (i32)(pixel - out_y * s.out_width) * s.stride_width - s.pad_left;
    u32 count = out_a_group - first < EACH ? out_a_group - first : EACH, out = group * out_a_group + first;
    const T *w = w_global_read + (u64)out * w_stride, *x = x_global_read + ((u64)n * s.channels + group * in_a_group) * s.height * s.width;

    // ---- phase 1: sums ----
    float sums[EACH] = {};
    for (u32 c = 0; c < in_a_group; c++)
        for (u32 ky = 0; ky < s.window_height; ky++)
        {
            i32 y = top + (i32)ky * s.dilation_height;
            if (y < 0 || y >= (i32)s.height) continue;
            for (u32 kx = 0; kx < s.window_width; kx++)
            {
                i32 at = left + (i32)kx * s.dilation_width;
                if (at < 0 || at >= (i32)s.width) continue;
                float v = widen(x[((u64)c * s.height + y) * s.width + at]);
                u32 tap = c * window + ky * s.window_width + kx;
#pragma unroll
                for (u32 e = 0; e < EACH; e++)
                    if (e < count) sums[e] = fused(v, widen(w[e * w_stride + tap]), sums[e]);
            }
        }

    // ---- phase 2: bias, steps and results ----
#pragma unroll 1
    for (u32 e = 0; e < count; e++)
    {
        u32 i = (n * s.out_channels + out + e) * pixels + pixel;
        // The sum of this turn comes first: registers have no index.
        float v[1] = {sums[0] + (bias_global_read ? widen(bias_global_read[out + e]) : 0.0f)};
#pragma unroll
        for (int k = 0; k + 1 < EACH; k++) sums[k] = sums[k + 1];
        apply<T>(steps, v, i);
        y_global_write[i] = narrow<T>(v[0]);
    }
}

#define CONV(name, T) \
    entry bounds(THREADS, 1) void conv_direct_##name(const T *x_global_read, const T *w_global_read, const T *bias_global_read, T *y_global_write, ConvDirect shape, Steps steps) { run(x_global_read, w_global_read, bias_global_read, y_global_write, shape, steps); }

CONV(f32, float)
CONV(f16, f16)
CONV(bf16, bf16)
