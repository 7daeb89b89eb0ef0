// Matrix instructions and what feeds them: fragments as the PTX manual lays them out over the lanes of a warp (group g = lane / 4, thread t = lane % 4).
#pragma once
#include "common.cuh"

// ---- asynchronous copies from global to shared memory (sm_80) ----

// 16 bytes, of which the first so many are read; the rest becomes zero.
device void copy_16_async(u32 to_shared, const void *from_global, u32 bytes)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to_shared), "l"(from_global), "r"(bytes) : "memory");
}
device void close_copy_group() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until at most so many of the latest groups are under way.
template <int GROUPS> device void await_copy_groups() { asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS) : "memory"); }

// ---- fragments from shared memory ----

// Four 8 x 8 matrices of 16-bit elements; lane i gives the address of row i % 8 of matrix i / 8.
device void load_matrices(u32 (&r)[4], u32 address)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
}
device void load_matrices_transposed(u32 (&r)[4], u32 address)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
}

// ---- d += a b ----

// 16 x 16 times 16 x 8, sums f32: d[0], d[1] are row g, columns 2 t and 2 t + 1; d[2], d[3] row g + 8.
template <typename T> device void multiply_add(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1)
{
    if constexpr (same<T, f16>)
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    else
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// 16 x 32 times 32 x 8, u8 times s8, sums s32, laid out as above.
device void multiply_add_u8s8(i32 (&d)[4], const u32 (&a)[4], u32 b0, u32 b1)
{
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// 16 x 256 times 256 x 8 bits, sums of the bits that both have: popc(a and b), laid out as above. XOR would need no counts of its own, but takes twice the time on compute capability 9.0.
device void multiply_add_bits(i32 (&d)[4], const u32 (&a)[4], u32 b0, u32 b1)
{
    asm volatile("mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
