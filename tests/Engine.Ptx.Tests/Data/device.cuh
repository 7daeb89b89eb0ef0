// What the test kernels need of CUDA, for clang alone.
#pragma once
#define GLOBAL extern "C" __attribute__((global))
#define DEVICE static __attribute__((device)) inline __attribute__((always_inline))
#define SHARED __attribute__((shared))
using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;
using f16 = _Float16;
DEVICE u32 tid() { return __nvvm_read_ptx_sreg_tid_x(); }
DEVICE u32 block() { return __nvvm_read_ptx_sreg_ctaid_x(); }
DEVICE u32 blockSize() { return __nvvm_read_ptx_sreg_ntid_x(); }
DEVICE u32 gridSize() { return __nvvm_read_ptx_sreg_nctaid_x(); }
DEVICE float shuffleXor(float v, int lanes) { return __nvvm_shfl_sync_bfly_f32(0xffffffffu, v, lanes, 31); }
DEVICE u32 sharedAddress(const void *p) { return (u32)(u64)(const __attribute__((address_space(3))) void *)p; }
DEVICE void copyAsync16(u32 to, const void *from) { asm volatile("cp.async.cg.shared.global [%0],[%1],16;" ::"r"(to), "l"(from) : "memory"); }
DEVICE void copyCommit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> DEVICE void copyWait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }
