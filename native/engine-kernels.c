// What the library has, and what of it the CPU runs. Compiled without any flag for instructions.
#include "engine-kernels.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#define HAS_I8MM ((getauxval(AT_HWCAP2) >> 13) & 1)
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
static int feature(const char *name) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value;
}
#define HAS_I8MM feature("hw.optional.arm.FEAT_I8MM")
#elif defined(__aarch64__)
#define HAS_I8MM 0
#endif

#define KERNEL(stem, tier, run) {stem, tier, (void (*)(void))run, 0}

static engine_kernel kernels[] = {
#if defined(__x86_64__)
    KERNEL("gemm-u8s8", "avx512vnni", engine_gemm_u8s8),
#elif defined(__aarch64__)
    KERNEL("gemm-u8s8", "i8mm", engine_gemm_u8s8),
#endif
    {NULL, NULL, NULL, 0},
};

int32_t engine_kernels_abi(void) { return ENGINE_KERNELS_ABI; }

const engine_kernel *engine_kernels(int32_t *count) {
  int32_t n = 0;
#if defined(__x86_64__)
  // These ask the operating system too, whether it saves the registers.
  __builtin_cpu_init();
  kernels[n++].supported = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
#elif defined(__aarch64__)
  kernels[n++].supported = HAS_I8MM;
#endif
  *count = n;
  return kernels;
}
