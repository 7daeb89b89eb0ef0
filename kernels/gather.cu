// y[i] = table[index[i]], rows of so many words of 4 bytes (or of bytes): embeddings and Gather along the first axis. Indices below zero count from the end; one outside the table
// sets the flag and gives zeros, so that a wrong index is an error and never another row.
// Roofline: rows read and written once: memory.
// target sm_75: nothing newer is needed, and newer devices run it as it is.
#include "common.cuh"

constexpr int THREADS = 128;

template <typename T, typename TIndex> device void run(const T *restrict table_global_read, const TIndex *restrict index_global_read, T *restrict y_global_write, u32 *outside_global_write, u32 indices, u32 rows, u32 words)
{
    for (u32 i = block_x(); i < indices; i += blocks_x())
    {
        i64 at = (i64)index_global_read[i];
        if (at < 0) at += rows;
        bool inside = at >= 0 && at < rows;
        // Every block that meets one writes the same.
        if (!inside && thread_x() == 0) asm volatile("red.global.or.b32 [%0], 1;" ::"l"(outside_global_write) : "memory");
        for (u32 k = thread_x(); k < words; k += THREADS) y_global_write[(u64)i * words + k] = inside ? table_global_read[(u64)at * words + k] : (T)0;
    }
}

#define GATHER(name, T, TIndex) \
    entry bounds(THREADS, 1) void gather_##name(const T *table_global_read, const TIndex *index_global_read, T *y_global_write, u32 *outside_global_write, u32 indices, u32 rows, u32 words) { run(table_global_read, index_global_read, y_global_write, outside_global_write, indices, rows, words); }

GATHER(b32_i64, u32, i64)
GATHER(b32_i32, u32, i32)
GATHER(b8_i64, u8, i64)
GATHER(b8_i32, u8, i32)
