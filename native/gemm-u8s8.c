// Products of u8 rows and s8 panels, summed in i32.
#include "engine-kernels.h"

#define TILE engine_gemm_u8s8
#if defined(__x86_64__)
#define DOT(s, a, b) _mm512_dpbusd_epi32(s, a, b)
#define PLUS(s, t) _mm512_add_epi32(s, t)
#include "tile-avx512.h"
#elif defined(__aarch64__)
#define SUM int32x4_t
#define LOAD(p) vld1q_s32(p)
#define STORE(p, s) vst1q_s32(p, s)
#define ZERO vdupq_n_s32(0)
#define DOT(s, a, b) vusdotq_s32(s, a, vreinterpretq_s8_u8(b))
#include "tile-arm64.h"
#endif
