// The CUDA language as clang alone knows it: qualifiers, indices, memory, conversions and the instructions that have no operator in C++.
// No header and no device library of a vendor is needed; see build.sh for the command line.
#pragma once

#define entry extern "C" __attribute__((__global__))
#define member __attribute__((__device__)) inline __attribute__((always_inline))
#define device static member
#define shared __attribute__((__shared__))
// Threads a block, and blocks that a multiprocessor should hold at least.
#define bounds(threads, blocks) __attribute__((launch_bounds(threads, blocks)))
#define restrict __restrict__

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;
using i8 = signed char;
using i32 = int;
using i64 = long long;
using f16 = _Float16;
struct bf16 { u16 bits; };

using f32x2 = float __attribute__((ext_vector_type(2)));
using f32x4 = float __attribute__((ext_vector_type(4)));
using u32x2 = u32 __attribute__((ext_vector_type(2)));
using u32x4 = u32 __attribute__((ext_vector_type(4)));

constexpr int WARP = 32;
constexpr u32 ALL_LANES = 0xffffffffu;

// ---- indices ----
device u32 thread_x() { return __nvvm_read_ptx_sreg_tid_x(); }
device u32 threads_x() { return __nvvm_read_ptx_sreg_ntid_x(); }
device u32 block_x() { return __nvvm_read_ptx_sreg_ctaid_x(); }
device u32 block_y() { return __nvvm_read_ptx_sreg_ctaid_y(); }
device u32 block_z() { return __nvvm_read_ptx_sreg_ctaid_z(); }
device u32 blocks_x() { return __nvvm_read_ptx_sreg_nctaid_x(); }
device u32 lane() { return thread_x() % WARP; }
device u32 warp() { return thread_x() / WARP; }

// ---- synchronization ----
device void barrier() { __syncthreads(); }

// ---- conversions ----
device float widen(float x) { return x; }
device float widen(f16 x) { return (float)x; }
device float widen(bf16 x) { return __builtin_bit_cast(float, (u32)x.bits << 16); }

template <typename A, typename B> constexpr bool same = false;
template <typename A> constexpr bool same<A, A> = true;

template <typename T> device T narrow(float x)
{
    if constexpr (same<T, bf16>)
    {
        // To nearest, ties to even, as cvt.rn.bf16.f32 of sm_80; a NaN keeps its sign and stays one.
        u32 bits = __builtin_bit_cast(u32, x), rounded = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
        return {(u16)(x != x ? bits >> 16 | 0x40 : rounded)};
    }
    else return (T)x;
}

// ---- float arithmetic ----
device float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
device float larger(float a, float b) { return a > b || a != a ? a : b; }
device float smaller(float a, float b) { return a < b || a != a ? a : b; }
device float magnitude(float x) { return __builtin_fabsf(x); }
device float root(float x) { return __nvvm_sqrt_rn_f(x); }
device float nearest_even(float x) { float r; asm("cvt.rni.f32.f32 %0, %1;" : "=f"(r) : "f"(x)); return r; }
device float floored(float x) { float r; asm("cvt.rmi.f32.f32 %0, %1;" : "=f"(r) : "f"(x)); return r; }
device float ceiled(float x) { float r; asm("cvt.rpi.f32.f32 %0, %1;" : "=f"(r) : "f"(x)); return r; }

// ---- lanes of a warp ----
device float from_lane_xor(float x, int mask) { return __nvvm_shfl_sync_bfly_f32(ALL_LANES, x, mask, WARP - 1); }
device u32 from_lane_xor(u32 x, int mask) { return (u32)__nvvm_shfl_sync_bfly_i32(ALL_LANES, (int)x, mask, WARP - 1); }
device i32 from_lane_xor(i32 x, int mask) { return __nvvm_shfl_sync_bfly_i32(ALL_LANES, x, mask, WARP - 1); }

struct Sum { static constexpr float none = 0.0f; device float of(float a, float b) { return a + b; } };
struct Largest { static constexpr float none = -__builtin_inff(); device float of(float a, float b) { return larger(a, b); } };
struct Smallest { static constexpr float none = __builtin_inff(); device float of(float a, float b) { return smaller(a, b); } };
struct Product { static constexpr float none = 1.0f; device float of(float a, float b) { return a * b; } };

// All lanes get the reduction over their warp, in one order whatever the block is.
template <typename Op> device float over_warp(float x)
{
#pragma unroll
    for (int mask = WARP / 2; mask > 0; mask /= 2) x = Op::of(x, from_lane_xor(x, mask));
    return x;
}

// All threads get the reduction over their block. partial_shared holds a float a warp; callers put a barrier between two uses of it.
template <typename Op, int THREADS> device float over_block(float x, float *partial_shared)
{
    x = over_warp<Op>(x);
    if (THREADS == WARP) return x;
    if (lane() == 0) partial_shared[warp()] = x;
    barrier();
    x = lane() < THREADS / WARP ? partial_shared[lane()] : Op::none;
    return over_warp<Op>(x);
}

// ---- bits and bytes ----
template <int TABLE> device u32 logic3(u32 a, u32 b, u32 c) { u32 r; asm("lop3.b32 %0, %1, %2, %3, %4;" : "=r"(r) : "r"(a), "r"(b), "r"(c), "n"(TABLE)); return r; }
// (a & b) | c.
device u32 and_or(u32 a, u32 b, u32 c) { return logic3<0xea>(a, b, c); }
device u32 permute(u32 a, u32 b, u32 selector) { u32 r; asm("prmt.b32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(selector)); return r; }

// ---- memory ----
device u32 shared_address(const void *p) { return (u32)(u64)(const __attribute__((address_space(3))) void *)p; }

// Weights are read once: they leave the caches first.
device u32x4 read_once(const u32x4 *p)
{
    u32 a, b, c, d;
    asm volatile("ld.global.cs.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(a), "=r"(b), "=r"(c), "=r"(d) : "l"(p));
    return u32x4{a, b, c, d};
}
