// What the library has, and what of it the CPU runs. Compiled without any flag for instructions.
#include "engine-kernels.h"

#include <string.h>

#define KERNEL(stem, tier, run) {stem, tier, (void (*)(void))run, 0}

#if defined(__x86_64__)
static engine_kernel kernels[] = {
    KERNEL("gemm-u8s8", "avx512vnni", engine_gemm_u8s8),
    KERNEL("gemm-bf16", "avx512bf16", engine_gemm_bf16),
    KERNEL("lowbit-gemv", "avx512vnni", engine_lowbit_row),
    KERNEL("lowbit-tile", "avx512vnni", engine_lowbit),
    KERNEL("lowbit-tile8", "avx512vnni", engine_lowbit),
    KERNEL("gemm-nm-u8s8", "avx512vnni", engine_gemm_nm_u8s8),
    KERNEL("gemm-binary", "avx512vpopcntdq", engine_gemm_binary),
    KERNEL("spmm-u8s8", "avx512vnni", engine_spmm_u8s8),
    KERNEL("limit", "avx512vnni", engine_limit_dot8),
    KERNEL("limit", "avx512bf16", engine_limit_bf16),
    KERNEL("limit", "avx512vpopcntdq", engine_limit_popcount),
};

// These ask the operating system too, whether it saves the registers.
static int has(const char *tier) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl")) return 0;
  if (!strcmp(tier, "avx512vnni")) return __builtin_cpu_supports("avx512vnni") != 0;
  if (!strcmp(tier, "avx512bf16")) return __builtin_cpu_supports("avx512bf16") != 0;
  return __builtin_cpu_supports("avx512vpopcntdq") != 0;
}
#elif defined(__aarch64__)
static engine_kernel kernels[] = {
    KERNEL("gemm-u8s8", "i8mm", engine_gemm_u8s8),
    KERNEL("gemm-bf16", "bf16", engine_gemm_bf16),
    KERNEL("limit", "i8mm", engine_limit_dot8),
    KERNEL("limit", "bf16", engine_limit_bf16),
};

#if defined(__linux__)
#include <sys/auxv.h>
// HWCAP2_I8MM and HWCAP2_BF16.
static int has(const char *tier) { return (getauxval(AT_HWCAP2) >> (!strcmp(tier, "i8mm") ? 13 : 14)) & 1; }
#elif defined(__APPLE__)
#include <sys/sysctl.h>
static int has(const char *tier) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(!strcmp(tier, "i8mm") ? "hw.optional.arm.FEAT_I8MM" : "hw.optional.arm.FEAT_BF16", &value, &size, NULL, 0) == 0 && value;
}
#else
// Windows on Arm has no question for them that every version answers.
static int has(const char *tier) { return (void)tier, 0; }
#endif
#else
#error "no kernels for this processor"
#endif

int32_t engine_kernels_abi(void) { return ENGINE_KERNELS_ABI; }

const engine_kernel *engine_kernels(int32_t *count) {
  *count = (int32_t)(sizeof kernels / sizeof *kernels);
  for (int32_t i = 0; i < *count; i++) kernels[i].supported = has(kernels[i].tier);
  return kernels;
}
