// y[written by strides] = x[read by strides]: transpose, slice, concatenation, expansion, padding's inside, all as one copy between two strided views.
// Roofline: n reads and n writes; index arithmetic of 2 divisions an axis stays below memory time for elements of 4 bytes and more.
// target sm_75: nothing newer is needed, and newer devices run it as it is.
#include "common.cuh"

constexpr int THREADS = 256, MOST_AXES = 6;

// A box of elements, last axis innermost; strides in elements.
struct Box
{
    u32 axes;
    u32 extent[MOST_AXES];
    u32 padding;
    i64 stride_read[MOST_AXES];
    i64 stride_write[MOST_AXES];
};

template <typename T> device void run(const T *restrict x_global_read, T *restrict y_global_write, u32 n, const Box &box)
{
    u32 stride = blocks_x() * THREADS;
    for (u32 i = block_x() * THREADS + thread_x(); i < n; i += stride)
    {
        u32 rest = i;
        i64 from = 0, to = 0;
#pragma unroll 1
        for (int axis = (int)box.axes - 1; axis >= 0; axis--)
        {
            u32 extent = box.extent[axis], above = rest / extent, index = rest - above * extent;
            from += index * box.stride_read[axis];
            to += index * box.stride_write[axis];
            rest = above;
        }
        y_global_write[to] = x_global_read[from];
    }
}

// y[i] = value for a box, for padding and constants.
template <typename T> device void fill(T *restrict y_global_write, u32 n, T value)
{
    u32 stride = blocks_x() * THREADS;
    for (u32 i = block_x() * THREADS + thread_x(); i < n; i += stride) y_global_write[i] = value;
}

#define MOVEMENT(name, T) \
    entry bounds(THREADS, 1) void copy_##name(const T *x_global_read, T *y_global_write, u32 n, Box box) { run(x_global_read, y_global_write, n, box); }
#define FILL(name, T) \
    entry bounds(THREADS, 1) void fill_##name(T *y_global_write, u32 n, T value) { fill(y_global_write, n, value); }

MOVEMENT(b8, u8)
MOVEMENT(b16, u16)
MOVEMENT(b32, u32)
MOVEMENT(b64, u64)
FILL(b8, u8)
FILL(b16, u16)
FILL(b32, u32)
