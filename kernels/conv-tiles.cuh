// The pixels under a convolution's window as rows of a matrix product: x is [batch, height, width, channels], channels padded to whole chunks, K runs over window rows, window columns, channels.
#pragma once
#include "gemm-tiles.cuh"

struct ConvShape
{
    u32 batch, height, width, channel_bytes;
    u32 out_height, out_width, out_channels;
    u32 window_height, window_width;
    i32 stride_height, stride_width, pad_top, pad_left, dilation_height, dilation_width;
    u32 padding;
};

template <int ROWS, int THREADS> struct WindowRows
{
    static constexpr int EACH = ROWS * CHUNKS_A_ROW / THREADS;
    const u8 *first;
    // 16 bytes that stand for what lies outside the image; null for zeros.
    const u8 *outside;
    ConvShape s;
    // Of each of this thread's pixels: the image, and where its window begins.
    u32 image[EACH];
    i32 top[EACH], left[EACH];

    member void place(u32 row)
    {
        u32 rows = s.batch * s.out_height * s.out_width;
#pragma unroll
        for (int i = 0; i < EACH; i++)
        {
            u32 r = row + (i * THREADS + thread_x()) / CHUNKS_A_ROW, y = r / s.out_width, n = y / s.out_height;
            image[i] = r < rows ? n : ALL_LANES;
            top[i] = (i32)(y - n * s.out_height) * s.stride_height - s.pad_top;
            left[i] = (i32)(r - y * s.out_width) * s.stride_width - s.pad_left;
        }
    }

    member const u8 *pointer(int i, u32 byte) const
    {
        u32 tap = byte / s.channel_bytes, channel = byte - tap * s.channel_bytes, tap_row = tap / s.window_width;
        if (image[i] == ALL_LANES || tap_row >= s.window_height) return 0;
        i32 y = top[i] + (i32)tap_row * s.dilation_height, x = left[i] + (i32)(tap - tap_row * s.window_width) * s.dilation_width;
        if (y < 0 || y >= (i32)s.height || x < 0 || x >= (i32)s.width) return outside;
        return first + (((u64)image[i] * s.height + y) * s.width + x) * s.channel_bytes + channel;
    }
};
