// Products of bf16 rows and panels, summed in f32, two products a lane and step; subnormal numbers count as 0.
#include "engine-kernels.h"

#define TILE engine_gemm_bf16
#if defined(__x86_64__)
#define DOT(s, a, b) _mm512_castps_si512(_mm512_dpbf16_ps(_mm512_castsi512_ps(s), (__m512bh)(a), (__m512bh)(b)))
#define PLUS(s, t) _mm512_castps_si512(_mm512_add_ps(_mm512_castsi512_ps(s), _mm512_castsi512_ps(t)))
#include "tile-avx512.h"
#elif defined(__aarch64__)
#define SUM float32x4_t
#define LOAD(p) vld1q_f32((const float *)(p))
#define STORE(p, s) vst1q_f32((float *)(p), s)
#define ZERO vdupq_n_f32(0)
#define DOT(s, a, b) vbfdotq_f32(s, vreinterpretq_bf16_u8(a), vreinterpretq_bf16_u8(b))
#include "tile-arm64.h"
#endif
